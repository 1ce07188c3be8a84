#include "apps/cli/bench_point.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>

#include "apps/cli/costs.h"
#include "apps/cli/detector.h"
#include "apps/cli/network.h"
#include "apps/cli/output.h"
#include "apps/cli/own_process.h"
#include "apps/cli/shapes.h"
#include "kinglet/detect.h"

namespace kinglet::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr Milliseconds kWarmUp{300};
constexpr Milliseconds kBudget{2000};
constexpr std::size_t kMinRuns = 9;

std::vector<double> TimeRuns(Session& session, const Tensors& inputs, int repeat) {
  const Clock::time_point warming = Clock::now();
  do {
    session.Run(inputs);
  } while (Clock::now() - warming < kWarmUp);
  std::vector<double> times;
  const auto enough = static_cast<std::size_t>(repeat);
  const Clock::time_point begin = Clock::now();
  Clock::time_point last = begin;
  while (repeat > 0 ? times.size() < enough : times.size() < kMinRuns || last - begin < kBudget) {
    const Clock::time_point start = Clock::now();
    session.Run(inputs);
    last = Clock::now();
    times.push_back(Milliseconds(last - start).count());
  }
  std::sort(times.begin(), times.end());
  return times;
}

double Median(const std::vector<double>& sorted) {
  const std::size_t count = sorted.size();
  return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

double PeakRssMb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

std::vector<std::string> Arguments(const BenchPoint& point) {
  std::vector<std::string> arguments = {"bench",     "--point",
                                        "--batch",   std::to_string(point.batch),
                                        "--threads", std::to_string(point.threads)};
  if (point.repeat > 0) {
    arguments.insert(arguments.end(), {"--repeat", std::to_string(point.repeat)});
  }
  if (!point.costs.calibration.empty()) {
    arguments.insert(arguments.end(), {"--calibration", point.costs.calibration});
  }
  if (!point.costs.tuning.empty()) {
    arguments.insert(arguments.end(), {"--tuning", point.costs.tuning});
  }
  if (point.costs.no_cache) arguments.push_back("--no-cache");
  if (point.costs.no_winograd) arguments.push_back("--no-winograd");
  if (point.costs.tune) arguments.push_back("--tune");
  if (!point.descriptor.empty()) {
    arguments.insert(arguments.end(), {"--descriptor", point.descriptor});
  }
  if (!point.picture.empty()) arguments.insert(arguments.end(), {"--image", point.picture});
  for (const std::string& shape : point.shapes) {
    arguments.insert(arguments.end(), {"--shape", shape});
  }
  arguments.insert(arguments.end(), {"--", point.network});
  return arguments;
}

// The one that is named, the network's own, or the one beside it: that of a detector fitted to the
// network.
std::optional<Descriptor> DescriptorOf(const BenchPoint& point, const NamedNetwork& network) {
  std::optional<Descriptor> descriptor = network.descriptor;
  if (!point.descriptor.empty()) {
    if (descriptor) throw UsageError("--descriptor is for a model file");
    descriptor = OpenDescriptor(point.descriptor);
  }
  if (!descriptor) descriptor = DescriptorBeside(point.network);
  if (descriptor && descriptor->task == Task::kDetect) {
    return FitDescriptor(*std::move(descriptor), network.graph);
  }
  if (!point.picture.empty()) {
    throw UsageError("--image is for detectors, and " + point.network +
                     (descriptor ? " is none" : " has no descriptor that says that it is one"));
  }
  return descriptor;
}

// The one line of an error that a process left, without the name of the program.
std::string LastLine(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  text = text.substr(text.rfind('\n') + 1);
  constexpr std::string_view kName = "kinglet: ";
  return text.starts_with(kName) ? text.substr(kName.size()) : text;
}

Status ReportFailure(const BenchPoint& point, const ProcessResult& process) {
  const auto status = static_cast<Status>(process.status);
  if (process.signal == 0 && (status == Status::kUsage || status == Status::kBadModel)) {
    PrintError(LastLine(process.output));  // the same at every point
    return status;
  }
  std::string what = LastLine(process.output);
  if (process.signal != 0) {
    what = fmt::format("the process was ended by signal {} ({})", process.signal,
                       strsignal(process.signal));
    if (process.signal == SIGKILL) what += ": as when memory runs out";
  } else if (status == Status::kDone || what.empty()) {
    what = fmt::format("the process ended with status {} and no result", process.status);
  }
  PrintError(
      fmt::format("{}, batch {}, threads {}: {}", point.network, point.batch, point.threads, what));
  return Status::kIo;
}

}  // namespace

Status MeasurePoint(const BenchPoint& point, BenchTimes& times) {
  const ProcessResult process = RunOwnProcess(Arguments(point));
  const auto json = nlohmann::json::parse(process.output, nullptr, false);
  if (process.signal != 0 || process.status != 0 || !json.is_object()) {
    return ReportFailure(point, process);
  }
  times = {json.at("median_ms"), json.at("min_ms"), json.at("p95_ms"), json.at("operations"),
           json.at("peak_rss_mb")};
  if (json.contains("stages")) {
    const auto& stages = json["stages"];
    times.stages = {stages.at(0), stages.at(1), stages.at(2)};
  }
  return Status::kDone;
}

Status TimePoint(const BenchPoint& point) {
  NamedNetwork network = OpenNetwork(point.network);
  const std::string anchors = network.descriptor ? "" : AnchorsBeside(point.network);
  std::optional<Descriptor> descriptor = DescriptorOf(point, network);
  CommonOptions common;
  common.threads = point.threads;
  common.costs = point.costs;
  Model model = CompileModel(std::move(network.graph), common);
  const InputShapes shapes = ChooseShapes(model.inputs(), {point.batch, point.shapes}, descriptor);
  const PlanInfo plan = model.Describe(shapes);
  std::optional<Detector> detector;
  if (descriptor && descriptor->task == Task::kDetect) {
    detector.emplace(SizedAs(*descriptor, shapes.at(descriptor->input)),
                     DetectorOptions{point.threads, anchors});
    detector->CheckOutputs(plan.outputs);
  }
  TuneWhenAsked(model, shapes, common);
  const Tensors inputs = RandomInputs(model.inputs(), shapes);
  Session session = model.NewSession();
  const std::vector<double> times = TimeRuns(session, inputs, point.repeat);
  const std::size_t runs = times.size();
  const auto p95 = static_cast<std::size_t>(std::ceil(0.95 * static_cast<double>(runs)));
  nlohmann::json json = {{"median_ms", Median(times)},
                         {"min_ms", times.front()},
                         {"p95_ms", times[p95 - 1]},
                         {"operations", 2.0 * static_cast<double>(plan.macs)},
                         {"peak_rss_mb", PeakRssMb()}};
  if (detector) {
    const TensorInfo input = model.inputs().front();
    const DetectorStages stages =
        TimeStages(*detector, session, input, shapes.at(input.name), point.picture);
    json["stages"] = {stages.decode, stages.preprocess, stages.postprocess};
  }
  Print(json.dump() + "\n");
  return Status::kDone;
}

}  // namespace kinglet::cli
