#include "engine/plan/division.h"

#include <algorithm>
#include <utility>

namespace kinglet {
namespace {

std::size_t Index(ValueId id) { return static_cast<std::size_t>(id); }

bool Waits(const Node& node, const GraphStates& states) {
  return std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
    return id != kNoValue && states[Index(id)].type == DataType::kUndefined;
  });
}

class Divider {
 public:
  Divider(const GraphIr& graph, const GraphStates& states)
      : graph_(graph),
        states_(states),
        division_(std::make_shared<Division>()),
        fixed_output_(graph.values.size(), -1) {}

  std::shared_ptr<const Division> Make(PackedStore& packed, Divisions& divisions) {
    for (const std::size_t i :
         NeededNodes(graph_, states_, 0, graph_.nodes.size(), graph_.outputs)) {
      if (Waits(graph_.nodes[i], states_)) division_->nodes.push_back(i);
    }
    if (division_->nodes.empty()) return nullptr;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!Waits(graph_.nodes[i], states_)) division_->fixed_nodes.push_back(i);
    }
    std::vector<ValueId> made;  // outputs of the graph that the program makes
    for (const ValueId id : graph_.outputs) {
      const bool waits = states_[Index(id)].type == DataType::kUndefined;
      division_->outputs.push_back(waits ? ValueSource{ValueSource::Kind::kProgram, made.size()}
                                         : NewFixedOutput(id));
      if (waits) made.push_back(id);
    }
    division_->program = MakeProgram(graph_, division_->nodes, made, packed);
    for (const int slot : division_->program->inputs) {
      division_->inputs.push_back(
          SourceOf(division_->program->values[static_cast<std::size_t>(slot)]));
    }
    if (std::shared_ptr<const Division> kept = divisions.Find(*division_)) return kept;
    CopyFixed();
    return divisions.Add(std::move(division_));
  }

 private:
  ValueSource NewFixedOutput(ValueId id) {
    std::vector<ValueId>& outputs = division_->fixed.outputs;
    fixed_output_[Index(id)] = static_cast<int>(outputs.size());
    outputs.push_back(id);
    return {ValueSource::Kind::kFixed, outputs.size() - 1};
  }
  ValueSource FixedOutput(ValueId id) {
    const int at = fixed_output_[Index(id)];
    if (at < 0) return NewFixedOutput(id);
    return {ValueSource::Kind::kFixed, static_cast<std::size_t>(at)};
  }

  ValueSource SourceOf(ValueId id) {
    const auto input = std::find(graph_.inputs.begin(), graph_.inputs.end(), id);
    if (input != graph_.inputs.end()) {
      return {ValueSource::Kind::kInput, static_cast<std::size_t>(input - graph_.inputs.begin())};
    }
    if (!states_[Index(id)].known.defined()) return FixedOutput(id);
    division_->known.push_back(id);
    return {ValueSource::Kind::kKnown, division_->known.size() - 1};
  }

  void CopyFixed() {
    GraphIr& fixed = division_->fixed;
    fixed.name = graph_.name;
    fixed.source = graph_.source;
    fixed.values = graph_.values;
    fixed.inputs = graph_.inputs;
    for (Value& value : fixed.values) value.producer = kNoNode;
    for (const std::size_t i : division_->fixed_nodes) fixed.AddNode(graph_.nodes[i]);
    // What the program reads is stored as what it is.
    for (const ValueId id : fixed.outputs) fixed.value(id).storage = ElementType::kUndefined;
  }

  const GraphIr& graph_;
  const GraphStates& states_;
  std::shared_ptr<Division> division_;
  std::vector<int> fixed_output_;  // by value
};

bool SameDivision(const Division& a, const Division& b) {
  return a.nodes == b.nodes && a.inputs == b.inputs && a.known == b.known &&
         a.fixed.outputs == b.fixed.outputs && a.fixed_nodes == b.fixed_nodes;
}

}  // namespace

std::shared_ptr<const Division> Divisions::FindLocked(const Division& division) const {
  for (const auto& weak : divisions_) {
    std::shared_ptr<const Division> kept = weak.lock();
    if (kept != nullptr && SameDivision(*kept, division)) return kept;
  }
  return nullptr;
}

std::shared_ptr<const Division> Divisions::Find(const Division& division) const {
  const std::lock_guard lock(mutex_);
  return FindLocked(division);
}

std::shared_ptr<const Division> Divisions::Add(std::shared_ptr<const Division> division) {
  const std::lock_guard lock(mutex_);
  if (std::shared_ptr<const Division> kept = FindLocked(*division)) return kept;
  std::erase_if(divisions_, [](const auto& weak) { return weak.expired(); });
  divisions_.push_back(division);
  return division;
}

std::shared_ptr<const Division> Divide(const GraphIr& graph, const GraphStates& states,
                                       PackedStore& packed, Divisions& divisions) {
  return Divider(graph, states).Make(packed, divisions);
}

}  // namespace kinglet
