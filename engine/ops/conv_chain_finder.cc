#include <span>
#include <utility>

#include "engine/ops/conv.h"
#include "engine/ops/conv_chain.h"

namespace kinglet {
namespace {

using Found = std::vector<std::unique_ptr<JoinedNodes>>;

class ChainFinder {
 public:
  explicit ChainFinder(const JoinRequest& request)
      : nodes_(request.nodes), states_(request.states), readers_(ReadersOf(request)) {}

  void Find(Found& found) {
    for (const Node* node : nodes_) {
      const Node* second = Next(*node);
      const Node* third = second == nullptr ? nullptr : Next(*second);
      if (third != nullptr) AddChain({node, second, third}, found);
      if (second != nullptr) AddChain({node, second}, found);
    }
  }

 private:
  const TensorState& State(ValueId id) const { return states_[static_cast<std::size_t>(id)]; }
  bool IsKnown(ValueId id) const { return id == kNoValue || State(id).known.defined(); }

  bool IsConv(const Node& node) const {
    if (node.op != "Conv" || !node.domain.empty() || node.input(0) == kNoValue) return false;
    const TensorState& out = State(node.outputs[0]);
    // What is stored in another type than it is read has kernels of its own.
    const bool stored = out.stored_as() == State(node.input(0)).stored_as();
    return stored && out.type == DataType::kFloat32 && out.shape.size() == 4 &&
           ElementCount(out.shape) > 0 && node.input(1) != kNoValue && IsKnown(node.input(1)) &&
           IsKnown(node.input(2));
  }

  // The convolution that alone reads what this one makes.
  const Node* Next(const Node& node) const {
    if (!IsConv(node) || node.fusion.residual) return nullptr;
    const Readers& readers = readers_[static_cast<std::size_t>(node.outputs[0])];
    const Node* reader = readers.count == 1 ? readers.last : nullptr;
    const bool reads = reader != nullptr && reader->input(0) == node.outputs[0] && IsConv(*reader);
    return reads ? reader : nullptr;
  }

  kernels::ConvShape ShapeOf(const Node& node) const {
    const NodeStates states = StatesOf(node, states_);
    const PlainPlanContext context(node, states);
    const auto kernel = std::span(context.InputShape(1)).subspan(2);
    return ConvShapeOf(context, ConvWindow(context, SpatialSizes(context), kernel));
  }

  void AddChain(std::vector<const Node*> nodes, Found& found) const {
    auto chain = std::make_unique<ConvChainNodes>();
    kernels::ConvChain& shapes = chain->shapes;
    shapes.expands = nodes.size() == 3;
    if (shapes.expands) shapes.expand = ShapeOf(*nodes.front());
    shapes.depthwise = ShapeOf(*nodes[nodes.size() - 2]);
    shapes.project = ShapeOf(*nodes.back());
    shapes.stored = State(nodes.back()->outputs[0]).stored_as();
    if (!kernels::IsChain(shapes)) return;
    chain->joined = Join(nodes);
    chain->nodes = std::move(nodes);
    chain->reads = Layout::kBlocked;
    found.push_back(std::move(chain));
  }

  static Node Join(const std::vector<const Node*>& nodes) {
    const Node& last = *nodes.back();
    Node joined;
    joined.opset = last.opset;
    joined.inputs = {nodes.front()->inputs[0]};
    for (const Node* node : nodes) {
      joined.name += (joined.name.empty() ? "" : " + ") + node->name;
      joined.op += (joined.op.empty() ? "" : "+") + node->op;
      joined.inputs.push_back(node->input(1));
      joined.inputs.push_back(node->input(2));
    }
    joined.fusion = last.fusion;
    if (last.fusion.residual) joined.inputs.push_back(last.inputs.back());
    joined.outputs = last.outputs;
    return joined;
  }

  const std::vector<const Node*>& nodes_;
  GraphStates& states_;
  const std::vector<Readers> readers_;
};

}  // namespace

void FindConvChains(const JoinRequest& request, Found& found) { ChainFinder(request).Find(found); }

}  // namespace kinglet
