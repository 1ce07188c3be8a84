// kinglet info: what a network is and what running it takes.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/network.h"
#include "apps/cli/output.h"
#include "kinglet/preprocess.h"

namespace kinglet::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kDefaultSide = 224;

Shape ParseShape(const std::string& text, const std::string& argument) {
  Shape shape;
  const char* at = text.data();
  const char* end = text.data() + text.size();
  while (at != end) {
    std::int64_t size = 0;
    const auto result = std::from_chars(at, end, size);
    const bool more = result.ptr != end;
    if (result.ec != std::errc() || size < 0 || (more && *result.ptr != 'x') ||
        (more && result.ptr + 1 == end)) {
      throw UsageError("--shape: expected NAME=1x3x224x224, found '" + argument + "'");
    }
    shape.push_back(size);
    at = more ? result.ptr + 1 : end;
  }
  return shape;
}

InputShapes ParseShapes(const InfoOptions& options) {
  InputShapes shapes;
  for (const std::string& argument : options.shapes) {
    const std::size_t equals = argument.rfind('=');
    if (equals == argument.npos || equals == 0) {
      throw UsageError("--shape: expected NAME=1x3x224x224, found '" + argument + "'");
    }
    shapes[argument.substr(0, equals)] = ParseShape(argument.substr(equals + 1), argument);
  }
  return shapes;
}

// The size of a free dimension that is no batch: a picture's height or width, by the descriptor.
std::int64_t FreeSide(const TensorInfo& input, std::size_t axis,
                      const std::optional<Descriptor>& descriptor) {
  const bool picture = input.shape.size() == 4;
  const bool channels_last = picture && input.shape[3] == 3 && input.shape[1] != 3;
  const std::size_t rows = channels_last ? 1 : 2;
  if (!picture || (axis != rows && axis != rows + 1)) {
    throw UsageError(
        fmt::format("input '{}': the size of axis {} is free in the model: give "
                    "--shape {}=...",
                    input.name, axis, input.name));
  }
  if (!descriptor) return kDefaultSide;
  return axis == rows ? descriptor->preprocess.height : descriptor->preprocess.width;
}

Shape ChooseShape(const TensorInfo& input, const InfoOptions& options,
                  const std::optional<Descriptor>& descriptor) {
  if (!input.has_shape) {
    throw UsageError(
        fmt::format("input '{0}': the model declares no shape: give --shape {0}=...", input.name));
  }
  Shape shape = input.shape;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (axis == 0 && options.batch > 0 && shape[0] >= 0 && shape[0] != options.batch) {
      throw UsageError(fmt::format("--batch {}: input '{}' has a fixed batch of {}", options.batch,
                                   input.name, shape[0]));
    }
    if (shape[axis] >= 0) continue;
    shape[axis] = axis == 0 ? std::max(options.batch, 1) : FreeSide(input, axis, descriptor);
  }
  return shape;
}

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
  const InputShapes given = ParseShapes(options);
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
  for (const TensorInfo& input : facts.inputs) {
    const auto found = given.find(input.name);
    facts.shapes[input.name] =
        found != given.end() ? found->second : ChooseShape(input, options, network.descriptor);
  }
  for (const auto& [name, shape] : given) facts.shapes.try_emplace(name, shape);
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
