// What a network would take at a batch, on threads, in instances at once: found without running it
// (Lu et al. 2017, "Augur: Modeling the resource requirements of ConvNets on mobile devices").
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "characterize/predict/predictor.h"
#include "kinglet/network.h"
#include "kinglet/outline.h"
#include "measure/network/shapes.h"

namespace kinglet::characterize {

struct LayerForecast {
  std::string name, op, kernel;
  double us = 0;
  double physical_us = 0;
  bool known = false;  // the predictor knows the kernel
};

// Of one instance, but for what says otherwise.
struct Forecast {
  int batch = 1;
  int threads = 1;
  int instances = 1;
  NetworkTime time;          // of one run over the whole batch
  double preprocess_us = 0;  // of the batch, about; 0 where no descriptor says what is done
  double postprocess_us = 0;
  double images_per_s = 0;  // of all instances, without pre- and post-processing
  std::size_t waiting_steps = 0;
  MemoryNeed memory;
  std::size_t resident_bytes = 0;     // of one process with all instances as threads, about
  std::size_t program_bytes = 0;      // of that the program itself, which systems keep differently
  std::vector<LayerForecast> layers;  // of the steps that do not wait, in the order of the plan
};

struct Bounds {
  double latency_us = 0;         // of a run with pre- and post-processing; 0: none
  std::size_t memory_bytes = 0;  // resident; 0: none
};
bool HoldsLatency(const Forecast& forecast, const Bounds& bounds);
bool HoldsMemory(const Forecast& forecast, const Bounds& bounds);
// The one with most images per second of those that hold both; null: none does.
const Forecast* BestUnder(const std::vector<Forecast>& forecasts, const Bounds& bounds);

struct ForeseeOptions {
  CompileOptions compile{};  // how kernels are chosen; its threads are not used
  std::vector<std::string> shapes{};
  // Figures of the machine that is asked about; none: the predictor's where it is of this kind of
  // machine, else those that kernels are chosen by.
  std::optional<ForeignCalibration> machine{};
  const Predictor* predictor = nullptr;  // null: the physical part alone
  int cores = 1;                         // that instances share
};

// One network that questions are asked about.
class Foresight {
 public:
  // Consumes the graph. Throws as Outline and ShapeChooser do.
  Foresight(NamedNetwork network, const ForeseeOptions& options);
  // Of a network that was opened and outlined elsewhere, by the same options.
  Foresight(measure::ShapeChooser chooser, std::optional<Descriptor> descriptor, Outline outline,
            const ForeseeOptions& options);

  // `batch` 0: the network's own, or 1. Throws as Outline::At does.
  Forecast At(int batch, int threads, int instances) const;

  // The predictor was learned on another kind of machine than the one that is asked about.
  bool foreign() const { return foreign_; }
  // What a person should know: guessed sizes, ignored files, another instruction set.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  const ForeseeOptions options_;
  std::vector<std::string> notes_;
  bool foreign_ = false;
  Calibration figures_;
  double preprocess_us_ = 0;  // of one image
  double postprocess_us_ = 0;
  const std::optional<Descriptor> descriptor_;
  const measure::ShapeChooser chooser_;
  const Outline outline_;
};

// A network as OpenNetwork opens it, with weights that take no memory where it is built of a
// descriptor, and where an ONNX file has been stripped of them.
NamedNetwork OpenWithoutWeights(const std::string& name, const ReadOptions& options = {});

}  // namespace kinglet::characterize
