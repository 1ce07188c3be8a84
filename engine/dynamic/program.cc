#include "engine/dynamic/program.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "engine/graph/derived.h"
#include "engine/graph/ir.h"

namespace kinglet {
namespace {

class ProgramMaker {
 public:
  ProgramMaker(const GraphIr& graph, PackedStore* packed)
      : graph_(graph), program_(std::make_unique<Program>()) {
    if (packed == nullptr) {
      program_->own_packed = std::make_unique<PackedStore>();
      packed = program_->own_packed.get();
    }
    program_->packed = packed;
  }

  // Of a whole subgraph: its inputs, then its captures, come first.
  std::unique_ptr<Program> MakeBody(ProgramMaker& outer) {
    for (const ValueId id : graph_.inputs) AddInput(id);
    for (const Capture& capture : graph_.captures) {
      AddInput(capture.inner);
      program_->captured.push_back(outer.SlotOf(capture.outer));
    }
    std::vector<std::size_t> nodes(graph_.nodes.size());
    std::iota(nodes.begin(), nodes.end(), std::size_t{0});
    return Make(nodes, graph_.outputs);
  }

  std::unique_ptr<Program> Make(const std::vector<std::size_t>& nodes,
                                const std::vector<ValueId>& outputs) {
    program_->nodes.reserve(nodes.size());
    for (const std::size_t i : nodes) AddNode(graph_.nodes[i]);
    for (const ValueId id : outputs) program_->outputs.push_back(SlotOf(id));
    FindLastUses();
    return std::move(program_);
  }

 private:
  void AddInput(ValueId id) { program_->inputs.push_back(NewSlot(id)); }

  int NewSlot(ValueId id) {
    const auto slot = static_cast<int>(program_->values.size());
    slots_.emplace(id, slot);
    program_->values.push_back(id);
    program_->constants.push_back(ConstantOf(id));
    return slot;
  }

  const Tensor* ConstantOf(ValueId id) {
    const Tensor* constant = graph_.ConstantOf(id);
    if (constant == nullptr || graph_.value(id).derived == nullptr) return constant;
    return &program_->kept.emplace_back(graph_.value(id).derived->Get());
  }

  int SlotOf(ValueId id) {
    if (id == kNoValue) return -1;
    if (const auto found = slots_.find(id); found != slots_.end()) return found->second;
    const int slot = NewSlot(id);
    if (program_->constants.back() == nullptr) program_->inputs.push_back(slot);
    return slot;
  }

  void AddNode(const Node& node) {
    ProgramNode added;
    added.node = &node;
    added.op = FindOp(node.domain, node.op);
    for (const ValueId id : node.inputs) added.inputs.push_back(SlotOf(id));
    for (const auto& [name, attribute] : node.attributes) {
      const auto* subgraph = std::get_if<std::shared_ptr<GraphIr>>(&attribute);
      if (subgraph == nullptr) continue;
      added.bodies.push_back({name, ProgramMaker(**subgraph, nullptr).MakeBody(*this)});
    }
    for (const ValueId id : node.outputs) {
      added.outputs.push_back(id == kNoValue ? -1 : NewSlot(id));
    }
    program_->nodes.push_back(std::move(added));
  }

  void FindLastUses() {
    std::vector<std::size_t> last(program_->values.size(), program_->nodes.size());
    for (std::size_t n = 0; n < program_->nodes.size(); ++n) {
      const ProgramNode& node = program_->nodes[n];
      const auto use = [&](int slot) {
        if (slot >= 0) last[static_cast<std::size_t>(slot)] = n;
      };
      std::for_each(node.inputs.begin(), node.inputs.end(), use);
      std::for_each(node.outputs.begin(), node.outputs.end(), use);
      for (const ProgramBody& body : node.bodies) {
        std::for_each(body.program->captured.begin(), body.program->captured.end(), use);
      }
    }
    for (const int slot : program_->outputs) {
      last[static_cast<std::size_t>(slot)] = program_->nodes.size();
    }
    for (std::size_t slot = 0; slot < last.size(); ++slot) {
      if (last[slot] < program_->nodes.size() && program_->constants[slot] == nullptr) {
        program_->nodes[last[slot]].last.push_back(static_cast<int>(slot));
      }
    }
  }

  const GraphIr& graph_;
  std::unique_ptr<Program> program_;
  std::unordered_map<ValueId, int> slots_;
};

}  // namespace

std::unique_ptr<Program> MakeProgram(const GraphIr& graph, const std::vector<std::size_t>& nodes,
                                     const std::vector<ValueId>& outputs, PackedStore& packed) {
  return ProgramMaker(graph, &packed).Make(nodes, outputs);
}

}  // namespace kinglet
