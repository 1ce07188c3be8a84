// kinglet info: what a network is and what running it takes.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/costs.h"
#include "apps/cli/kernel_table.h"
#include "apps/cli/network.h"
#include "apps/cli/number_list.h"
#include "apps/cli/output.h"
#include "apps/cli/predictor_options.h"
#include "kinglet/cpu.h"
#include "kinglet/machine.h"
#include "kinglet/network.h"
#include "measure/network/shapes.h"

namespace kinglet::cli {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const TensorInfo& info) {
  Json shape = Json::array();
  for (std::size_t d = 0; d < info.shape.size(); ++d) {
    if (info.shape[d] >= 0) {
      shape.push_back(info.shape[d]);
    } else {
      shape.push_back(info.symbols[d].empty() ? "?" : info.symbols[d]);
    }
  }
  return {{"name", info.name}, {"type", DataTypeName(info.type)}, {"shape", shape}};
}

std::string ToText(const TensorInfo& info) {
  std::string text;
  for (std::size_t d = 0; d < info.shape.size(); ++d) {
    if (d > 0) text += 'x';
    text += info.shape[d] >= 0        ? std::to_string(info.shape[d])
            : info.symbols[d].empty() ? "?"
                                      : OneLine(info.symbols[d]);
  }
  if (text.empty()) text = info.has_shape ? "scalar" : "any shape";
  return fmt::format("{} {} {}", OneLine(info.name), DataTypeName(info.type), text);
}

Status CpuCommand(const CommonOptions& options) {
  const CpuInfo cpu = DescribeCpu();
  if (options.json) {
    Print(Json{{"cpu", cpu.name},
               {"features", cpu.features},
               {"used", cpu.used},
               {"instructions", cpu.instructions},
               {"tiles_bf16", cpu.tiles_bf16},
               {"tiles_int8", cpu.tiles_int8}}
              .dump() +
          "\n");
    return Status::kDone;
  }
  Print(fmt::format(
      "cpu             {}\nfeatures        {}\nused            {}\ninstructions    {}\n"
      "tiles           bf16 {}, int8 {}\n",
      OneLine(cpu.name), cpu.features, cpu.used, cpu.instructions, cpu.tiles_bf16, cpu.tiles_int8));
  return Status::kDone;
}

struct Facts {
  std::string name;
  std::vector<TensorInfo> inputs;  // as declared
  InputShapes shapes;              // of the first point
  std::size_t layers = 0;
  std::int64_t parameters = 0;
  std::size_t weight_bytes = 0;
  std::vector<KernelPoint> points;  // at least one
  std::string trust;                // what the predicted times are made of

  const PlanInfo& plan() const { return points.front().plan; }
};

// Steps whose work is not known before they run, and counts nowhere.
std::size_t WaitingSteps(const PlanInfo& plan) {
  return static_cast<std::size_t>(std::count_if(plan.steps.begin(), plan.steps.end(),
                                                [](const StepInfo& step) { return step.waits; }));
}

double Ms(const KernelPoint& point) { return 1e-3 * point.forecast.time.us; }

void AddPrediction(const characterize::NetworkTime& time, Json& json) {
  json["predicted_ms"] = 1e-3 * time.us;
  json["low_ms"] = 1e-3 * time.low_us;
  json["high_ms"] = 1e-3 * time.high_us;
  json["known_share"] = time.known_share;
}

Json PointsJson(const Facts& facts, bool kernels) {
  Json points = Json::array();
  for (const KernelPoint& point : facts.points) {
    Json json = {{"batch", point.batch},
                 {"threads", point.threads},
                 {"multiply_adds", point.plan.macs},
                 {"waiting_steps", WaitingSteps(point.plan)},
                 {"arena_bytes", point.plan.arena_bytes},
                 {"scratch_bytes", point.plan.scratch_bytes}};
    AddPrediction(point.forecast.time, json);
    if (kernels) json["kernels"] = KernelJson(point);
    points.push_back(std::move(json));
  }
  return points;
}

void PrintJson(const Facts& facts, bool kernels) {
  Json root;
  root["model"] = facts.name;
  root["inputs"] = Json::array();
  for (const TensorInfo& info : facts.inputs) {
    Json input = ToJson(info);
    input["planned"] = facts.shapes.at(info.name);
    root["inputs"].push_back(std::move(input));
  }
  root["outputs"] = Json::array();
  for (const TensorInfo& info : facts.plan().outputs) root["outputs"].push_back(ToJson(info));
  root["layers"] = facts.layers;
  root["parameters"] = facts.parameters;
  root["multiply_adds"] = facts.plan().macs;
  AddPrediction(facts.points.front().forecast.time, root);
  root["trust"] = facts.trust;
  root["waiting_steps"] = WaitingSteps(facts.plan());  // in none of these
  root["weight_bytes"] = facts.weight_bytes;
  root["arena_bytes"] = facts.plan().arena_bytes;
  root["scratch_bytes"] = facts.plan().scratch_bytes;
  root["threads"] = facts.points.front().threads;
  if (kernels) root["kernels"] = KernelJson(facts.points.front());
  if (facts.points.size() > 1) root["points"] = PointsJson(facts, kernels);
  Print(JsonLine(root));
}

// A row for each point.
std::string PointsText(const Facts& facts) {
  const bool waits = WaitingSteps(facts.plan()) > 0;
  Table table({{"batch", true},
               {"threads", true},
               {"multiply-adds", true},
               {"arena", true},
               {"working memory", true},
               {waits ? "at least ms" : "predicted ms", true},
               {"images/s", true}});
  for (const KernelPoint& point : facts.points) {
    const PlanInfo& plan = point.plan;
    table.Add({std::to_string(point.batch), std::to_string(point.threads), Thousands(plan.macs),
               Bytes(plan.arena_bytes), Bytes(plan.scratch_bytes), fmt::format("{:.3f}", Ms(point)),
               waits ? "-" : fmt::format("{:.1f}", point.forecast.images_per_s)});
  }
  return table.Text();
}

// "input           x float32 1x3x224x224".
std::string FactLine(const char* what, const std::string& value) {
  constexpr std::size_t kIndent = 16;
  const std::size_t width = OutputWidth() - std::min(OutputWidth(), kIndent);
  std::string line = what;
  line.resize(kIndent, ' ');
  return line + Shortened(value, std::max(width, kIndent)) + '\n';
}

void PrintTable(const Facts& facts, bool kernels) {
  const PlanInfo& plan = facts.plan();
  const int threads = facts.points.front().threads;
  const bool one = facts.points.size() == 1;
  std::string text = FactLine("network", OneLine(facts.name));
  for (const TensorInfo& info : facts.inputs) {
    const std::string planned = ShapeToString(facts.shapes.at(info.name));
    text += FactLine("input", fmt::format("{}, planned for {}", ToText(info), planned));
  }
  for (const TensorInfo& info : plan.outputs) text += FactLine("output", ToText(info));
  text += FactLine("layers", fmt::format("{}, in {} steps", facts.layers, plan.steps.size()));
  const std::size_t waiting = WaitingSteps(plan);
  if (waiting > 0) {
    text += FactLine(
        "waiting", fmt::format("{} of the steps wait for data: their work is not known", waiting));
  }
  const char* at_least = waiting > 0 ? "at least " : "";
  text += FactLine("parameters", Thousands(facts.parameters));
  if (one) text += FactLine("multiply-adds", at_least + Thousands(plan.macs));
  text += FactLine("weights", Bytes(facts.weight_bytes));
  if (one) {
    text += FactLine("arena", Bytes(plan.arena_bytes));
    text += FactLine("working memory", fmt::format("{} ({} {})", Bytes(plan.scratch_bytes), threads,
                                                   threads == 1 ? "thread" : "threads"));
    text += FactLine("predicted",
                     fmt::format("{}{:.3f} ms, 80 % between {}", at_least, Ms(facts.points.front()),
                                 IntervalText(facts.points.front().forecast.time)));
  } else {
    text += '\n' + PointsText(facts);
  }
  text += '\n' + TrustText(facts.trust);
  if (kernels) text += "\n" + KernelText(facts.points);
  Print(text);
}

// Seconds of each step: the fastest of some runs.
std::vector<double> Measure(const Model& model, const InputShapes& shapes, int threads) {
  constexpr int kRuns = 10;
  const Tensors inputs = measure::RandomInputs(model.inputs(), shapes);
  Session session = model.NewSession({.threads = threads});
  std::vector<double> best = session.Profile(inputs);
  for (int run = 1; run < kRuns; ++run) {
    const std::vector<double> seconds = session.Profile(inputs);
    for (std::size_t s = 0; s < best.size(); ++s) best[s] = std::min(best[s], seconds[s]);
  }
  return best;
}

}  // namespace

Status InfoCommand(const InfoOptions& options) {
  if (options.cpu) return CpuCommand(options.common);
  if (options.network.empty()) throw UsageError("network is required");
  if (options.graph) return GraphCommand(options);
  if (options.as_read) throw UsageError("--as-read: is of --graph, which is missing");
  const std::vector<int> batches = BatchSizes(options.batch);
  const std::vector<int> threads = ThreadCounts(options.threads);
  Facts facts;
  facts.name = options.network;
  NamedNetwork network = OpenDescribed(options.network, options.common);
  facts.layers = network.graph.node_count();
  facts.parameters = network.graph.parameter_count();
  const measure::ShapeChooser shapes_of(network.graph, options.shapes, network.descriptor);
  PrintGuess(options.common, shapes_of);
  const std::optional<characterize::Predictor> predictor =
      PredictorOf(options.predictor, InstructionSet());
  Model model = CompileModel(std::move(network.graph), options.common);
  characterize::ForeseeOptions foresee;
  foresee.compile = CompileOptionsOf(options.common);
  foresee.predictor = predictor ? &*predictor : nullptr;
  foresee.cores = DefaultThreads();
  const characterize::Foresight foresight(shapes_of, network.descriptor, Outline(model), foresee);
  facts.inputs = model.inputs();
  for (const int count : threads) {
    CommonOptions common = options.common;
    common.threads = count;
    for (const int batch : batches) {
      const InputShapes shapes = shapes_of.For(batch);
      TuneWhenAsked(model, shapes, common);
      KernelPoint point{shapes_of.Batch(shapes), count, model.Describe(shapes, count),
                        foresight.At(batch, count, 1)};
      if (options.measure) point.measured = Measure(model, shapes, count);
      if (facts.points.empty()) facts.shapes = shapes;
      facts.points.push_back(std::move(point));
    }
  }
  facts.weight_bytes = model.weight_bytes();
  facts.trust = Trust(foresight, foresee.predictor, facts.points.front().forecast);
  const bool kernels = options.kernels || options.measure;
  if (options.common.json) {
    PrintJson(facts, kernels);
  } else {
    PrintTable(facts, kernels);
  }
  return Status::kDone;
}

}  // namespace kinglet::cli
