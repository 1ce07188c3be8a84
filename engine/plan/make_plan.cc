// A plan for a request: either one run of all nodes with the whole batch, or segments for the
// images that every thread gets as many of, and the team of all threads for what is left.
#include <algorithm>
#include <utility>

#include "engine/plan/arena.h"
#include "engine/plan/batch.h"
#include "engine/plan/division.h"
#include "engine/plan/planner.h"
#include "engine/plan/segment_step.h"
#include "engine/plan/segments.h"

namespace kinglet {
namespace {

// Puts plans of parts of a graph, and of parts of the batch, together to one.
class Assembler {
 public:
  Assembler(const GraphIr& graph, GraphStates& states, BatchProof& proof,
            const SegmentChoice& choice, const PlanOptions& options, PackedStore& packed)
      : graph_(graph),
        states_(states),
        proof_(proof),
        choice_(choice),
        options_(options),
        packed_(packed),
        needed_(NeededNodes(graph, states, 0, graph.nodes.size(), graph.outputs)),
        last_use_(graph.values.size()),
        maker_(graph.values.size(), graph.nodes.size()),
        slot_of_(graph.values.size(), -1),
        output_of_(graph.values.size(), -1),
        plan_(std::make_unique<Plan>()) {}

  std::unique_ptr<Plan> Make() {
    CollectUses();
    const std::int64_t threads = options_.threads;
    const std::int64_t per_thread = proof_.batch() / threads;
    for (const Segment& segment : choice_.segments) AppendSegment(segment, per_thread);
    const std::int64_t rest = proof_.batch() % threads;
    if (rest > 0) AppendTeam(rest);
    AppendRest();
    Allocate();
    return std::move(plan_);
  }

 private:
  static std::size_t Index(ValueId id) { return static_cast<std::size_t>(id); }
  int NextStep() const { return static_cast<int>(plan_->steps.size()); }

  void CollectUses() {
    for (const std::size_t i : needed_) {
      for (const ValueId id : graph_.nodes[i].inputs) {
        if (id != kNoValue) last_use_[Index(id)] = i;
      }
      for (const ValueId id : graph_.nodes[i].outputs) {
        if (id != kNoValue) maker_[Index(id)] = i;
      }
    }
    for (std::size_t k = 0; k < graph_.inputs.size(); ++k) {
      slot_of_[Index(graph_.inputs[k])] = NewSlot({.kind = Slot::Kind::kInput, .index = k}, -1);
    }
    for (std::size_t k = 0; k < graph_.outputs.size(); ++k) {
      const ValueId id = graph_.outputs[k];
      plan_->outputs.push_back({states_[Index(id)].type, states_[Index(id)].shape, {}});
      // Made by segments: they write it. Everything else is left to the rest.
      if (maker_[Index(id)] >= proof_.prefix() || output_of_[Index(id)] >= 0) continue;
      output_of_[Index(id)] = static_cast<int>(k);
      slot_of_[Index(id)] = NewSlot({.kind = Slot::Kind::kOutput, .index = k}, -1);
    }
  }

  Layout LayoutOf(ValueId id) const {
    const bool blocked = choice_.blocked[Index(id)] && output_of_[Index(id)] < 0;
    return blocked ? Layout::kBlocked : Layout::kPlain;
  }
  std::size_t BytesOf(ValueId id) const {
    return StoredBytes(states_[Index(id)].Stored(LayoutOf(id)), states_[Index(id)].shape);
  }

  // The nodes [first, last) with the values that they take from outside and leave there.
  PlanRange RangeOf(std::size_t first, std::size_t last) const {
    PlanRange range{first, last, {}, {}};
    std::vector<bool> seen(graph_.values.size());
    for (const std::size_t i : needed_) {
      if (i < first || i >= last) continue;
      for (const ValueId id : graph_.nodes[i].inputs) AddInput(id, first, seen, range);
      for (const ValueId id : graph_.nodes[i].outputs) {
        if (id == kNoValue || states_[Index(id)].known.defined()) continue;
        if (output_of_[Index(id)] >= 0 || last_use_[Index(id)] >= last || IsOutput(id)) {
          range.outputs.push_back({id, LayoutOf(id)});
        }
      }
    }
    return range;
  }
  void AddInput(ValueId id, std::size_t first, std::vector<bool>& seen, PlanRange& range) const {
    if (id == kNoValue || seen[Index(id)] || states_[Index(id)].known.defined()) return;
    const bool outside = maker_[Index(id)] < first || maker_[Index(id)] == graph_.nodes.size();
    if (!outside) return;
    seen[Index(id)] = true;
    range.inputs.push_back({id, LayoutOf(id)});
  }
  bool IsOutput(ValueId id) const {
    return std::find(graph_.outputs.begin(), graph_.outputs.end(), id) != graph_.outputs.end();
  }

  int NewSlot(Slot slot, int buffer) {
    plan_->slots.push_back(slot);
    buffer_of_.push_back(buffer);
    return static_cast<int>(plan_->slots.size() - 1);
  }
  int NewBuffer(std::size_t bytes) {
    lives_.push_back({bytes, NextStep(), NextStep()});
    return static_cast<int>(lives_.size() - 1);
  }
  // The place of a value between plans, `image` images behind its start.
  int SlotOf(ValueId id, std::int64_t image) {
    int& slot = slot_of_[Index(id)];
    if (slot < 0) slot = NewSlot({}, NewBuffer(BytesOf(id)));
    if (image == 0) return slot;
    Slot moved = plan_->slots[static_cast<std::size_t>(slot)];
    moved.offset +=
        BytesOf(id) / static_cast<std::size_t>(proof_.batch()) * static_cast<std::size_t>(image);
    return NewSlot(moved, buffer_of_[static_cast<std::size_t>(slot)]);
  }
  std::vector<int> SlotsOf(const std::vector<Border>& borders, std::int64_t image) {
    std::vector<int> slots;
    for (const Border& border : borders) slots.push_back(SlotOf(border.id, image));
    return slots;
  }

  std::vector<TensorDesc> DescsOf(const std::vector<Border>& borders) const {
    std::vector<TensorDesc> descs;
    for (const Border& border : borders) {
      descs.push_back(states_[Index(border.id)].Stored(border.layout));
    }
    return descs;
  }

  void Append(PlanStep step) {
    for (const std::vector<int>* slots : {&step.inputs, &step.outputs}) {
      for (const int slot : *slots) {
        const int buffer = slot < 0 ? -1 : buffer_of_[static_cast<std::size_t>(slot)];
        if (buffer >= 0) lives_[static_cast<std::size_t>(buffer)].last = NextStep();
      }
    }
    plan_->macs += step.step->macs;
    plan_->predicted_seconds += step.step->predicted_seconds;
    plan_->scratch_bytes = std::max(plan_->scratch_bytes, step.step->scratch_bytes);
    plan_->steps.push_back(std::move(step));
  }

  // Every thread gets as many runs as another, and runs differ by one image at most.
  void AppendSegment(const Segment& segment, std::int64_t per_thread) {
    const std::int64_t threads = options_.threads;
    const std::int64_t runs = (per_thread + segment.images - 1) / segment.images;
    const std::int64_t images = per_thread / runs;
    const std::int64_t larger = per_thread % runs;
    const PlanRange range = RangeOf(segment.first, segment.last);
    if (range.outputs.empty()) return;
    const PlanOptions options = SegmentOptions(options_);
    std::vector<SegmentPlan> plans;
    double seconds = 0;
    const auto add = [&](std::int64_t of, std::int64_t count) {
      if (count == 0) return;
      plans.push_back(
          {PlanNodes(graph_, *proof_.StatesOf(of), range, options, packed_), of, count * threads});
      seconds += static_cast<double>(count) * plans.back().plan->predicted_seconds;
    };
    add(images + 1, larger);
    add(images, runs - larger);
    auto step = std::make_unique<SegmentStep>(std::move(plans), options_.threads);
    step->predicted_seconds = seconds;
    PlanStep plan_step;
    plan_step.segment = step.get();
    plan_step.step = std::move(step);
    plan_step.name = graph_.nodes[segment.first].name;
    plan_step.op = "Segment";
    plan_step.output_shape = states_[Index(range.outputs.back().id)].shape;
    plan_step.inputs = SlotsOf(range.inputs, 0);
    plan_step.outputs = SlotsOf(range.outputs, 0);
    plan_step.input_descs = DescsOf(range.inputs);
    plan_step.output_descs = DescsOf(range.outputs);
    Append(std::move(plan_step));
  }

  void AppendTeam(std::int64_t images) {
    const PlanRange range = RangeOf(0, proof_.prefix());
    const std::int64_t first = proof_.batch() - images;
    const std::vector<int> inputs = SlotsOf(range.inputs, first);
    const std::vector<int> outputs = SlotsOf(range.outputs, first);
    Inline(PlanNodes(graph_, *proof_.StatesOf(images), range, options_, packed_), inputs, outputs,
           images);
  }

  // What mixes images, and outputs that no node makes.
  void AppendRest() {
    PlanRange range = RangeOf(proof_.prefix(), graph_.nodes.size());
    std::vector<bool> seen(graph_.values.size());
    for (const Border& border : range.inputs) seen[Index(border.id)] = true;
    range.outputs.clear();
    std::vector<int> outputs;
    for (std::size_t k = 0; k < graph_.outputs.size(); ++k) {
      const ValueId id = graph_.outputs[k];
      if (output_of_[Index(id)] == static_cast<int>(k)) continue;
      AddInput(id, proof_.prefix(), seen, range);
      range.outputs.push_back({id, Layout::kPlain});
      outputs.push_back(NewSlot({.kind = Slot::Kind::kOutput, .index = k}, -1));
    }
    if (range.outputs.empty()) return;
    const std::vector<int> inputs = SlotsOf(range.inputs, 0);
    Inline(PlanNodes(graph_, states_, range, options_, packed_), inputs, outputs, 0);
  }

  // Adds the steps of a plan whose inputs and outputs are these slots.
  void Inline(std::unique_ptr<Plan> inner, const std::vector<int>& inputs,
              const std::vector<int>& outputs, std::int64_t images) {
    const int arena = NewBuffer(inner->arena_bytes);
    std::vector<int> moved;
    for (const Slot& slot : inner->slots) {
      if (slot.kind == Slot::Kind::kArena || slot.kind == Slot::Kind::kConstant) {
        moved.push_back(NewSlot(slot, slot.kind == Slot::Kind::kArena ? arena : -1));
        continue;
      }
      const int border = (slot.kind == Slot::Kind::kInput ? inputs : outputs)[slot.index];
      Slot at = plan_->slots[static_cast<std::size_t>(border)];
      at.offset += slot.offset;
      moved.push_back(NewSlot(at, buffer_of_[static_cast<std::size_t>(border)]));
    }
    for (PlanStep& step : inner->steps) {
      for (std::vector<int>* slots : {&step.inputs, &step.outputs}) {
        for (int& slot : *slots) {
          if (slot >= 0) slot = moved[static_cast<std::size_t>(slot)];
        }
      }
      step.images = images;
      Append(std::move(step));
    }
    plan_->inlined.push_back(std::move(inner));
  }

  void Allocate() {
    const ArenaLayout layout = PlaceTensors(lives_, options_.limits.max_arena_bytes, graph_.source);
    plan_->arena_bytes = layout.bytes;
    for (std::size_t i = 0; i < plan_->slots.size(); ++i) {
      if (buffer_of_[i] < 0) continue;
      plan_->slots[i].offset += layout.offsets[static_cast<std::size_t>(buffer_of_[i])];
    }
  }

  const GraphIr& graph_;
  GraphStates& states_;
  BatchProof& proof_;
  const SegmentChoice& choice_;
  const PlanOptions& options_;
  PackedStore& packed_;
  const std::vector<std::size_t> needed_;
  std::vector<std::size_t> last_use_, maker_;  // nodes, by value
  std::vector<int> slot_of_;                   // by value
  std::vector<int> output_of_;                 // the graph output that segments write the value to
  std::vector<int> buffer_of_;                 // of each slot in the arena
  std::vector<BufferLife> lives_;
  std::unique_ptr<Plan> plan_;
};

double SecondsBefore(const Plan& plan, std::size_t node) {
  double seconds = 0;
  for (const PlanStep& step : plan.steps) {
    if (step.node < node) seconds += step.step->predicted_seconds;
  }
  return seconds;
}

// Segments that are predicted to be faster than the batch as a whole, or none.
SegmentChoice FindSegments(const GraphIr& graph, GraphStates& states, BatchProof& proof,
                           const PlanOptions& options) {
  const std::int64_t threads = options.threads;
  const std::int64_t per_thread = proof.batch() / threads;
  if (!options.blocked_layout || per_thread == 0 || proof.prefix() == 0) return {};
  // Where a batch is cut follows from the number of threads, and kernels from where it is cut.
  if (options.cost.deterministic) return {};
  SegmentChoice choice = ChooseSegments(graph, states, proof, per_thread, options);
  const auto agrees = [&](std::int64_t images) { return proof.StatesOf(images) != nullptr; };
  for (Segment& segment : choice.segments) {
    const std::int64_t runs = (per_thread + segment.images - 1) / segment.images;
    const std::int64_t images = per_thread / runs;
    if (!agrees(images) || (per_thread % runs != 0 && !agrees(images + 1))) segment.images = 1;
  }
  PlanOptions trial = options;
  trial.trial = true;
  PackedStore none;
  const std::unique_ptr<Plan> whole = PlanNodes(graph, states, WholeGraph(graph), trial, none);
  if (const std::int64_t rest = proof.batch() % threads; rest > 0) {
    if (!agrees(rest)) return {};
    choice.seconds += SecondsBefore(*whole, proof.prefix()) * static_cast<double>(rest) /
                      static_cast<double>(proof.batch());
  }
  if (choice.seconds >= SecondsBefore(*whole, proof.prefix())) return {};
  return choice;
}

// What the caller gives and gets is stored as what it is.
void CheckBorders(const GraphIr& graph, const GraphStates& states) {
  for (const auto* borders : {&graph.inputs, &graph.outputs}) {
    for (const ValueId id : *borders) {
      const TensorState& state = states[static_cast<std::size_t>(id)];
      if (state.stored_as() == ElementTypeOf(state.type)) continue;
      throw Error(ErrorCode::kUnsupported,
                  graph.source + ": '" + graph.value(id).name + "' is an input or output of type " +
                      DataTypeName(state.type) + " and cannot be stored as " +
                      ElementName(state.stored_as()));
    }
  }
}

std::unique_ptr<Plan> PlanFixed(const GraphIr& graph, const std::vector<Shape>& input_shapes,
                                GraphStates& states, const PlanOptions& options,
                                PackedStore& packed) {
  CheckBorders(graph, states);
  BatchProof proof(graph, input_shapes, states, options.limits);
  const SegmentChoice choice = FindSegments(graph, states, proof, options);
  if (choice.segments.empty()) {
    return PlanNodes(graph, states, WholeGraph(graph), options, packed);
  }
  return Assembler(graph, states, proof, choice, options, packed).Make();
}

}  // namespace

std::unique_ptr<Plan> MakePlan(const GraphIr& graph, const std::vector<Shape>& input_shapes,
                               const PlanOptions& options, PackedStore& packed,
                               Divisions& divisions) {
  GraphStates states = InferGraph(graph, input_shapes, options.limits, graph.nodes.size());
  std::shared_ptr<const Division> division = Divide(graph, states, packed, divisions);
  if (division == nullptr) return PlanFixed(graph, input_shapes, states, options, packed);
  for (const ValueId id : division->fixed.outputs) {
    states[static_cast<std::size_t>(id)].storage = ElementType::kUndefined;
  }
  std::unique_ptr<Plan> plan = PlanFixed(division->fixed, input_shapes, states, options, packed);
  for (const ValueId id : division->known) {
    plan->known.push_back(states[static_cast<std::size_t>(id)].known);
  }
  plan->dynamic = std::move(division);
  return plan;
}

}  // namespace kinglet
