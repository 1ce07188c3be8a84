#include "measure/network/opened.h"

#include <utility>

#include "kinglet/error.h"
#include "kinglet/network.h"

namespace kinglet::measure {
namespace {

// The one that is named, the network's own, or the one beside it: that of a detector fitted to the
// network.
std::optional<Descriptor> DescriptorOf(const Point& point, const NamedNetwork& network) {
  std::optional<Descriptor> descriptor = network.descriptor;
  if (!point.descriptor.empty()) {
    if (descriptor) throw Error(ErrorCode::kInvalidInput, "--descriptor is for a model file");
    descriptor = OpenDescriptor(point.descriptor);
  }
  if (!descriptor) descriptor = DescriptorBeside(point.network);
  if (descriptor && descriptor->task == Task::kDetect) {
    return FitDescriptor(*std::move(descriptor), network.graph);
  }
  if (!point.picture.empty()) {
    throw Error(ErrorCode::kInvalidInput,
                "--image is for detectors, and " + point.network +
                    (descriptor ? " is none" : " has no descriptor that says that it is one"));
  }
  return descriptor;
}

Model CompileFor(const Point& point, Graph graph) {
  CompileOptions compile = point.compile;
  compile.threads = point.threads;
  return Model::Compile(std::move(graph), compile);
}

// What a check of the network found, where one is kept.
std::optional<PrecisionVerdicts> VerdictsOf(const Point& point, const Graph& graph) {
  const std::string& file = point.compile.verdict_file;
  if (file.empty() && !point.compile.use_cache) return std::nullopt;
  return FindVerdicts(graph, file);
}

}  // namespace

std::string PrecisionOfPlan(const PlanInfo& plan, Precision wanted) {
  double integer = 0;
  double all = 0;
  for (const StepInfo& step : plan.steps) {
    for (const WorkInfo::Operations& operations : step.work.operations) {
      const bool is_float = operations.type.find("float") != std::string::npos;
      all += operations.count;
      if (!is_float) integer += operations.count;
    }
  }
  const bool integers = integer > all / 2;
  const Precision floats =
      wanted == Precision::kBFloat16 ? Precision::kBFloat16 : Precision::kFloat32;
  return std::string(PrecisionName(integers ? Precision::kInt8 : floats));
}

OpenedNetwork OpenForPoint(const Point& point) {
  NamedNetwork network = OpenNetwork(point.network, point.read);
  std::string anchors = network.descriptor ? "" : AnchorsBeside(point.network);
  std::optional<Descriptor> descriptor = DescriptorOf(point, network);
  ShapeChooser shapes(network.graph, point.shapes, descriptor, point.batch);
  std::optional<PrecisionVerdicts> verdicts = VerdictsOf(point, network.graph);
  Model model = CompileFor(point, std::move(network.graph));
  std::vector<std::string> notes = model.notes();
  if (!shapes.note().empty()) notes.push_back(shapes.note());
  return {std::move(model),   std::move(shapes),   std::move(descriptor),
          std::move(anchors), std::move(verdicts), std::move(notes)};
}

}  // namespace kinglet::measure
