#include "engine/passes/dense_bfloat16.h"

#include <string>
#include <utility>
#include <vector>

#include "engine/passes/rewrite.h"

namespace kinglet {
namespace {

class Dense {
 public:
  explicit Dense(GraphIr& graph) : graph_(graph), opset_(OnnxOpset(graph)) {}

  int Run() {
    int count = 0;
    for (Node& node : std::exchange(graph_.nodes, {})) {
      if (IsDense(node)) {
        Replace(node);
        ++count;
      } else {
        graph_.AddNode(std::move(node));
      }
    }
    RemoveDead(graph_);
    return count;
  }

 private:
  bool IsFloats(ValueId id, std::size_t rank) const {
    const Tensor* constant = graph_.ConstantOf(id);
    return constant != nullptr && constant->type() == DataType::kFloat32 &&
           constant->shape().size() == rank && constant->size() > 0;
  }

  bool IsDense(const Node& node) const {
    if (node.op != "Gemm" || !node.domain.empty() || node.fusion.residual) return false;
    const Attributes& attributes = node.attributes;
    const bool plain = attributes.Float("alpha", 1) == 1 && attributes.Float("beta", 1) == 1 &&
                       attributes.Int("transA", 0) == 0;
    if (!plain || !IsFloats(node.input(1), 2) || graph_.ConstantOf(node.input(0)) != nullptr) {
      return false;
    }
    return node.input(2) == kNoValue || (IsFloats(node.input(2), 1) &&
                                         graph_.ConstantOf(node.input(2))->size() == Outputs(node));
  }

  static bool IsTransposed(const Node& node) { return node.attributes.Int("transB", 0) != 0; }
  std::int64_t Outputs(const Node& node) const {
    return graph_.ConstantOf(node.input(1))->shape()[IsTransposed(node) ? 0 : 1];
  }

  // {outputs, depth, 1, 1}.
  Tensor Filters(const Node& node) const {
    const Tensor& weights = *graph_.ConstantOf(node.input(1));
    const Shape& shape = weights.shape();
    if (IsTransposed(node)) return weights.Reshaped({shape[0], shape[1], 1, 1});
    Tensor filters(DataType::kFloat32, {shape[1], shape[0], 1, 1});
    for (std::int64_t k = 0; k < shape[0]; ++k) {
      for (std::int64_t o = 0; o < shape[1]; ++o) {
        filters.data<float>()[o * shape[0] + k] = weights.data<float>()[k * shape[1] + o];
      }
    }
    return filters;
  }

  ValueId NewValue(std::string name) {
    Value value;
    value.name = std::move(name);
    value.type = DataType::kFloat32;
    return graph_.AddValue(std::move(value));
  }

  void Reshape(const std::string& name, ValueId x, const std::vector<std::int64_t>& shape,
               ValueId output) {
    Node node;
    node.op = "Reshape";
    node.name = name;
    node.opset = opset_;
    node.inputs = {x, graph_.AddConstant(name + "/shape",
                                         Tensor::From<std::int64_t>(
                                             {static_cast<std::int64_t>(shape.size())}, shape))};
    node.outputs = {output};
    graph_.AddNode(std::move(node));
  }

  void Replace(const Node& gemm) {
    const ValueId maps = NewValue(gemm.name + "/maps");
    graph_.value(maps).storage = ElementType::kBFloat16;
    const ValueId made = NewValue(gemm.name + "/made");
    Node conv;
    conv.op = "Conv";
    conv.name = gemm.name;
    conv.opset = opset_;
    conv.fusion = gemm.fusion;
    conv.inputs = {maps, graph_.AddConstant(gemm.name + "/filters", Filters(gemm))};
    if (gemm.input(2) != kNoValue) conv.inputs.push_back(gemm.input(2));
    conv.outputs = {made};
    Reshape(gemm.name + "/to_maps", gemm.inputs[0], {0, -1, 1, 1}, maps);
    graph_.AddNode(std::move(conv));
    Reshape(gemm.name + "/to_rows", made, {0, -1}, gemm.outputs[0]);
  }

  GraphIr& graph_;
  int opset_;
};

}  // namespace

int MakeDenseConvolutions(GraphIr& graph) { return Dense(graph).Run(); }

}  // namespace kinglet
