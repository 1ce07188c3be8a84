// kinglet info: what a network is and what running it takes.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/network.h"
#include "apps/cli/output.h"
#include "apps/cli/shapes.h"

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
  std::vector<TensorInfo> inputs;   // as declared
  std::vector<TensorInfo> outputs;  // at the shapes of the plan
  InputShapes shapes;
  std::size_t layers = 0;
  std::int64_t parameters = 0;
  std::size_t weight_bytes = 0;
  int threads = 0;
  PlanInfo plan;
};

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
  for (const TensorInfo& info : facts.outputs) root["outputs"].push_back(ToJson(info));
  root["layers"] = facts.layers;
  root["parameters"] = facts.parameters;
  root["multiply_adds"] = facts.plan.macs;
  root["weight_bytes"] = facts.weight_bytes;
  root["arena_bytes"] = facts.plan.arena_bytes;
  root["scratch_bytes"] = facts.plan.scratch_bytes;
  root["threads"] = facts.threads;
  if (kernels) {
    root["kernels"] = Json::array();
    for (const StepInfo& step : facts.plan.steps) {
      root["kernels"].push_back({{"node", step.name},
                                 {"op", step.op},
                                 {"kernel", step.kernel},
                                 {"shape", step.output_shape},
                                 {"multiply_adds", step.macs}});
    }
  }
  Print(root.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

void PrintTable(const Facts& facts, bool kernels) {
  std::string text = fmt::format("network         {}\n", OneLine(facts.name));
  for (const TensorInfo& info : facts.inputs) {
    const std::string planned = ShapeToString(facts.shapes.at(info.name));
    text += fmt::format("input           {}, planned for {}\n", ToText(info), planned);
  }
  for (const TensorInfo& info : facts.outputs) text += "output          " + ToText(info) + "\n";
  text += fmt::format("layers          {}, in {} steps\n", facts.layers, facts.plan.steps.size());
  text += fmt::format("parameters      {}\n", Thousands(facts.parameters));
  text += fmt::format("multiply-adds   {}\n", Thousands(facts.plan.macs));
  text += fmt::format("weights         {}\n", Bytes(facts.weight_bytes));
  text += fmt::format("arena           {}\n", Bytes(facts.plan.arena_bytes));
  text += fmt::format("working memory  {} ({} {})\n", Bytes(facts.plan.scratch_bytes),
                      facts.threads, facts.threads == 1 ? "thread" : "threads");
  if (kernels) {
    Table table({{"node"}, {"operator"}, {"kernel"}, {"output"}, {"multiply-adds", true}});
    for (const StepInfo& step : facts.plan.steps) {
      table.Add({OneLine(step.name), OneLine(step.op), step.kernel,
                 ShapeToString(step.output_shape), Thousands(step.macs)});
    }
    text += "\n" + table.Text();
  }
  Print(text);
}

}  // namespace

Status InfoCommand(const InfoOptions& options) {
  NamedNetwork network = OpenNetwork(options.network);
  Facts facts;
  facts.name = options.network;
  facts.layers = network.graph.node_count();
  facts.parameters = network.graph.parameter_count();
  CompileOptions compile;
  compile.threads = options.common.threads;
  const Model model = Model::Compile(std::move(network.graph), compile);
  facts.inputs = model.inputs();
  if (!network.descriptor) network.descriptor = DescriptorBeside(options.network);
  facts.shapes = ChooseShapes(facts.inputs, options.shapes, network.descriptor);
  facts.plan = model.Describe(facts.shapes);
  facts.outputs = facts.plan.outputs;
  facts.weight_bytes = model.weight_bytes();
  facts.threads = model.threads();
  if (options.common.json) {
    PrintJson(facts, options.kernels);
  } else {
    PrintTable(facts, options.kernels);
  }
  return Status::kDone;
}

}  // namespace kinglet::cli
