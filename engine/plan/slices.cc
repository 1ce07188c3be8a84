#include "engine/plan/slices.h"

#include "kernels/common/blocked.h"

namespace kinglet {
namespace {

class SliceFinder {
 public:
  SliceFinder(const std::vector<const Node*>& nodes, const std::vector<ValueId>& outputs,
              const GraphStates& states)
      : states_(states), slices_(states.size()), uses_(states.size()), made_(states.size()) {
    for (const Node* node : nodes) {
      for (const ValueId id : node->inputs) CountUse(id);
      for (const ValueId id : node->outputs) {
        if (id != kNoValue) made_[static_cast<std::size_t>(id)] = true;
      }
    }
    for (const ValueId id : outputs) CountUse(id);
    // From the last to the first, so that a Concat of Concats knows where it lies itself.
    for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
      if (JoinsChannels(**node)) FindIn(**node);
    }
  }

  std::vector<Slice> Take() { return std::move(slices_); }

 private:
  const TensorState& State(ValueId id) const { return states_[static_cast<std::size_t>(id)]; }
  void CountUse(ValueId id) {
    if (id != kNoValue) ++uses_[static_cast<std::size_t>(id)];
  }

  bool JoinsChannels(const Node& node) const {
    if (node.op != "Concat" || !node.domain.empty() || node.inputs.size() < 2) return false;
    const TensorState& out = State(node.outputs[0]);
    const std::int64_t axis = node.attributes.Int("axis", 0);
    const bool images = out.type == DataType::kFloat32 || out.type == DataType::kUInt8;
    return images && out.shape.size() == 4 && (axis == 1 || axis == -3) &&
           ElementCount(out.shape) > 0;
  }

  void FindIn(const Node& concat) {
    const ValueId result = concat.outputs[0];
    const Shape& shape = State(result).shape;
    const std::int64_t area = shape[2] * shape[3];
    const ElementType type = State(result).stored_as();
    const std::int64_t block = kernels::PixelBlock(type);
    Slice base = slices_[static_cast<std::size_t>(result)];
    if (base.whole == kNoValue) {
      base.whole = result;
      base.image_stride = kernels::RoundUpToBlock(shape[1], block) * area;
    }
    std::int64_t channel = 0;
    for (std::size_t i = 0; i < concat.inputs.size(); ++i) {
      const ValueId id = concat.inputs[i];
      const std::int64_t count = State(id).shape[1];
      const std::int64_t first = channel;
      channel += count;
      Slice& slice = slices_[static_cast<std::size_t>(id)];
      const bool own_blocks = first % block == 0 && (count % block == 0 || channel == shape[1]);
      const bool alone = shape[0] == 1 || uses_[static_cast<std::size_t>(id)] == 1;
      if (count == 0 || !own_blocks || !alone || State(id).stored_as() != type ||
          slice.whole != kNoValue || !made_[static_cast<std::size_t>(id)]) {
        continue;
      }
      slice = {base.whole, base.offset + first * area, base.image_stride, &concat, i};
    }
  }

  const GraphStates& states_;
  std::vector<Slice> slices_;
  std::vector<int> uses_;
  std::vector<bool> made_;  // by one of the nodes
};

}  // namespace

std::vector<Slice> FindSlices(const std::vector<const Node*>& nodes,
                              const std::vector<ValueId>& outputs, const GraphStates& states) {
  return SliceFinder(nodes, outputs, states).Take();
}

}  // namespace kinglet
