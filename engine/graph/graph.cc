#include "kinglet/graph.h"

#include "engine/graph/ir.h"

namespace kinglet {

Graph::Graph(std::unique_ptr<GraphIr> ir) : ir_(std::move(ir)) {}
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;
Graph::~Graph() = default;

namespace {

std::vector<TensorInfo> Describe(const GraphIr& graph, const std::vector<ValueId>& ids) {
  std::vector<TensorInfo> infos;
  infos.reserve(ids.size());
  for (const ValueId id : ids) {
    const Value& value = graph.value(id);
    infos.push_back({value.name, value.type, value.has_shape, value.dims, value.symbols});
    infos.back().symbols.resize(value.dims.size());
  }
  return infos;
}

}  // namespace

const std::string& Graph::name() const { return ir_->name; }
std::vector<TensorInfo> Graph::inputs() const { return Describe(*ir_, ir_->inputs); }
std::vector<TensorInfo> Graph::outputs() const { return Describe(*ir_, ir_->outputs); }
const std::vector<std::string>& Graph::notes() const { return ir_->notes; }
std::size_t Graph::node_count() const { return ir_->nodes.size(); }

std::int64_t Graph::parameter_count() const {
  std::int64_t count = 0;
  for (const Value& value : ir_->values) {
    if (value.is_constant() &&
        (value.type == DataType::kFloat32 || value.type == DataType::kFloat64 ||
         value.type == DataType::kFloat16)) {
      count += value.constant.size();
    }
  }
  // Weights that are stored as integers become numbers of the network here.
  for (const Node& node : ir_->nodes) {
    const Tensor* stored = ir_->ConstantOf(node.input(0));
    if (node.op == "DequantizeLinear" && stored != nullptr) count += stored->size();
  }
  return count;
}

}  // namespace kinglet
