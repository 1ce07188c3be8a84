#include <algorithm>
#include <cstring>
#include <functional>
#include <map>

#include "engine/plan/arena.h"
#include "engine/plan/chains.h"
#include "engine/plan/evaluate.h"
#include "engine/plan/plan.h"
#include "engine/plan/reorder.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

// Known values up to this size are computed while planning: shape arithmetic, not tensors.
constexpr std::size_t kFoldBytes = std::size_t{1} << 20;

// A blocked tensor of one pixel is a plain one when no pad lanes lie between its images.
bool SameMemory(const Shape& shape) {
  return shape.size() == 4 && shape[2] == 1 && shape[3] == 1 &&
         (shape[1] % 16 == 0 || shape[0] == 1);
}

// One piece of memory while the plan is made.
struct Buffer {
  Slot slot;
  BufferLife life;
  int shares = -1;  // in place: the buffer whose memory it takes over
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
        read_as(states.inputs.size(), Layout::kPlain),
        write_as(states.outputs.size(), Layout::kPlain),
        skipped(states.inputs.size(), false) {}

  bool IsBlocked(std::size_t i) const override;
  void ReadAs(std::size_t i, Layout layout) override { read_as[i] = layout; }
  void WriteAs(std::size_t i, Layout layout) override { write_as[i] = layout; }
  void DoNotRead(std::size_t i) override { skipped[i] = true; }
  void AllowInPlace(std::size_t out, std::size_t in) override { in_place.emplace_back(out, in); }
  const void* Packed(std::size_t i, const std::string& form, std::size_t bytes,
                     const std::function<void(void*)>& fill) override;
  int threads() const override;
  const CostModel& cost() const override;

 private:
  Planner* planner_;

 public:
  std::vector<Layout> read_as, write_as;
  std::vector<bool> skipped;
  std::vector<std::pair<std::size_t, std::size_t>> in_place;
};

class Planner {
 public:
  Planner(const GraphIr& graph, const PlanOptions& options, PackedStore& packed)
      : graph_(graph),
        options_(options),
        model_packed_(packed),
        plan_(std::make_unique<Plan>()),
        cost_(options.cost),
        states_(graph.values.size()),
        places_(graph.values.size()) {
    for (const Value& value : graph.values) {
      cost_.machine.network_weight_bytes += static_cast<double>(value.constant.bytes());
    }
  }

  std::unique_ptr<Plan> Make(const std::vector<Shape>& input_shapes) {
    Start(input_shapes);
    for (const Node& node : graph_.nodes) Infer(node);
    MarkNeeded();
    std::vector<const Node*> nodes;
    for (const Node& node : graph_.nodes) {
      if (IsNeeded(node)) nodes.push_back(&node);
    }
    if (options_.blocked_layout) chains_ = FindChains(nodes, graph_.outputs, states_);
    for (const Node* node : nodes) PlanNodeOrChain(*node);
    PlaceOutputs();
    Allocate();
    return std::move(plan_);
  }

 private:
  friend class LayoutPlanContext;

  static std::size_t Index(ValueId id) { return static_cast<std::size_t>(id); }
  TensorState& State(ValueId id) { return states_[Index(id)]; }
  Places& PlacesOf(ValueId id) { return places_[Index(id)]; }
  int NextStep() const { return static_cast<int>(plan_->steps.size()); }

  void Start(const std::vector<Shape>& input_shapes) {
    for (std::size_t i = 0; i < graph_.values.size(); ++i) {
      const Tensor& constant = graph_.values[i].constant;
      if (constant.defined()) states_[i] = {constant.type(), constant.shape(), constant};
    }
    for (std::size_t k = 0; k < graph_.inputs.size(); ++k) {
      const ValueId id = graph_.inputs[k];
      State(id).type = graph_.value(id).type;
      State(id).shape = input_shapes[k];
      const std::size_t bytes = LayoutBytes(State(id).type, State(id).shape, Layout::kPlain);
      if (bytes > options_.limits.max_tensor_bytes) {
        throw Error(ErrorCode::kResource,
                    graph_.source + ": input '" + graph_.value(id).name + "' of shape " +
                        ShapeToString(input_shapes[k]) + " exceeds the limit of " +
                        std::to_string(options_.limits.max_tensor_bytes) + " bytes for one tensor");
      }
      PlacesOf(id).plain = NewBuffer(bytes, {Slot::Kind::kInput, k, nullptr});
    }
  }

  NodeStates StatesOf(const Node& node) {
    NodeStates states;
    for (const ValueId id : node.inputs) {
      states.inputs.push_back(id == kNoValue ? nullptr : &State(id));
    }
    for (const ValueId id : node.outputs) {
      states.outputs.push_back(id == kNoValue ? nullptr : &State(id));
    }
    return states;
  }

  // Adds the file and the node to an operator's error.
  template <typename F>
  void WithNode(const Node& node, F&& function) {
    try {
      function();
    } catch (const Error& error) {
      std::string what = error.what();
      if (what.rfind("node '", 0) != 0) what = NodeLabel(node) + ": " + what;
      // Data that is known while planning is the model's own.
      const bool data = error.code() == ErrorCode::kInvalidInput;
      throw Error(data ? ErrorCode::kInvalidModel : error.code(), graph_.source + ": " + what);
    }
  }

  void Infer(const Node& node) {
    WithNode(node, [&] {
      InferNode(node, StatesOf(node), options_.limits);
      FoldKnown(node);
    });
  }

  void FoldKnown(const Node& node) {
    std::size_t bytes = 0;
    for (const ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      if (State(id).known.defined()) return;
      bytes += LayoutBytes(State(id).type, State(id).shape, Layout::kPlain);
    }
    if (bytes > kFoldBytes) return;
    std::vector<const Tensor*> inputs;
    for (const ValueId id : node.inputs) {
      if (id != kNoValue && !State(id).known.defined()) return;
      inputs.push_back(id == kNoValue ? nullptr : &State(id).known);
    }
    std::vector<Tensor> outputs = EvaluateNode(node, inputs, options_.limits);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) State(node.outputs[i]).known = std::move(outputs[i]);
    }
  }

  bool IsNeeded(const Node& node) const {
    return std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
      return id != kNoValue && needed_[Index(id)] && !states_[Index(id)].known.defined();
    });
  }

  void MarkNeeded() {
    needed_.assign(graph_.values.size(), false);
    for (const ValueId id : graph_.outputs) needed_[Index(id)] = true;
    for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node) {
      if (!IsNeeded(*node)) continue;
      for (const ValueId id : node->inputs) {
        if (id != kNoValue) needed_[Index(id)] = true;
      }
    }
  }

  int NewBuffer(std::size_t bytes, Slot slot) {
    Buffer buffer;
    buffer.slot = slot;
    buffer.life = {bytes, NextStep(), NextStep()};
    buffers_.push_back(buffer);
    return static_cast<int>(buffers_.size() - 1);
  }
  int NewArenaBuffer(const TensorState& state, Layout layout) {
    return NewBuffer(LayoutBytes(state.type, state.shape, layout), {});
  }

  double BytesOf(const std::vector<int>& buffers) const {
    double bytes = 0;
    for (const int id : buffers) {
      if (id >= 0) bytes += static_cast<double>(buffers_[static_cast<std::size_t>(id)].life.bytes);
    }
    return bytes;
  }
  double MoveCost(const PlanStep& step) const {
    return MoveSeconds(BytesOf(step.inputs), BytesOf(step.outputs), options_.threads, cost_);
  }

  void Append(PlanStep step) {
    const int at = NextStep();
    for (const int id : step.inputs) {
      if (id >= 0) buffers_[static_cast<std::size_t>(id)].life.last = at;
    }
    for (const int id : step.outputs) {
      if (id < 0) continue;
      buffers_[static_cast<std::size_t>(id)].life.first = at;
      buffers_[static_cast<std::size_t>(id)].life.last = at;
    }
    if (step.step->predicted_seconds == 0) step.step->predicted_seconds = MoveCost(step);
    plan_->macs += step.step->macs;
    plan_->predicted_seconds += step.step->predicted_seconds;
    plan_->scratch_bytes = std::max(plan_->scratch_bytes, step.step->scratch_bytes);
    plan_->steps.push_back(std::move(step));
  }

  // The buffer that holds a value in this layout, converted first where need be.
  int Materialize(ValueId id, Layout layout) {
    Places& places = PlacesOf(id);
    TensorState& state = State(id);
    if (places.plain < 0 && state.known.defined()) {
      plan_->constants.push_back(state.known);
      places.plain = NewBuffer(state.known.bytes(), {Slot::Kind::kConstant, 0, state.known.raw()});
    }
    int& wanted = layout == Layout::kPlain ? places.plain : places.blocked;
    if (wanted >= 0) return wanted;
    const int from = layout == Layout::kPlain ? places.blocked : places.plain;
    if (SameMemory(state.shape) && (layout == Layout::kPlain || state.shape[1] % 16 == 0)) {
      return wanted = from;
    }
    const int to = NewArenaBuffer(state, layout);
    PlanStep step;
    step.step = MakeReorder(state.shape, layout, options_.threads, cost_);
    step.name = graph_.value(id).name;
    step.op = "Reorder";
    step.output_shape = state.shape;
    step.inputs = {from};
    step.outputs = {to};
    step.blocked = {layout == Layout::kBlocked16 ? state.shape : Shape{}};
    Append(std::move(step));
    return wanted = to;
  }

  // A chain that is worthwhile is planned where its last node stands: its residual is there by
  // then.
  void PlanNodeOrChain(const Node& node) {
    const auto member = chain_of_.find(&node);
    if (member == chain_of_.end()) {
      const ConvChainNodes* chain = WorthwhileChain(node);
      if (chain == nullptr) return PlanNode(node, FindOp(node.domain, node.op)->plan);
      for (const Node* each : chain->nodes) chain_of_[each] = chain;
      return;
    }
    const ConvChainNodes& chain = *member->second;
    if (chain.nodes.back() != &node) return;
    PlanNode(chain.joined, [&](PlanContext& context) { return PlanConvChain(context, chain); });
  }

  // The longest chain from this node on that one step computes faster than several.
  const ConvChainNodes* WorthwhileChain(const Node& first) {
    const auto chains = chains_.find(&first);
    if (chains == chains_.end() || PlacesOf(first.inputs[0]).blocked < 0) return nullptr;
    for (const ConvChainNodes& chain : chains->second) {
      if (IsWorthwhile(chain, options_.threads, cost_)) return &chain;
    }
    return nullptr;
  }

  using PlanFunction = std::function<std::unique_ptr<Step>(PlanContext&)>;

  void PlanNode(const Node& node, const PlanFunction& plan) {
    const NodeStates states = StatesOf(node);
    LayoutPlanContext context(node, states, *this);
    PlanStep step;
    WithNode(node, [&] { step.step = plan(context); });
    BindAliases(node, context);
    if (step.step == nullptr) return;
    step.name = node.name;
    step.op = node.op;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const bool read = node.inputs[i] != kNoValue && !context.skipped[i];
      step.inputs.push_back(read ? Materialize(node.inputs[i], context.read_as[i]) : -1);
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId id = node.outputs[i];
      step.outputs.push_back(-1);
      step.blocked.emplace_back();
      if (id == kNoValue || context.aliases()[i] != kNoValue) continue;
      if (step.output_shape.empty()) step.output_shape = State(id).shape;
      const int buffer = NewArenaBuffer(State(id), context.write_as[i]);
      step.outputs.back() = buffer;
      if (context.write_as[i] == Layout::kBlocked16) step.blocked.back() = State(id).shape;
      Places& places = PlacesOf(id);
      (context.write_as[i] == Layout::kPlain ? places.plain : places.blocked) = buffer;
    }
    for (const auto& [out, in] : context.in_place) {
      if (step.outputs[out] >= 0 && step.inputs[in] >= 0 &&
          std::count(step.inputs.begin(), step.inputs.end(), step.inputs[in]) == 1) {
        in_place_.push_back({NextStep(), step.outputs[out], step.inputs[in]});
      }
    }
    Append(std::move(step));
  }

  void BindAliases(const Node& node, const LayoutPlanContext& context) {
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId in = context.aliases()[i];
      if (in == kNoValue || node.outputs[i] == kNoValue) continue;
      PlacesOf(node.outputs[i]).plain =
          Materialize(node.inputs[static_cast<std::size_t>(in)], Layout::kPlain);
    }
  }

  // Steps write graph outputs into the caller's tensors, unless the memory serves something else.
  void PlaceOutputs() {
    for (std::size_t k = 0; k < graph_.outputs.size(); ++k) {
      const ValueId id = graph_.outputs[k];
      const std::size_t bytes = LayoutBytes(State(id).type, State(id).shape, Layout::kPlain);
      plan_->outputs.push_back({State(id).type, State(id).shape, {}});
      const int buffer = Materialize(id, Layout::kPlain);
      Buffer& memory = buffers_[static_cast<std::size_t>(buffer)];
      const Slot output{Slot::Kind::kOutput, k, nullptr};
      if (memory.slot.kind == Slot::Kind::kArena && memory.life.bytes == bytes) {
        memory.slot = output;
        continue;
      }
      PlanStep step;
      step.step = MakeCopy(bytes);
      step.name = graph_.value(id).name;
      step.op = "Copy";
      step.output_shape = State(id).shape;
      step.inputs = {buffer};
      step.outputs = {NewBuffer(bytes, output)};
      Append(std::move(step));
    }
  }

  int Root(int buffer) const {
    while (buffers_[static_cast<std::size_t>(buffer)].shares >= 0) {
      buffer = buffers_[static_cast<std::size_t>(buffer)].shares;
    }
    return buffer;
  }

  void ShareInPlace() {
    for (const InPlace& candidate : in_place_) {
      const int from = Root(candidate.in);
      Buffer& in = buffers_[static_cast<std::size_t>(from)];
      Buffer& out = buffers_[static_cast<std::size_t>(candidate.out)];
      if (in.slot.kind != Slot::Kind::kArena || out.slot.kind != Slot::Kind::kArena) continue;
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
      if (buffers_[i].slot.kind == Slot::Kind::kArena && buffers_[i].shares < 0) {
        lives.push_back(buffers_[i].life);
        owners.push_back(i);
      }
    }
    const ArenaLayout layout = PlaceBuffers(lives);
    if (layout.bytes > options_.limits.max_arena_bytes) {
      throw Error(ErrorCode::kResource, graph_.source + ": intermediate tensors would need " +
                                            std::to_string(layout.bytes) + " bytes, the limit is " +
                                            std::to_string(options_.limits.max_arena_bytes) +
                                            "; use a smaller batch or image size");
    }
    for (std::size_t i = 0; i < owners.size(); ++i) {
      buffers_[owners[i]].slot.offset = layout.offsets[i];
    }
    plan_->arena_bytes = layout.bytes;
    plan_->slots.reserve(buffers_.size());
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      plan_->slots.push_back(buffers_[static_cast<std::size_t>(Root(static_cast<int>(i)))].slot);
    }
  }

  struct InPlace {
    int step, out, in;
  };

  const GraphIr& graph_;
  const PlanOptions& options_;
  PackedStore& model_packed_;
  std::unique_ptr<Plan> plan_;
  CostModel cost_;
  std::vector<TensorState> states_;
  std::vector<Places> places_;
  std::vector<bool> needed_;
  std::vector<Buffer> buffers_;
  std::vector<InPlace> in_place_;
  Chains chains_;
  std::map<const Node*, const ConvChainNodes*> chain_of_;  // of those that are steps
};

bool LayoutPlanContext::IsBlocked(std::size_t i) const {
  const ValueId id = node().input(i);
  return planner_->options_.blocked_layout && id != kNoValue && planner_->PlacesOf(id).blocked >= 0;
}

const void* LayoutPlanContext::Packed(std::size_t i, const std::string& form, std::size_t bytes,
                                      const std::function<void(void*)>& fill) {
  const ValueId id = node().input(i);
  const bool constant = planner_->graph_.ConstantOf(id) != nullptr;
  PackedStore& store = constant ? planner_->model_packed_ : planner_->plan_->packed;
  return store.Get(id, form, bytes, fill);
}

int LayoutPlanContext::threads() const { return planner_->options_.threads; }

const CostModel& LayoutPlanContext::cost() const { return planner_->cost_; }

}  // namespace

std::unique_ptr<Plan> MakePlan(const GraphIr& graph, const std::vector<Shape>& input_shapes,
                               const PlanOptions& options, PackedStore& packed) {
  return Planner(graph, options, packed).Make(input_shapes);
}

}  // namespace kinglet
