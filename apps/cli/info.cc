// kinglet info: what a network is and what running it takes.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/costs.h"
#include "apps/cli/kernel_table.h"
#include "apps/cli/model_options.h"
#include "apps/cli/number_list.h"
#include "apps/cli/output.h"
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

struct Facts {
  std::string name;
  std::vector<TensorInfo> inputs;  // as declared
  InputShapes shapes;              // of the first point
  std::size_t layers = 0;
  std::int64_t parameters = 0;
  std::size_t weight_bytes = 0;
  std::vector<KernelPoint> points;  // at least one

  const PlanInfo& plan() const { return points.front().plan; }
};

Json PointsJson(const Facts& facts, bool kernels) {
  Json points = Json::array();
  for (const KernelPoint& point : facts.points) {
    Json json = {{"batch", point.batch},
                 {"threads", point.threads},
                 {"predicted_ms", 1e3 * point.plan.predicted_seconds}};
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
  root["predicted_ms"] = 1e3 * facts.plan().predicted_seconds;
  root["weight_bytes"] = facts.weight_bytes;
  root["arena_bytes"] = facts.plan().arena_bytes;
  root["scratch_bytes"] = facts.plan().scratch_bytes;
  root["threads"] = facts.points.front().threads;
  if (kernels) root["kernels"] = KernelJson(facts.points.front());
  if (facts.points.size() > 1) root["points"] = PointsJson(facts, kernels);
  Print(JsonLine(root));
}

void PrintTable(const Facts& facts, bool kernels) {
  const PlanInfo& plan = facts.plan();
  const int threads = facts.points.front().threads;
  std::string text = fmt::format("network         {}\n", OneLine(facts.name));
  for (const TensorInfo& info : facts.inputs) {
    const std::string planned = ShapeToString(facts.shapes.at(info.name));
    text += fmt::format("input           {}, planned for {}\n", ToText(info), planned);
  }
  for (const TensorInfo& info : plan.outputs) text += "output          " + ToText(info) + "\n";
  text += fmt::format("layers          {}, in {} steps\n", facts.layers, plan.steps.size());
  text += fmt::format("parameters      {}\n", Thousands(facts.parameters));
  text += fmt::format("multiply-adds   {}\n", Thousands(plan.macs));
  text += fmt::format("weights         {}\n", Bytes(facts.weight_bytes));
  text += fmt::format("arena           {}\n", Bytes(plan.arena_bytes));
  text += fmt::format("working memory  {} ({} {})\n", Bytes(plan.scratch_bytes), threads,
                      threads == 1 ? "thread" : "threads");
  text += fmt::format("predicted       {:.3f} ms\n", 1e3 * plan.predicted_seconds);
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
  if (options.graph) return GraphCommand(options);
  if (options.as_read) throw UsageError("--as-read: is of --graph, which is missing");
  const std::vector<int> batches = options.batch.empty()
                                       ? std::vector<int>{0}  // not given
                                       : ParseNumberList("--batch", options.batch, kMaxBatch);
  const std::vector<int> threads = ThreadCounts(options.threads);
  Facts facts;
  facts.name = options.network;
  NamedNetwork network = OpenNetwork(options.network, ReadOptionsOf(options.common));
  if (!network.descriptor) network.descriptor = DescriptorBeside(options.network);
  facts.layers = network.graph.node_count();
  facts.parameters = network.graph.parameter_count();
  Model model = CompileModel(std::move(network.graph), options.common);
  facts.inputs = model.inputs();
  for (const int count : threads) {
    CommonOptions common = options.common;
    common.threads = count;
    for (const int batch : batches) {
      const InputShapes shapes =
          measure::ChooseShapes(facts.inputs, {batch, options.shapes}, network.descriptor);
      TuneWhenAsked(model, shapes, common);
      KernelPoint point{std::max(batch, 1), count, model.Describe(shapes, count)};
      if (options.measure) point.measured = Measure(model, shapes, count);
      if (facts.points.empty()) facts.shapes = shapes;
      facts.points.push_back(std::move(point));
    }
  }
  facts.weight_bytes = model.weight_bytes();
  const bool kernels = options.kernels || options.measure;
  if (options.common.json) {
    PrintJson(facts, kernels);
  } else {
    PrintTable(facts, kernels);
  }
  return Status::kDone;
}

}  // namespace kinglet::cli
