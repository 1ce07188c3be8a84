// class_sweep: how post-processing grows with the number of classes beside the network that it
// follows. SSD MobileNet V1 is built with each number of classes; the network runs on noise, and
// what follows it on scores as a trained detector gives (scene.h), because those of random weights
// pass the threshold by the thousands.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <functional>
#include <vector>

#include "benchmarks/detection/scene.h"
#include "kinglet/detect.h"
#include "kinglet/model.h"
#include "measure/common/repeat.h"
#include "measure/common/statistics.h"
#include "measure/network/shapes.h"

namespace kinglet::benchmarks {
namespace {

double MedianMs(int repeat, const std::function<void()>& run) {
  measure::Repetition repetition;
  repetition.runs = static_cast<std::size_t>(repeat);
  return measure::Median(measure::TimeRuns(run, repetition));
}

void Measure(int classes, int threads, int repeat) {
  Descriptor descriptor = FindDescriptor("ssd_mobilenet_v1");
  descriptor.architecture.classes = classes + 1;
  Graph graph = BuildArchitecture(descriptor.architecture);
  descriptor = FitDescriptor(descriptor, graph);
  const Model model = Model::Compile(std::move(graph), {.threads = threads});
  Session session = model.NewSession();
  const Tensors inputs =
      measure::RandomInputs(model.inputs(), measure::ChooseShapes(model.inputs(), {}, descriptor));
  const double network = MedianMs(repeat, [&] { session.Run(inputs); });

  const Shape shape = session.Run(inputs).at(descriptor.detection.scores).shape();
  const Scene scene = MakeScene(shape[1], shape[2]);
  const Tensors outputs = {
      {descriptor.detection.boxes, Tensor::From<float>({1, shape[1], 4}, scene.codes)},
      {descriptor.detection.scores, Tensor::From<float>(shape, scene.scores)}};
  const std::vector<PictureSize> pictures = {{640, 480}};
  DetectionDecoder decoder(descriptor);
  std::size_t found = 0;
  const double postprocess =
      MedianMs(repeat, [&] { found = decoder.Decode(outputs, pictures).front().size(); });
  std::printf("%7d  %10.2f  %14.3f  %5.1f %%  %10zu\n", classes, network, postprocess,
              100 * postprocess / (network + postprocess), found);
}

}  // namespace
}  // namespace kinglet::benchmarks

int main(int argc, char** argv) {
  CLI::App app("Network and post-processing of SSD MobileNet V1 by the number of classes");
  std::vector<int> classes = {1, 20, 90, 273, 546, 1000};
  int threads = 1;
  int repeat = 21;
  app.add_option("--classes", classes, "Numbers of classes (default: 1 20 90 273 546 1000)");
  app.add_option("--threads,-j", threads, "Threads of the network (default: 1)");
  app.add_option("--repeat,-r", repeat, "Runs of each (default: 21)");
  CLI11_PARSE(app, argc, argv);
  std::printf("classes  network ms  postprocess ms    share  detections\n");
  for (const int count : classes) kinglet::benchmarks::Measure(count, threads, repeat);
  return 0;
}
