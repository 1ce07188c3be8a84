#include "characterize/correlate/metrics.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "kinglet/descriptor.h"
#include "kinglet/error.h"
#include "kinglet/network.h"
#include "measure/common/json_reader.h"
#include "measure/common/machine.h"
#include "measure/common/repeat.h"
#include "measure/common/statistics.h"
#include "measure/network/shapes.h"

namespace kinglet::characterize {
namespace {

using measure::JsonReader;

constexpr int kMetricsFormat = 1;
constexpr std::size_t kMostMetrics = 1000;
constexpr const char* kStatic[] = {"multiply_adds",    "parameters", "weight_bytes",
                                   "activation_bytes", "intensity",  "working_set_bytes",
                                   "layers",           "steps"};

// Energy of the CPU's packages so far, joules; below 0 where RAPL cannot be read. Its counter wraps
// around after minutes, which a reading that is less than the one before shows.
double PackageJoules() {
  double sum = 0;
  for (int package = 0;; ++package) {
    std::ifstream file("/sys/class/powercap/intel-rapl:" + std::to_string(package) + "/energy_uj");
    double microjoules = 0;
    if (!(file >> microjoules)) return package == 0 ? -1 : sum;
    sum += 1e-6 * microjoules;
  }
}

// A network that is ready to run, and what it is made of.
struct ReadyNetwork {
  explicit ReadyNetwork(const MetricsOptions& options)
      : ReadyNetwork(options, OpenNetwork(options.network, options.read)) {}

  Metrics facts{};
  InputShapes shapes{};  // set while the model is made
  Model model;

 private:
  ReadyNetwork(const MetricsOptions& options, NamedNetwork network)
      : facts({{"parameters", static_cast<double>(network.graph.parameter_count())},
               {"layers", static_cast<double>(network.graph.node_count())}}),
        model(Compiled(options, network, shapes)) {}

  static Model Compiled(const MetricsOptions& options, NamedNetwork& network, InputShapes& shapes) {
    std::optional<Descriptor> descriptor = network.descriptor;
    if (!descriptor) descriptor = DescriptorBeside(options.network);
    shapes = measure::ShapeChooser(network.graph, {}, descriptor, options.batch).For(options.batch);
    CompileOptions compile = options.compile;
    compile.threads = options.threads;
    return Model::Compile(std::move(network.graph), compile);
  }
};

void AddPlan(const PlanInfo& plan, const Model& model, Metrics& metrics) {
  double moved = 0;
  for (const StepInfo& step : plan.steps) moved += step.work.read_bytes + step.work.write_bytes;
  const auto weights = static_cast<double>(model.weight_bytes());
  const auto macs = static_cast<double>(plan.macs);
  metrics["multiply_adds"] = macs;
  metrics["weight_bytes"] = weights;
  metrics["activation_bytes"] = moved;
  metrics["intensity"] = moved + weights > 0 ? 2 * macs / (moved + weights) : 0;
  metrics["working_set_bytes"] =
      weights + static_cast<double>(plan.arena_bytes) + static_cast<double>(plan.scratch_bytes);
  metrics["steps"] = static_cast<double>(plan.steps.size());
  metrics["predicted_ms"] = 1e3 * plan.predicted_seconds;
}

// Runs for the budget, and what is counted meanwhile.
void AddRuns(const MetricsOptions& options, Session& session, const Tensors& inputs,
             Metrics& metrics) {
  session.Run(inputs);  // makes the threads that are counted
  const CounterRequest software{CounterMode::kEvents};
  const bool off = options.counters.mode == CounterMode::kOff ||
                   options.counters.mode == CounterMode::kCachegrind;
  const OpenedCounters counters = OpenCounters(off ? software : options.counters);
  const std::vector<std::string>& names = counters.source->names();
  std::vector<double> before(names.size()), after(names.size());
  measure::TimeRuns([&] { session.Run(inputs); }, {.warm_up_ms = 200, .runs = 1});
  const double joules = PackageJoules();
  counters.source->Read(before);
  const double start = measure::SteadySeconds();
  measure::Repetition repetition;
  repetition.warm_up_ms = 0;
  repetition.budget_ms = 1e3 * options.budget_seconds;
  const std::vector<double> times = measure::TimeRuns([&] { session.Run(inputs); }, repetition);
  const double seconds = measure::SteadySeconds() - start;
  counters.source->Read(after);
  const auto runs = static_cast<double>(times.size());
  for (std::size_t e = 0; e < names.size(); ++e) metrics[names[e]] = (after[e] - before[e]) / runs;
  const double latency = measure::Median(times);
  metrics["latency_ms"] = latency;
  metrics["images_per_s"] = 1e3 * options.batch / latency;
  metrics["utilisation"] =
      std::min(1.0, 1e-3 * (after[0] - before[0]) / (seconds * options.threads));
  if (const double used = PackageJoules() - joules; joules >= 0 && used > 0) {
    metrics["energy_mj"] = 1e3 * used / runs;
  }
}

}  // namespace

const std::vector<Target>& Targets() {
  static const std::vector<Target> targets = {{"latency_ms", "latency, ms"},
                                              {"images_per_s", "throughput, images/s"},
                                              {"utilisation", "utilisation of the cores"},
                                              {"energy_mj", "energy of a run, mJ"}};
  return targets;
}

NetworkMetrics MeasureMetrics(const MetricsOptions& options) {
  ReadyNetwork network(options);
  NetworkMetrics result{options.network};
  result.metrics = network.facts;
  const PlanInfo plan = network.model.Describe(network.shapes);
  const Tensors inputs = measure::RandomInputs(network.model.inputs(), network.shapes);
  Session session = network.model.NewSession();
  AddRuns(options, session, inputs, result.metrics);
  AddPlan(plan, network.model, result.metrics);
  result.metrics["peak_rss_mb"] = measure::PeakRssMib();
  return result;
}

void RunOnly(const MetricsOptions& options, int runs) {
  ReadyNetwork network(options);
  const Tensors inputs = measure::RandomInputs(network.model.inputs(), network.shapes);
  Session session = network.model.NewSession();
  for (int run = 0; run < runs; ++run) session.Run(inputs);
}

std::string MetricsLine(const NetworkMetrics& metrics) {
  JsonReader::Json json = {{"network", metrics.network}, {"engine", metrics.engine}};
  json["metrics"] = metrics.metrics;
  json["format"] = kMetricsFormat;
  return measure::CompactJson(json) + "\n";
}

NetworkMetrics ParseMetrics(std::string_view line, const std::string& source) {
  const JsonReader::Json json = JsonReader::Json::parse(line, nullptr, false);
  if (!json.is_object()) {
    throw Error(ErrorCode::kInvalidInput,
                source + ": expected the metrics of a network, a line of JSON");
  }
  const JsonReader reader(json, source);
  if (reader.Count("format") != kMetricsFormat) reader.Refuse("format", "1");
  NetworkMetrics metrics{reader.Text("network"), reader.Text("engine")};
  const JsonReader numbers = reader.Object("metrics");
  const JsonReader::Json& object = json.at("metrics");
  if (object.size() > kMostMetrics) reader.Refuse("metrics", "at most 1000 numbers");
  for (const auto& [name, value] : object.items()) {
    metrics.metrics[name] = numbers.Number(name.c_str());
  }
  return metrics;
}

NetworkMetrics MedianOf(const std::vector<NetworkMetrics>& turns) {
  NetworkMetrics median = turns.front();
  for (auto metric = median.metrics.begin(); metric != median.metrics.end();) {
    std::vector<double> values;
    for (const NetworkMetrics& turn : turns) {
      const auto found = turn.metrics.find(metric->first);
      if (found != turn.metrics.end()) values.push_back(found->second);
    }
    if (values.size() < turns.size()) {
      metric = median.metrics.erase(metric);
      continue;
    }
    metric->second = measure::Median(std::move(values));
    ++metric;
  }
  return median;
}

std::vector<NetworkMetrics> WithStatic(const std::vector<NetworkMetrics>& kinglet,
                                       std::vector<NetworkMetrics> peers) {
  std::vector<NetworkMetrics> known;
  for (NetworkMetrics& peer : peers) {
    const auto own = std::find_if(kinglet.begin(), kinglet.end(), [&](const NetworkMetrics& each) {
      return each.network == peer.network;
    });
    if (own == kinglet.end()) continue;
    for (const char* name : kStatic) {
      if (const auto found = own->metrics.find(name); found != own->metrics.end()) {
        peer.metrics[name] = found->second;
      }
    }
    known.push_back(std::move(peer));
  }
  return known;
}

std::vector<std::string> UsualNetworks() {
  std::vector<std::string> networks;
  for (const std::string& name : ListDescriptors()) {
    const Descriptor descriptor = FindDescriptor(name);
    const std::string& family = descriptor.architecture.family;
    // Half of Faster R-CNN waits for data: what it computes is not known before.
    if (!family.empty() && family != "faster_rcnn" && !descriptor.picture_size) {
      networks.push_back(name);
    }
  }
  return networks;
}

}  // namespace kinglet::characterize
