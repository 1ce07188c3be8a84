// Operators of the sets 7 to 12 in the form of set 13: attributes that became inputs, defaults that
// changed.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/passes/portable.h"
#include "engine/passes/rewrite.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

constexpr int kOpset = 13;

// What set 13 has as the sets before it, for all attributes that these have.
constexpr std::string_view kSame[] = {"Abs",
                                      "Acos",
                                      "Acosh",
                                      "Add",
                                      "And",
                                      "ArgMax",
                                      "ArgMin",
                                      "Asin",
                                      "Asinh",
                                      "Atan",
                                      "Atanh",
                                      "AveragePool",
                                      "BitShift",
                                      "Cast",
                                      "Ceil",
                                      "Celu",
                                      "Compress",
                                      "Concat",
                                      "Constant",
                                      "ConstantOfShape",
                                      "Conv",
                                      "ConvTranspose",
                                      "Cos",
                                      "Cosh",
                                      "CumSum",
                                      "DepthToSpace",
                                      "Det",
                                      "Div",
                                      "Einsum",
                                      "Elu",
                                      "Equal",
                                      "Erf",
                                      "Exp",
                                      "Expand",
                                      "EyeLike",
                                      "Flatten",
                                      "Floor",
                                      "GRU",
                                      "Gather",
                                      "GatherElements",
                                      "GatherND",
                                      "Gemm",
                                      "GlobalAveragePool",
                                      "GlobalLpPool",
                                      "GlobalMaxPool",
                                      "Greater",
                                      "GreaterOrEqual",
                                      "HardSigmoid",
                                      "Identity",
                                      "InstanceNormalization",
                                      "IsInf",
                                      "IsNaN",
                                      "LRN",
                                      "LSTM",
                                      "LeakyRelu",
                                      "Less",
                                      "LessOrEqual",
                                      "Log",
                                      "LpNormalization",
                                      "LpPool",
                                      "MatMul",
                                      "Max",
                                      "MaxPool",
                                      "MaxRoiPool",
                                      "MaxUnpool",
                                      "Mean",
                                      "MeanVarianceNormalization",
                                      "Min",
                                      "Mod",
                                      "Mul",
                                      "Neg",
                                      "NonMaxSuppression",
                                      "NonZero",
                                      "Not",
                                      "OneHot",
                                      "Or",
                                      "PRelu",
                                      "Pow",
                                      "RNN",
                                      "Range",
                                      "Reciprocal",
                                      "ReduceL1",
                                      "ReduceL2",
                                      "ReduceLogSum",
                                      "ReduceLogSumExp",
                                      "ReduceMax",
                                      "ReduceMean",
                                      "ReduceMin",
                                      "ReduceProd",
                                      "ReduceSumSquare",
                                      "Relu",
                                      "Reshape",
                                      "ReverseSequence",
                                      "RoiAlign",
                                      "Round",
                                      "ScatterElements",
                                      "ScatterND",
                                      "Selu",
                                      "Shape",
                                      "Shrink",
                                      "Sigmoid",
                                      "Sign",
                                      "Sin",
                                      "Sinh",
                                      "Size",
                                      "Softplus",
                                      "Softsign",
                                      "SpaceToDepth",
                                      "Sqrt",
                                      "Sub",
                                      "Sum",
                                      "Tan",
                                      "Tanh",
                                      "ThresholdedRelu",
                                      "Tile",
                                      "Transpose",
                                      "Where",
                                      "Xor"};

[[noreturn]] void Refuse(const GraphIr& graph, const Node& node, const std::string& why) {
  throw Error(ErrorCode::kUnsupported, graph.source + ": " + NodeLabel(node) + " of operator set " +
                                           std::to_string(node.opset) + " " + why +
                                           "; export the model with operator set 13 or later");
}

class Raiser {
 public:
  Raiser(GraphIr& graph, const Limits& limits) : graph_(graph), limits_(limits) {}

  void Run() {
    for (Node& node : graph_.nodes) {
      if (!node.domain.empty() || node.opset >= kOpset) continue;
      if (!SubgraphsOf(node).empty()) Refuse(graph_, node, "has a subgraph");
      Raise(node);
      node.opset = kOpset;
    }
  }

 private:
  void Raise(Node& node) {
    const std::string& op = node.op;
    if (std::find(std::begin(kSame), std::end(kSame), op) != std::end(kSame)) return;
    if (op == "BatchNormalization") return node.attributes.Erase("spatial");
    if (op == "Dropout") return node.attributes.Erase("ratio");
    if (op == "Clip") return RaiseClip(node);
    if (op == "Pad") return RaisePad(node);
    if (op == "Squeeze" || op == "Unsqueeze" || op == "ReduceSum") return MakeInput(node, "axes");
    if (op == "Split") return MakeInput(node, "split");
    if (op == "Softmax" || op == "LogSoftmax") return RaiseSoftmax(node);
    if (op == "Upsample" || op == "Resize") return RaiseResize(node);
    if (op == "Slice") return RaiseSlice(node);
    if (op == "TopK") return RaiseTopK(node);
    Refuse(graph_, node, "is not known in the form of operator set 13");
  }

  ValueId Constant(const Node& node, const std::string& name, Tensor tensor) {
    return graph_.AddConstant(node.name + "/" + name, std::move(tensor));
  }
  ValueId Ints(const Node& node, const std::string& name, const std::vector<std::int64_t>& values) {
    return Constant(node, name,
                    Tensor::From<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
  }
  ValueId Scalar(const Node& node, const std::string& name, float value) {
    return Constant(node, name, Tensor::From<float>({}, {value}));
  }

  // A list that was an attribute is the input behind the others.
  void MakeInput(Node& node, const std::string& name) {
    if (!node.attributes.Has(name)) return;
    node.inputs.push_back(Ints(node, name, node.attributes.Ints(name)));
    node.attributes.Erase(name);
  }

  void RaiseClip(Node& node) {
    if (node.opset >= 11) return;
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const float low = node.attributes.Float("min", -kInfinity);
    const float high = node.attributes.Float("max", kInfinity);
    node.inputs.resize(1);
    node.inputs.push_back(std::isinf(low) ? kNoValue : Scalar(node, "min", low));
    if (!std::isinf(high)) node.inputs.push_back(Scalar(node, "max", high));
    if (node.inputs.back() == kNoValue) node.inputs.pop_back();
    node.attributes.Erase("min");
    node.attributes.Erase("max");
  }

  void RaisePad(Node& node) {
    if (node.opset >= 11) return;
    const float value = node.attributes.Float("value", 0);
    MakeInput(node, "pads");
    if (value != 0) node.inputs.push_back(Scalar(node, "value", value));
    node.attributes.Erase("value");
  }

  void RaiseSlice(Node& node) {
    if (node.opset >= 10) return;
    const bool axes = node.attributes.Has("axes");
    for (const char* name : {"starts", "ends"}) MakeInput(node, name);
    if (axes) MakeInput(node, "axes");
  }

  void RaiseTopK(Node& node) {
    if (node.opset >= 10) return;
    node.inputs.push_back(Ints(node, "k", {node.attributes.Int("k", 1)}));
    node.attributes.Erase("k");
  }

  // Before set 11 there was one rule for places, and one for the nearest.
  void RaiseResize(Node& node) {
    const char* places = "coordinate_transformation_mode";
    if (node.attributes.String(places, "") == "tf_half_pixel_for_nn") {
      Refuse(graph_, node, "has tf_half_pixel_for_nn, which set 13 has not");
    }
    if (node.opset >= 11) return;
    if (node.attributes.Has("scales")) {
      const std::vector<float> scales = node.attributes.Floats("scales");
      node.inputs.resize(1);
      node.inputs.push_back(Constant(
          node, "scales", Tensor::From<float>({static_cast<std::int64_t>(scales.size())}, scales)));
      node.attributes.Erase("scales");
    }
    node.inputs.insert(node.inputs.begin() + 1, kNoValue);
    node.op = "Resize";
    node.attributes.Set("coordinate_transformation_mode", std::string("asymmetric"));
    node.attributes.Set("nearest_mode", std::string("floor"));
  }

  // Set 13 normalises along one axis, the sets before it along all from `axis` on.
  void RaiseSoftmax(Node& node) {
    if (states_.empty()) states_ = ProbeShapes(graph_, {.limits = limits_});
    const TensorState& state = states_[static_cast<std::size_t>(node.input(0))];
    const auto rank = static_cast<std::int64_t>(state.shape.size());
    std::int64_t axis = node.attributes.Int("axis", 1);
    if (axis < 0) axis += rank;
    if (state.type == DataType::kUndefined || axis < 0 || axis >= rank) {
      Refuse(graph_, node, "has an input of unknown rank");
    }
    std::int64_t only = axis;
    for (std::int64_t d = axis; d < rank; ++d) {
      if (state.shape[static_cast<std::size_t>(d)] == 1) continue;
      if (state.shape[static_cast<std::size_t>(only)] != 1 && only != d) {
        Refuse(graph_, node, "normalises along several axes");
      }
      only = d;
    }
    node.attributes.Set("axis", only);
  }

  GraphIr& graph_;
  const Limits& limits_;
  std::vector<TensorState> states_;
};

}  // namespace

void RaiseToOpset13(GraphIr& graph, const Limits& limits) { Raiser(graph, limits).Run(); }

}  // namespace kinglet
