#include "measure/network/point.h"

#include <algorithm>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>

#include "kinglet/detect.h"
#include "kinglet/error.h"
#include "kinglet/network.h"
#include "kinglet/verdict.h"
#include "measure/common/process.h"
#include "measure/common/repeat.h"
#include "measure/network/shapes.h"

namespace kinglet::measure {
namespace {

using Json = nlohmann::ordered_json;

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

// What most multiply-adds of the plan are computed in, as `wanted` has it where it is float.
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

// A file of the cache that cannot be written is worth a note only.
void Tune(Model& model, const InputShapes& shapes, const Point& point,
          std::vector<std::string>& notes) {
  model.Tune(shapes);
  try {
    model.SaveTuning(point.tuning_file);
  } catch (const Error& error) {
    if (!point.tuning_file.empty() || error.code() != ErrorCode::kIo) throw;
    notes.push_back(std::string("measured kernels are not kept: ") + error.what());
  }
}

constexpr ErrorCode kCodes[] = {ErrorCode::kInvalidModel, ErrorCode::kUnsupported,
                                ErrorCode::kInvalidInput, ErrorCode::kIo, ErrorCode::kResource};

std::string ErrorLine(const Error& error) {
  const Json line = {{"error", {{"code", ErrorCodeName(error.code())}, {"message", error.what()}}},
                     {"format", kRecordFormat}};
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// The error that the line tells of.
std::optional<Error> ErrorOf(const std::string& line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("error") || !json["error"].is_object()) return {};
  const Json& error = json["error"];
  const std::string name = error.value("code", "");
  for (const ErrorCode code : kCodes) {
    if (name == ErrorCodeName(code)) return Error(code, error.value("message", ""));
  }
  return {};
}

bool EveryPointHas(ErrorCode code) {
  return code != ErrorCode::kIo && code != ErrorCode::kResource;
}

// What a check of the network found, where one is kept.
std::optional<PrecisionVerdicts> VerdictsOf(const Point& point, const Graph& graph) {
  const std::string& file = point.compile.verdict_file;
  if (file.empty() && !point.compile.use_cache) return std::nullopt;
  return FindVerdicts(graph, file);
}

std::optional<double> AgreementOf(const std::optional<PrecisionVerdicts>& verdicts,
                                  const std::string& precision) {
  if (!verdicts || precision == PrecisionName(Precision::kFloat32)) return std::nullopt;
  const auto found = verdicts->find(PrecisionOf(precision).value_or(Precision::kFloat32));
  if (found == verdicts->end()) return std::nullopt;
  return found->second.share;
}

}  // namespace

PointRecord TimePoint(const Point& point) {
  NamedNetwork network = OpenNetwork(point.network, point.read);
  const std::string anchors = network.descriptor ? "" : AnchorsBeside(point.network);
  const std::optional<Descriptor> descriptor = DescriptorOf(point, network);
  const ShapeChooser chooser(network.graph, point.shapes, descriptor, point.batch);
  const std::optional<PrecisionVerdicts> verdicts = VerdictsOf(point, network.graph);
  Model model = CompileFor(point, std::move(network.graph));
  const InputShapes shapes = chooser.For(point.batch);
  const PlanInfo plan = model.Describe(shapes);
  std::optional<DetectionDecoder> decoder;
  if (descriptor && descriptor->task == Task::kDetect) {
    decoder.emplace(SizedAs(*descriptor, shapes.at(descriptor->input)),
                    DetectionDecoderOptions{point.threads, anchors});
    decoder->CheckOutputs(plan.outputs);
  }
  PointRecord record;
  record.notes = model.notes();
  if (!chooser.note().empty()) record.notes.push_back(chooser.note());
  if (point.tune) Tune(model, shapes, point, record.notes);
  const Tensors inputs = RandomInputs(model.inputs(), shapes);
  Session session = model.NewSession();
  Repetition repetition;
  repetition.runs = static_cast<std::size_t>(point.repeat);
  record.model = point.network;
  record.batch = chooser.Batch(shapes);
  record.threads = point.threads;
  record.precision = PrecisionOfPlan(plan, model.precision());
  record.agreement = AgreementOf(verdicts, record.precision);
  record.times = Summarise(TimeRuns([&] { session.Run(inputs); }, repetition));
  record.operations = 2.0 * static_cast<double>(plan.macs);
  record.peak_rss_mb = PeakRssMib();
  record.waiting_steps = static_cast<std::size_t>(std::count_if(
      plan.steps.begin(), plan.steps.end(), [](const StepInfo& step) { return step.waits; }));
  record.machine = ThisMachine();
  if (decoder) {
    const TensorInfo input = model.inputs().front();
    record.stages = TimeStages(*decoder, session, input, shapes.at(input.name), point.picture);
  }
  return record;
}

std::string AnswerPoint(const Point& point) {
  try {
    return RecordLine(TimePoint(point));
  } catch (const Error& error) {
    return ErrorLine(error);
  } catch (const std::bad_alloc&) {
    return ErrorLine({ErrorCode::kResource, "not enough memory"});
  }
}

PointRecord TimeInOwnProcess(const Point& point, const std::string& name,
                             const std::vector<std::string>& arguments) {
  const ProcessResult process = RunOwnProcess(name, arguments);
  const std::string line = LastLine(process);
  const std::string batch = point.batch > 0 ? ", batch " + std::to_string(point.batch) : "";
  const std::string which =
      point.network + batch + ", threads " + std::to_string(point.threads) + ": ";
  if (process.signal != 0) throw Error(ErrorCode::kResource, which + DescribeEnd(process));
  if (const std::optional<Error> error = ErrorOf(line)) {
    if (EveryPointHas(error->code())) throw *error;
    throw Error(error->code(), which + error->what());
  }
  if (process.status != 0 || line.empty()) {
    throw Error(ErrorCode::kResource,
                which + DescribeEnd(process) + (line.empty() ? " and no result" : ": " + line));
  }
  return ParseRecord(line, which + "the process's result");
}

}  // namespace kinglet::measure
