#include "engine/passes/old_forms.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/op/op.h"
#include "engine/passes/foreign_forms.h"
#include "engine/passes/form_writer.h"
#include "engine/passes/match.h"
#include "engine/passes/rewrite.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

// The numbers of a tensor that early exporters gave the type of the data.
std::optional<Ints> NumbersOf(const Tensor* tensor) {
  if (tensor == nullptr) return std::nullopt;
  Ints values;
  for (std::int64_t i = 0; i < tensor->size(); ++i) {
    if (tensor->type() == DataType::kInt64) {
      values.push_back(tensor->data<std::int64_t>()[i]);
    } else if (tensor->type() == DataType::kInt32) {
      values.push_back(tensor->data<std::int32_t>()[i]);
    } else if (tensor->type() == DataType::kFloat32) {
      const float value = tensor->data<float>()[i];
      if (!(value > -1e9f && value < 1e9f)) return std::nullopt;
      values.push_back(static_cast<std::int64_t>(value));
    } else {
      return std::nullopt;
    }
  }
  return values;
}

class Replacer : private FormWriter {
 public:
  using FormWriter::FormWriter;

  void Run() {
    std::vector<Node> nodes = std::move(graph().nodes);
    graph().nodes.clear();
    FindRead(nodes);
    if (std::any_of(nodes.begin(), nodes.end(), NeedsRanks)) StartStates();
    for (Node& node : nodes) {
      for (const auto& subgraph : SubgraphsOf(node)) {
        Replacer(*subgraph, limits(), onnx_opset(), true).Run();
      }
      WithNode(graph(), node, [&] { Replace(node); });
      Add(std::move(node));
    }
  }

 private:
  struct Form {
    std::string_view op;
    int until;  // the last opset version that has it
    void (Replacer::*replace)(Node& node);
  };
  struct DroppedAttribute {
    std::string_view op, name;
  };
  static const Form kForms[];

  // Ranks are found on the way, node after node, only where one is asked for.
  static bool NeedsRanks(const Node& node) {
    if (!node.domain.empty()) return false;
    if (node.op == "BatchNormalization") return HasTrainingOutputs(node);
    return node.opset < kFirstSettledOpset &&
           (node.op == "PRelu" || node.op == "Tile" || node.attributes.Has("broadcast"));
  }

  void FindRead(const std::vector<Node>& nodes) {
    read_.assign(graph().values.size(), false);
    const auto mark = [&](const std::vector<ValueId>& ids) {
      for (const ValueId id : ids) {
        if (id != kNoValue) read_[static_cast<std::size_t>(id)] = true;
      }
    };
    for (const Node& node : nodes) {
      mark(node.inputs);
      mark(CapturedValues(node));
    }
    mark(graph().outputs);
  }

  void Replace(Node& node) {
    if (node.domain.empty() && node.opset < kFirstSettledOpset) DropAttributes(node);
    if (node.outputs.empty()) return;
    // What lacks its first input is refused as it is.
    if (node.input(0) == kNoValue && node.op != "ConstantFill") return;
    if (const Form* form = FindForm(node)) return (this->*form->replace)(node);
    if (const ForeignFormFn form = FindForeignForm(node)) form(*this, node);
  }

  static const Form* FindForm(const Node& node);
  static void DropAttributes(Node& node);

  // Operand B's first dimension is A's dimension `axis`; without an axis the last ones are the
  // same, as with NumPy.
  void AlignOperands(Node& node) {
    const bool aligned = node.attributes.Int("broadcast", 0) != 0 && node.attributes.Has("axis");
    std::int64_t axis = node.attributes.Int("axis", 0);
    node.attributes.Erase("broadcast");
    node.attributes.Erase("axis");
    if (!aligned) return;
    const auto a = static_cast<std::int64_t>(DemandedRank(node, 0));
    const auto b = static_cast<std::int64_t>(DemandedRank(node, 1));
    if (axis < 0) axis += a;
    if (axis < 0 || axis + b > a) {
      Invalid(node, "axis " + std::to_string(axis) + " for operands of rank " + std::to_string(a) +
                        " and " + std::to_string(b));
    }
    AppendDims(node, static_cast<std::size_t>(b), static_cast<std::size_t>(a - axis - b));
  }

  // A slope for each channel, which is dimension 1.
  void AlignSlope(Node& node) {
    if (RankOf(node.input(1)) != std::size_t{1}) return;
    if (ShapeOf(node.inputs[1])[0] == 1) return;
    const std::size_t rank = DemandedRank(node, 0);
    if (rank > 2) AppendDims(node, 1, rank - 2);
  }

  // `count` dimensions of size 1 behind input 1, which has `rank` of them.
  void AppendDims(Node& node, std::size_t rank, std::size_t count) {
    if (count == 0 || rank == 0) return;
    Ints axes;
    for (std::size_t k = 0; k < count; ++k) axes.push_back(static_cast<std::int64_t>(rank + k));
    Attributes attributes;
    attributes.Set("axes", axes);
    node.inputs[1] = Emit(node, "Unsqueeze", {node.inputs[1]}, std::move(attributes));
  }

  // Outputs that only training has: before opset 14 they say, whether somebody reads them or not,
  // that statistics are those of the batch.
  static bool HasTrainingOutputs(const Node& node) {
    return node.opset < 14 &&
           std::any_of(node.outputs.begin() + (node.outputs.empty() ? 0 : 1), node.outputs.end(),
                       [](ValueId id) { return id != kNoValue; });
  }

  void FormBatchNorm(Node& node) {
    const bool trains = HasTrainingOutputs(node) && node.attributes.Int("is_test", 0) == 0;
    if (node.opset < kFirstSettledOpset) node.attributes.Erase("is_test");
    for (std::size_t i = 1; i < node.outputs.size() && node.opset < 14; ++i) {
      ValueId& id = node.outputs[i];
      if (id == kNoValue || read_[static_cast<std::size_t>(id)]) continue;
      graph().value(id).producer = kNoNode;
      id = kNoValue;
    }
    if (HasTrainingOutputs(node) || node.inputs.size() != 5) return;
    const bool spatial = node.opset >= 9 || node.attributes.Int("spatial", 1) != 0;
    if (node.opset < 9) node.attributes.Erase("spatial");
    if (trains) {
      WriteOutTraining(node, spatial);
    } else if (!spatial) {
      WriteOutBatchNorm(node);
    }
  }

  // (x - mean of x) / sqrt(variance of x + epsilon) * scale + bias over the batch, and the pixels
  // if there are numbers for each channel.
  void WriteOutTraining(Node& node, bool spatial) {
    const auto rank = static_cast<std::int64_t>(DemandedRank(node, 0));
    Attributes over;
    Ints axes{0};
    Ints aligned{-1};
    for (std::int64_t axis = 2; axis < rank && spatial; ++axis) {
      axes.push_back(axis);
      aligned.push_back(1);
    }
    over.Set("axes", axes);
    const auto parameter = [&](ValueId id) {
      if (!spatial) return id;
      return Emit(node, "Reshape", {id, Constant(node, IntsTensor(aligned))});
    };
    const ValueId epsilon = Scalar(node, node.attributes.Float("epsilon", 1e-5f), 1);
    const ValueId mean = Emit(node, "ReduceMean", {node.inputs[0]}, over);
    const ValueId apart = Emit(node, "Sub", {node.inputs[0], mean});
    const ValueId variance = Emit(node, "ReduceMean", {Emit(node, "Mul", {apart, apart})}, over);
    const ValueId deviation = Emit(node, "Sqrt", {Emit(node, "Add", {variance, epsilon})});
    const ValueId scaled =
        Emit(node, "Mul", {Emit(node, "Div", {apart, deviation}), parameter(node.inputs[1])});
    const ValueId bias = parameter(node.inputs[2]);
    node.outputs.resize(1);
    Become(node, "Add", {scaled, bias});
  }

  // With numbers for each element of an image in place of each channel.
  void WriteOutBatchNorm(Node& node) {
    const ValueId epsilon = Scalar(node, node.attributes.Float("epsilon", 1e-5f), 1);
    const ValueId deviation = Emit(node, "Sqrt", {Emit(node, "Add", {node.inputs[4], epsilon})});
    const ValueId scale = Emit(node, "Div", {node.inputs[1], deviation});
    const ValueId shift =
        Emit(node, "Sub", {node.inputs[2], Emit(node, "Mul", {node.inputs[3], scale})});
    node.outputs.resize(1);
    Become(node, "Add", {Emit(node, "Mul", {node.inputs[0], scale}), shift});
  }

  void FormCast(Node& node) {
    constexpr std::string_view kNames[] = {"UNDEFINED", "FLOAT",  "UINT8",  "INT8",   "UINT16",
                                           "INT16",     "INT32",  "INT64",  "STRING", "BOOL",
                                           "FLOAT16",   "DOUBLE", "UINT32", "UINT64"};
    const std::string to = node.attributes.String("to", "");
    const auto* const found = std::find(std::begin(kNames), std::end(kNames), to);
    if (found == std::end(kNames)) Invalid(node, "attribute 'to' is '" + to + "', no element type");
    node.attributes.Set("to", static_cast<std::int64_t>(found - std::begin(kNames)));
  }

  void FormConcat(Node& node) {
    if (!node.attributes.Has("axis")) node.attributes.Set("axis", std::int64_t{1});
  }

  // A float once.
  void FormNorm(Node& node) {
    for (const auto& [name, value] : node.attributes) {
      if (name != "p") continue;
      if (const float* p = std::get_if<float>(&value)) {
        if (*p >= 1 && *p < 1e6f) {
          node.attributes.Set("p", static_cast<std::int64_t>(*p));
          return;
        }
      }
    }
  }

  // By default over all but the channels.
  void FormMeanVariance(Node& node) {
    if (node.attributes.Int("normalize_variance", 1) == 0) return;
    if (node.attributes.Int("across_channels", 0) != 0) {
      node.attributes.Set("axes", Ints{0, 1, 2, 3});
    }
    node.attributes.Erase("across_channels");
    node.attributes.Erase("normalize_variance");
  }

  void FormPad(Node& node) {
    if (!node.attributes.Has("paddings")) return;
    node.attributes.Set("pads", node.attributes.Ints("paddings"));
    node.attributes.Erase("paddings");
  }

  void FormReshape(Node& node) {
    if (!node.attributes.Has("shape")) return;
    if (node.inputs.size() != 1) Invalid(node, "the shape is an attribute and an input");
    node.inputs.push_back(Constant(node, IntsTensor(node.attributes.Ints("shape"))));
    node.attributes.Erase("shape");
  }

  void FormSelu(Node& node) {
    if (!node.attributes.Has("alpha")) node.attributes.Set("alpha", 1.6732f);
    if (!node.attributes.Has("gamma")) node.attributes.Set("gamma", 1.0507f);
  }

  void FormSplit(Node& node) {
    if (node.input(1) == kNoValue) return;
    const std::optional<Ints> sizes = NumbersOf(graph().ConstantOf(node.inputs[1]));
    if (!sizes) {
      throw Error(ErrorCode::kUnsupported, NodeLabel(node) + ": sizes that are no constant");
    }
    node.attributes.Set("split", *sizes);
    node.inputs.resize(1);
  }

  // Copies along one axis.
  void FormTile(Node& node) {
    if (node.inputs.size() != 3) return;
    const std::optional<Ints> tiles = NumbersOf(graph().ConstantOf(node.inputs[1]));
    const std::optional<Ints> axis = NumbersOf(graph().ConstantOf(node.inputs[2]));
    if (!tiles || !axis || tiles->size() != 1 || axis->size() != 1) {
      throw Error(ErrorCode::kUnsupported,
                  NodeLabel(node) + ": tiles and axis must be constants of one element");
    }
    const auto rank = static_cast<std::int64_t>(DemandedRank(node, 0));
    if ((*axis)[0] < 0 || (*axis)[0] >= rank) {
      Invalid(node, "axis " + std::to_string((*axis)[0]) + " of a tensor of rank " +
                        std::to_string(rank));
    }
    Ints repeats(static_cast<std::size_t>(rank), 1);
    repeats[static_cast<std::size_t>((*axis)[0])] = (*tiles)[0];
    node.inputs = {node.inputs[0], Constant(node, IntsTensor(repeats))};
  }

  void FormUpsample(Node& node) {
    std::vector<float> scales = node.attributes.Floats("scales");
    if (scales.empty()) {
      scales = {1.0f, 1.0f, node.attributes.Float("height_scale", 0.0f),
                node.attributes.Float("width_scale", 0.0f)};
    }
    const std::string mode = node.attributes.String("mode", "nearest");
    const auto count = static_cast<std::int64_t>(scales.size());
    Become(node, "Upsample", {node.input(0), Constant(node, Tensor::From<float>({count}, scales))});
    node.attributes.Set("mode", mode == "bilinear" ? std::string("linear") : mode);
  }

  std::vector<bool> read_;  // by value
};

constexpr int kAnyOpset = std::numeric_limits<int>::max();

const Replacer::Form Replacer::kForms[] = {
    {"Add", 6, &Replacer::AlignOperands},
    {"Sub", 6, &Replacer::AlignOperands},
    {"Mul", 6, &Replacer::AlignOperands},
    {"Div", 6, &Replacer::AlignOperands},
    {"Pow", 6, &Replacer::AlignOperands},
    {"And", 6, &Replacer::AlignOperands},
    {"Or", 6, &Replacer::AlignOperands},
    {"Xor", 6, &Replacer::AlignOperands},
    {"Equal", 6, &Replacer::AlignOperands},
    {"Greater", 6, &Replacer::AlignOperands},
    {"Less", 6, &Replacer::AlignOperands},
    {"PRelu", 6, &Replacer::AlignSlope},
    {"BatchNormalization", kAnyOpset, &Replacer::FormBatchNorm},
    {"Cast", 5, &Replacer::FormCast},
    {"Concat", 3, &Replacer::FormConcat},
    {"GlobalLpPool", 1, &Replacer::FormNorm},
    {"LpPool", 1, &Replacer::FormNorm},
    {"MeanVarianceNormalization", 8, &Replacer::FormMeanVariance},
    {"Pad", 1, &Replacer::FormPad},
    {"Reshape", 4, &Replacer::FormReshape},
    {"Selu", 5, &Replacer::FormSelu},
    {"Split", 1, &Replacer::FormSplit},
    {"Tile", 5, &Replacer::FormTile},
    {"Upsample", 6, &Replacer::FormUpsample},
};

const Replacer::Form* Replacer::FindForm(const Node& node) {
  const auto* const form = std::find_if(std::begin(kForms), std::end(kForms), [&](const Form& f) {
    return node.domain.empty() && f.op == node.op && node.opset <= f.until;
  });
  return form == std::end(kForms) ? nullptr : form;
}

// What says nothing about a network that does not train.
void Replacer::DropAttributes(Node& node) {
  constexpr DroppedAttribute kDropped[] = {
      {"Dropout", "is_test"},      {"GRU", "output_sequence"}, {"Gemm", "broadcast"},
      {"LSTM", "output_sequence"}, {"RNN", "output_sequence"},
  };
  node.attributes.Erase("consumed_inputs");
  for (const DroppedAttribute& dropped : kDropped) {
    if (dropped.op == node.op) node.attributes.Erase(dropped.name);
  }
}

}  // namespace

void ReplaceOldForms(GraphIr& graph, const Limits& limits) {
  Replacer(graph, limits, OnnxOpset(graph), false).Run();
}

}  // namespace kinglet
