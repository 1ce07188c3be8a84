// What pictures show of a float32 graph that is to be quantised.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kinglet/model.h"
#include "kinglet/tensor.h"
#include "models/quantize/coded_graph.h"

namespace kinglet {

// Runs graphs on the inputs of all pictures.
class PictureRunner {
 public:
  using Progress = std::function<void(std::size_t done, std::size_t total)>;

  // `inputs` has to outlive it.
  PictureRunner(std::span<const Tensors> inputs, CompileOptions compile)
      : inputs_(inputs), compile_(std::move(compile)) {}

  // Calls visit(picture, inputs, outputs) for each.
  void Run(std::unique_ptr<GraphIr> graph,
           const std::function<void(std::size_t, const Tensors&, const Tensors&)>& visit,
           const Progress& progress = {}) const;

 private:
  std::span<const Tensors> inputs_;
  CompileOptions compile_;
};

// What was seen of each range, by range. Throws Error(kInvalidInput) where a value is not finite.
std::vector<Observed> ObserveRanges(const GraphIr& graph, const QuantizationPoints& points,
                                    const PictureRunner& runner,
                                    const PictureRunner::Progress& progress);

// What codes of its input and weights do to the results of a layer.
struct LayerNoise {
  double signal_to_noise = 0;  // decibels
  std::vector<float> shift;    // of the mean of each channel
  bool plausible = false;      // no shift is larger than what its channel is about
};
// By node; none where it is no layer.
std::vector<std::optional<LayerNoise>> MeasureNoise(const GraphIr& graph, const Coding& coding,
                                                    const PictureRunner& runner,
                                                    const PictureRunner::Progress& progress);

}  // namespace kinglet
