#include "engine/plan/planner.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>

#include "engine/cost/traffic.h"
#include "engine/graph/derived.h"
#include "engine/op/operators.h"
#include "engine/op/reorder.h"
#include "engine/plan/arena.h"
#include "engine/plan/joined.h"
#include "engine/plan/slices.h"
#include "kernels/common/blocked.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

// A blocked tensor of one pixel is a plain one when no pad lanes lie between its images.
bool SameMemory(const Shape& shape, std::int64_t block) {
  return shape.size() == 4 && shape[2] == 1 && shape[3] == 1 &&
         (shape[1] % block == 0 || shape[0] == 1);
}

std::int64_t DenseImage(const Shape& shape, ElementType type) {
  return kernels::RoundUpToBlock(shape[1], kernels::PixelBlock(type)) * shape[2] * shape[3];
}
BlockedOutput DenseBlocked(const Shape& shape, ElementType type) {
  return {shape, DenseImage(shape, type)};
}

// One piece of memory while the plan is made.
struct Buffer {
  Slot slot;
  BufferLife life;
  int shares = -1;         // in place: the buffer whose memory it takes over
  int whole = -1;          // slice: the buffer that it lies in
  std::size_t offset = 0;  // of a slice, bytes
};

struct Places {
  int plain = -1;  // buffers, -1 for none
  int blocked = -1;
};

class Planner;

// Collects what an operator's plan function declares.
class LayoutPlanContext final : public PlainPlanContext {
 public:
  LayoutPlanContext(const Node& node, const NodeStates& states, Planner& planner)
      : PlainPlanContext(node, states),
        planner_(&planner),
        strided(states.outputs.size(), false),
        skipped(states.inputs.size(), false) {
    const auto plain = [](const TensorState* state) {
      return TensorDesc{ElementTypeOf(state == nullptr ? DataType::kUndefined : state->type),
                        Layout::kPlain};
    };
    for (const TensorState* state : states.inputs) read_as.push_back(plain(state));
    for (const TensorState* state : states.outputs) write_as.push_back(plain(state));
  }

  bool IsBlocked(std::size_t i) const override;
  void ReadAs(std::size_t i, TensorDesc desc) override { read_as[i] = desc; }
  void WriteAs(std::size_t i, TensorDesc desc) override { write_as[i] = desc; }
  std::int64_t OutputStride(std::size_t i) override;
  bool IsInPlace(std::size_t i) const override;
  void DoNotRead(std::size_t i) override { skipped[i] = true; }
  void AllowInPlace(std::size_t out, std::size_t in) override { in_place.emplace_back(out, in); }
  const void* Packed(std::size_t i, const kernels::PackedFormat& format, std::size_t bytes,
                     const std::function<void(void*)>& fill) override;
  int threads() const override;
  const CostModel& cost() const override;

 private:
  Planner* planner_;

 public:
  std::vector<TensorDesc> read_as, write_as;
  std::vector<bool> strided;  // outputs whose step writes images as far apart as it is told
  std::vector<bool> skipped;
  std::vector<std::pair<std::size_t, std::size_t>> in_place;
};

class Planner {
 public:
  Planner(const GraphIr& graph, GraphStates& states, const PlanRange& range,
          const PlanOptions& options, PackedStore& packed)
      : graph_(graph),
        states_(states),
        range_(range),
        options_(options),
        model_packed_(packed),
        plan_(std::make_unique<Plan>()),
        cost_(options.cost),
        places_(graph.values.size()),
        whole_(graph.values.size(), -1) {
    for (const Value& value : graph.values) {
      cost_.machine.network_weight_bytes += static_cast<double>(value.constant.bytes());
    }
  }

  std::unique_ptr<Plan> Make() {
    for (std::size_t k = 0; k < range_.inputs.size(); ++k) {
      const auto [id, layout] = range_.inputs[k];
      plan_->input_bytes.push_back(StoredBytes(State(id).Stored(layout), State(id).shape));
      PlaceOf(id, layout) =
          NewBuffer(plan_->input_bytes.back(), {.kind = Slot::Kind::kInput, .index = k});
    }
    std::vector<ValueId> outputs;
    for (const Border& border : range_.outputs) outputs.push_back(border.id);
    const std::vector<std::size_t> indices =
        NeededNodes(graph_, states_, range_.first, range_.last, outputs);
    std::vector<const Node*> nodes;
    for (const std::size_t i : indices) nodes.push_back(&graph_.nodes[i]);
    if (options_.blocked_layout) slices_ = FindSlices(nodes, outputs, states_);
    joined_.emplace(FindJoinedNodes({nodes, outputs, states_}),
                    ThreadsToChooseFor(cost_, options_.threads), cost_);
    for (const std::size_t i : indices) {
      node_ = i;
      PlanNodeOrJoined(graph_.nodes[i]);
    }
    PlaceOutputs();
    Allocate();
    return std::move(plan_);
  }

 private:
  friend class LayoutPlanContext;

  static std::size_t Index(ValueId id) { return static_cast<std::size_t>(id); }
  TensorState& State(ValueId id) { return states_[Index(id)]; }
  Places& PlacesOf(ValueId id) { return places_[Index(id)]; }
  int& PlaceOf(ValueId id, Layout layout) {
    return layout == Layout::kPlain ? PlacesOf(id).plain : PlacesOf(id).blocked;
  }
  Buffer& At(int buffer) { return buffers_[static_cast<std::size_t>(buffer)]; }
  int NextStep() const { return static_cast<int>(plan_->steps.size()); }

  int NewBuffer(std::size_t bytes, Slot slot) {
    Buffer buffer;
    buffer.slot = slot;
    buffer.life = {bytes, NextStep(), NextStep()};
    buffers_.push_back(buffer);
    return static_cast<int>(buffers_.size() - 1);
  }
  int NewArenaBuffer(const TensorState& state, Layout layout) {
    return NewBuffer(StoredBytes(state.Stored(layout), state.shape), {});
  }

  double BytesOf(const std::vector<int>& buffers) const {
    double bytes = 0;
    for (const int id : buffers) {
      if (id >= 0) bytes += static_cast<double>(buffers_[static_cast<std::size_t>(id)].life.bytes);
    }
    return bytes;
  }
  void Predict(const PlanStep& plan_step) const {
    Step& step = *plan_step.step;
    AddTraffic(step.work, BytesOf(plan_step.inputs), BytesOf(plan_step.outputs), options_.threads);
    step.predicted_seconds = StepSeconds(step.work, step.measured_seconds, cost_);
  }

  const Slice* SliceOf(ValueId id) const {
    const bool is_slice = !slices_.empty() && slices_[Index(id)].whole != kNoValue;
    return is_slice ? &slices_[Index(id)] : nullptr;
  }

  // A buffer for what a step writes. A blocked output may be a slice when the step can space its
  // images (`strided`), or when there is only one.
  int NewOutputBuffer(ValueId id, Layout layout, bool strided) {
    if (layout == Layout::kPlain) return NewArenaBuffer(State(id), layout);
    const Slice* slice = SliceOf(id);
    if (slice == nullptr || (State(id).shape[0] > 1 && !strided)) return WholeBuffer(id);
    const int whole = WholeBuffer(slice->whole);
    const int buffer = NewArenaBuffer(State(id), layout);
    At(buffer).whole = whole;
    At(buffer).offset =
        static_cast<std::size_t>(slice->offset * kernels::ElementBytes(State(id).stored_as()));
    return buffer;
  }

  // The blocked buffer of a value that no slice contains: the first of its parts makes it.
  int WholeBuffer(ValueId id) {
    int& whole = whole_[Index(id)];
    if (whole < 0) whole = NewArenaBuffer(State(id), Layout::kBlocked);
    return whole;
  }

  bool IsSlice(ValueId id) {
    const int blocked = id == kNoValue ? -1 : PlacesOf(id).blocked;
    return blocked >= 0 && At(blocked).whole >= 0;
  }

  void Touch(int buffer) {
    for (; buffer >= 0; buffer = At(buffer).whole) At(buffer).life.last = NextStep();
  }

  void Append(PlanStep step) {
    for (const int id : step.inputs) Touch(id);
    for (const int id : step.outputs) Touch(id);
    Predict(step);
    plan_->macs += step.step->macs;
    plan_->predicted_seconds += step.step->predicted_seconds;
    plan_->scratch_bytes = std::max(plan_->scratch_bytes, step.step->scratch_bytes);
    step.node = node_;
    plan_->steps.push_back(std::move(step));
  }

  // The buffer that holds a value in this layout, converted first where need be.
  int Materialize(ValueId id, Layout layout) {
    Places& places = PlacesOf(id);
    TensorState& state = State(id);
    if (places.plain < 0 && state.known.defined()) {
      const Tensor& value = plan_->constants.emplace_back(state.Value());
      if (graph_.ConstantOf(id) == nullptr || state.derived != nullptr) {
        plan_->own_bytes += value.bytes();
      }
      places.plain =
          NewBuffer(value.bytes(), {.kind = Slot::Kind::kConstant, .constant = value.raw()});
    }
    int& wanted = layout == Layout::kPlain ? places.plain : places.blocked;
    if (wanted >= 0) return wanted;
    const bool to_plain = layout == Layout::kPlain;
    const int from = to_plain ? places.blocked : places.plain;
    const std::int64_t block = kernels::PixelBlock(state.stored_as());
    if (SameMemory(state.shape, block) && (to_plain || state.shape[1] % block == 0)) {
      return wanted = from;
    }
    const Layout other = to_plain ? Layout::kBlocked : Layout::kPlain;
    return wanted = Transform(id, from, state.Stored(other), state.Stored(layout));
  }

  // The buffer that a step reads. One of another type than the value is stored in is made for this
  // step alone.
  int ReadBuffer(ValueId id, TensorDesc desc) {
    const ElementType stored = State(id).stored_as();
    if (desc.type == stored) return Materialize(id, desc.layout);
    const bool blocked = ConvertsBlocked(id, stored, desc.type) && PlacesOf(id).blocked >= 0;
    const Layout layout = blocked ? Layout::kBlocked : Layout::kPlain;
    return Bring(id, Materialize(id, layout), {stored, layout}, desc);
  }

  bool ConvertsBlocked(ValueId id, ElementType from, ElementType to) {
    return options_.blocked_layout && State(id).shape.size() == 4 && HasBlockedConversion(from, to);
  }

  // The value in another form than it is in. Types change between blocked forms where they can and
  // one of both is blocked, between plain ones elsewhere.
  int Bring(ValueId id, int buffer, TensorDesc from, TensorDesc to) {
    const auto change = [&](TensorDesc next) {
      if (next != from) buffer = Transform(id, buffer, from, next);
      from = next;
    };
    if (from.type != to.type) {
      const bool blocked =
          (from.blocked() || to.blocked()) && ConvertsBlocked(id, from.type, to.type);
      const Layout meeting = blocked ? Layout::kBlocked : Layout::kPlain;
      change({from.type, meeting});
      change({to.type, meeting});
    }
    change(to);
    return buffer;
  }

  // Appends the step that brings a value from one form into another; returns the buffer it writes.
  int Transform(ValueId id, int buffer, TensorDesc from, TensorDesc to) {
    const Shape& shape = State(id).shape;
    PlanStep step;
    WithNode(graph_, graph_.nodes[node_], [&] {
      step.step = from.type == to.type ? MakeReorder(shape, from, to, options_.threads)
                  : from.blocked()
                      ? MakeBlockedConversion(shape, from.type, to.type, options_.threads)
                      : MakeConversion(ElementCount(shape), from.type, to.type);
    });
    step.name = graph_.value(id).name;
    step.op = from.type == to.type ? "Reorder" : "Convert";
    step.output_shape = shape;
    step.inputs = {buffer};
    step.outputs = {NewBuffer(StoredBytes(to, shape), {})};
    step.input_descs = {from};
    step.output_descs = {to};
    if (to.blocked()) step.blocked = {DenseBlocked(shape, to.type)};
    const int made = step.outputs[0];
    Append(std::move(step));
    return made;
  }

  void PlanNodeOrJoined(const Node& node) {
    const JoinedSteps::Group* group = joined_->GroupOf(node);
    if (group == nullptr) {
      group =
          joined_->Begin(node, [&](ValueId id, Layout layout) { return PlaceOf(id, layout) >= 0; });
    }
    if (group == nullptr) {
      PlanNode(node, FindOp(node.domain, node.op)->plan);
    } else if (group->nodes->nodes.back() == &node) {
      PlanNode(group->nodes->joined, group->step.plan);
    }
  }

  using PlanFunction = std::function<std::unique_ptr<Step>(PlanContext&)>;

  void PlanNode(const Node& node, const PlanFunction& plan) {
    const NodeStates states = StatesOf(node, states_);
    LayoutPlanContext context(node, states, *this);
    PlanStep step;
    WithNode(graph_, node, [&] { step.step = plan(context); });
    BindAliases(node, context);
    step.name = node.name;
    step.op = node.op;
    for (std::size_t i = 0; step.step != nullptr && i < node.inputs.size(); ++i) {
      const bool read = node.inputs[i] != kNoValue && !context.skipped[i];
      const TensorDesc desc = context.read_as[i];
      step.inputs.push_back(read ? ReadBuffer(node.inputs[i], desc) : -1);
      step.input_descs.push_back(desc);
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      step.outputs.push_back(-1);
      step.blocked.emplace_back();
      step.output_descs.push_back(context.write_as[i]);
      const ValueId id = node.outputs[i];
      if (id == kNoValue || context.aliases()[i] != kNoValue) continue;
      if (step.output_shape.empty()) step.output_shape = State(id).shape;
      BindOutput(id, context.strided[i], i, step);
    }
    // All is done: an alias, or a Concat whose parts are in place.
    if (step.step == nullptr) return;
    for (const auto& [out, in] : context.in_place) {
      if (step.outputs[out] >= 0 && step.inputs[in] >= 0 &&
          std::count(step.inputs.begin(), step.inputs.end(), step.inputs[in]) == 1) {
        in_place_.push_back({NextStep(), step.outputs[out], step.inputs[in]});
      }
    }
    const std::vector<int> written = step.outputs;
    Append(std::move(step));
    for (std::size_t i = 0; i < written.size(); ++i) {
      if (written[i] >= 0) Store(node.outputs[i], written[i], context.write_as[i]);
    }
  }

  // The buffer of what a step writes as output i.
  void BindOutput(ValueId id, bool strided, std::size_t i, PlanStep& step) {
    const TensorDesc desc = step.output_descs[i];
    const TensorState& state = State(id);
    if (desc.blocked()) step.blocked[i] = DenseBlocked(state.shape, desc.type);
    if (desc.type != state.stored_as()) {
      step.outputs[i] = NewBuffer(StoredBytes(desc, state.shape), {});
      return;
    }
    step.outputs[i] = PlaceOf(id, desc.layout) = NewOutputBuffer(id, desc.layout, strided);
    if (!desc.blocked()) return;
    plan_->blocked_values.push_back(id);
    if (At(step.outputs[i]).whole >= 0) step.blocked[i].image_stride = SliceOf(id)->image_stride;
  }

  // Keeps what a step has written in the type that the value is stored in.
  void Store(ValueId id, int buffer, TensorDesc desc) {
    const ElementType stored = State(id).stored_as();
    if (desc.type == stored) return;
    const bool blocked = desc.blocked() && ConvertsBlocked(id, desc.type, stored);
    const Layout layout = blocked ? Layout::kBlocked : Layout::kPlain;
    PlaceOf(id, layout) = Bring(id, buffer, desc, State(id).Stored(layout));
  }

  void BindAliases(const Node& node, const LayoutPlanContext& context) {
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId in = context.aliases()[i];
      if (in == kNoValue || node.outputs[i] == kNoValue) continue;
      PlacesOf(node.outputs[i]).plain = ReadBuffer(node.inputs[static_cast<std::size_t>(in)],
                                                   State(node.outputs[i]).Stored(Layout::kPlain));
    }
  }

  // Steps write outputs into the caller's tensors, unless the memory serves something else.
  void PlaceOutputs() {
    for (std::size_t k = 0; k < range_.outputs.size(); ++k) {
      const auto [id, layout] = range_.outputs[k];
      const std::size_t bytes = StoredBytes(State(id).Stored(layout), State(id).shape);
      plan_->outputs.push_back({State(id).type, State(id).shape, {}});
      plan_->output_bytes.push_back(bytes);
      const int buffer = Materialize(id, layout);
      Buffer& memory = At(buffer);
      const Slot output{.kind = Slot::Kind::kOutput, .index = k};
      if (memory.slot.kind == Slot::Kind::kArena && memory.life.bytes == bytes &&
          memory.whole < 0) {
        memory.slot = output;
        continue;
      }
      PlanStep step;
      step.step = MakeCopy(bytes);
      step.input_descs = step.output_descs = {State(id).Stored(layout)};
      step.name = graph_.value(id).name;
      step.op = "Copy";
      step.output_shape = State(id).shape;
      step.inputs = {buffer};
      step.outputs = {NewBuffer(bytes, output)};
      Append(std::move(step));
    }
  }

  int Root(int buffer) {
    while (At(buffer).shares >= 0) buffer = At(buffer).shares;
    return buffer;
  }

  void ShareInPlace() {
    for (const InPlace& candidate : in_place_) {
      const int from = Root(candidate.in);
      Buffer& in = At(from);
      Buffer& out = At(candidate.out);
      if (in.slot.kind != Slot::Kind::kArena || out.slot.kind != Slot::Kind::kArena) continue;
      if (in.whole >= 0 || out.whole >= 0) continue;
      if (in.life.last != candidate.step || out.shares >= 0 || in.life.bytes != out.life.bytes) {
        continue;
      }
      in.life.last = out.life.last;
      out.shares = from;
    }
  }

  void Allocate() {
    ShareInPlace();
    std::vector<BufferLife> lives;
    std::vector<std::size_t> owners;
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      if (buffers_[i].slot.kind == Slot::Kind::kArena && buffers_[i].shares < 0 &&
          buffers_[i].whole < 0) {
        lives.push_back(buffers_[i].life);
        owners.push_back(i);
      }
    }
    const ArenaLayout layout = PlaceTensors(lives, options_.limits.max_arena_bytes, graph_.source);
    for (std::size_t i = 0; i < owners.size(); ++i) {
      buffers_[owners[i]].slot.offset = layout.offsets[i];
    }
    plan_->arena_bytes = layout.bytes;
    plan_->slots.reserve(buffers_.size());
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      const int whole = buffers_[i].whole;
      Slot slot = At(Root(whole >= 0 ? whole : static_cast<int>(i))).slot;
      if (whole >= 0) slot.offset += buffers_[i].offset;
      plan_->slots.push_back(slot);
    }
  }

  struct InPlace {
    int step, out, in;
  };

  const GraphIr& graph_;
  GraphStates& states_;
  const PlanRange& range_;
  const PlanOptions& options_;
  PackedStore& model_packed_;
  std::unique_ptr<Plan> plan_;
  CostModel cost_;
  std::size_t node_ = 0;  // being planned
  std::vector<Places> places_;
  std::vector<int> whole_;  // of each value: its buffer, where it may have slices
  std::vector<Slice> slices_;
  std::vector<Buffer> buffers_;
  std::vector<InPlace> in_place_;
  std::optional<JoinedSteps> joined_;
};

bool LayoutPlanContext::IsBlocked(std::size_t i) const {
  const ValueId id = node().input(i);
  return planner_->options_.blocked_layout && id != kNoValue && planner_->PlacesOf(id).blocked >= 0;
}

std::int64_t LayoutPlanContext::OutputStride(std::size_t i) {
  strided[i] = true;
  const ValueId id = node().outputs[i];
  const ElementType type = write_as[i].type;
  const Slice* slice = id == kNoValue ? nullptr : planner_->SliceOf(id);
  const bool is_slice = slice != nullptr && type == OutputStorage(i);
  return is_slice ? slice->image_stride : DenseImage(OutputShape(i), type);
}

bool LayoutPlanContext::IsInPlace(std::size_t i) const {
  const ValueId id = node().input(i);
  if (!planner_->IsSlice(id)) return false;
  const Slice& slice = *planner_->SliceOf(id);
  return slice.concat == &node() && slice.input == i;
}

const void* LayoutPlanContext::Packed(std::size_t i, const kernels::PackedFormat& format,
                                      std::size_t bytes, const std::function<void(void*)>& fill) {
  if (planner_->options_.trial) return nullptr;
  const ValueId id = node().input(i);
  const bool constant = planner_->graph_.ConstantOf(id) != nullptr;
  PackedStore& store = constant ? planner_->model_packed_ : planner_->plan_->packed;
  const void* form = store.Get(id, format, bytes, fill);
  if (const auto& derived = planner_->State(id).derived) derived->Drop();
  return form;
}

int LayoutPlanContext::threads() const { return planner_->options_.threads; }

const CostModel& LayoutPlanContext::cost() const { return planner_->cost_; }

}  // namespace

PlanRange WholeGraph(const GraphIr& graph) {
  PlanRange range;
  range.last = graph.nodes.size();
  for (const ValueId id : graph.inputs) range.inputs.push_back({id, Layout::kPlain});
  for (const ValueId id : graph.outputs) range.outputs.push_back({id, Layout::kPlain});
  return range;
}

std::unique_ptr<Plan> PlanNodes(const GraphIr& graph, GraphStates& states, const PlanRange& range,
                                const PlanOptions& options, PackedStore& packed) {
  return Planner(graph, states, range, options, packed).Make();
}

}  // namespace kinglet
