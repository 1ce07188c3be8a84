// Pictures through a network: what classifiers and detectors have in common.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kinglet/pipeline.h"
#include "models/pipeline/input_writer.h"

namespace kinglet {

class Stopwatch {
 public:
  // Milliseconds since the last call, or since the watch was made.
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double, std::milli> lap = now - last_;
    last_ = now;
    return lap.count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// An ONNX file, or a demo network, under its name, which is part of the library.
Graph OpenWeights(const std::string& model, const ReadOptions& options);

// The descriptor that the options name, that of the demo network, or the one beside the model; none
// when there is none. Not yet fitted.
std::optional<Descriptor> ChooseDescriptor(const std::string& model,
                                           const PipelineOptions& options);
// `rule`: where a rule for colours, crop and scale would do instead.
[[noreturn]] void ThrowNoDescriptor(const std::string& model, bool rule);

// The label, or "class 7" where there is none.
std::string LabelOr(const std::vector<std::string>& labels, std::size_t index);

class PictureNetwork {
 public:
  // Compiles; adds to the notes what the model says.
  PictureNetwork(std::string name, Graph graph, const PipelineOptions& options,
                 std::vector<std::string>& notes);
  // The descriptor of the pictures, fitted; stays where it is while pictures run.
  void Describe(const Descriptor& fitted);

  // The outputs stay valid until the next call. At most `together` pictures; throws Error.
  const Tensors& Run(std::span<const Image> pictures);
  // How many of `batch` pictures go through the network together.
  int together() const { return together_; }
  void OneAtATime() { together_ = 1; }

  // Reads the files, a group at a time, and calls `body` with the pictures of each group.
  template <typename Body>
  void ForEachGroup(const std::vector<std::string>& files, Body body) {
    const auto most = static_cast<std::size_t>(together_);
    std::vector<Image> group;
    for (std::size_t i = 0; i < files.size(); ++i) {
      Stopwatch watch;
      group.push_back(ReadImage(files[i], limits_));
      times.decode += watch.Lap();
      if (group.size() < most && i + 1 < files.size()) continue;
      body(std::span<const Image>(group));
      group.clear();
    }
  }

  // The output of this name as it is planned for one picture, and otherwise as it is declared.
  std::vector<TensorInfo> PlannedOutputs() const;

  std::string name;
  Model model;
  int threads;
  StageTimes times;

 private:
  ImageLimits limits_;
  int batch_, together_ = 1;
  const Descriptor* descriptor_ = nullptr;
  TensorInfo input_;
  // Made at the first run: kernels that are measured before it count.
  std::optional<Session> session_;
  InputWriter writer_;
  Tensors inputs_;
};

}  // namespace kinglet
