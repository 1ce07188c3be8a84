#include "engine/ops/qlinear_sum.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "engine/cost/cost_model.h"
#include "engine/graph/contrib.h"
#include "kernels/common/predict.h"
#include "kernels/conv/choose.h"

namespace kinglet {
namespace {

using Found = std::vector<std::unique_ptr<JoinedNodes>>;

class SumFinder {
 public:
  explicit SumFinder(const JoinRequest& request)
      : nodes_(request.nodes), states_(request.states), readers_(ReadersOf(request)) {
    for (std::size_t k = 0; k < nodes_.size(); ++k) {
      for (const ValueId id : nodes_[k]->outputs) {
        if (id != kNoValue) maker_[id] = k;
      }
    }
  }

  void Find(Found& found) {
    for (const Node* node : nodes_) {
      if (node->op == "QLinearAdd" && node->domain == kContribDomain) AddSum(*node, found);
    }
  }

 private:
  static constexpr std::size_t kA = 0, kB = 3, kC = 5;  // a scale and a zero point follow

  const TensorState& State(ValueId id) const { return states_[static_cast<std::size_t>(id)]; }

  std::optional<CodeScale> ScaleBehind(const Node& add, std::size_t x) const {
    const ValueId scale = add.input(x + 1), zero = add.input(x + 2);
    if (scale == kNoValue || !State(scale).known.defined()) return {};
    CodeScale found{State(scale).Value().data<float>()[0], 0};
    if (zero == kNoValue) return found;
    if (!State(zero).known.defined()) return {};
    found.zero_point = State(zero).Value().data<std::uint8_t>()[0];
    return found;
  }

  bool IsImages(ValueId id, const Shape& shape) const {
    if (id == kNoValue) return false;
    const TensorState& state = State(id);
    return state.type == DataType::kUInt8 && !state.known.defined() && state.shape == shape;
  }

  // The convolution that makes operand `x`, which nobody else reads; its place among the nodes.
  std::optional<std::size_t> ConvBehind(const Node& add, std::size_t x) const {
    const auto maker = maker_.find(add.input(x));
    if (maker == maker_.end() || readers_[static_cast<std::size_t>(add.input(x))].count != 1)
      return {};
    const Node& node = *nodes_[maker->second];
    if (node.op != "QLinearConv" || !node.domain.empty()) return {};
    return maker->second;
  }

  // Behind the later one of two convolutions: the other branch is there when it runs.
  void AddSum(const Node& add, Found& found) const {
    const Shape& shape = State(add.outputs[0]).shape;
    if (shape.size() != 4 || !IsImages(add.input(kA), shape) || !IsImages(add.input(kB), shape)) {
      return;
    }
    const auto a = ScaleBehind(add, kA), b = ScaleBehind(add, kB), c = ScaleBehind(add, kC);
    const auto left = ConvBehind(add, kA), right = ConvBehind(add, kB);
    const auto conv = std::max(left, right);  // nothing is less than any place
    if (!a || !b || !c || !conv) return;
    const Node& node = *nodes_[*conv];
    auto sum = std::make_unique<ConvSumNodes>();
    const NodeStates states = StatesOf(node, states_);
    if (!MayRunOnCodes(PlainPlanContext(node, states), sum->shape)) return;
    sum->residual = {.sum = CodeSumOf(*a, *b, *c), .first = conv == right};
    sum->joined = Join(node, add, conv == right ? kA : kB);
    sum->nodes = {&node, &add};
    sum->reads = Layout::kBlocked;
    found.push_back(std::move(sum));
  }

  static Node Join(const Node& conv, const Node& add, std::size_t other) {
    Node joined = conv;
    joined.name += " + " + add.name;
    joined.op += "+" + add.op;
    joined.inputs.resize(ConvSumNodes::kResidual, kNoValue);
    joined.inputs.push_back(add.input(other));
    joined.outputs = add.outputs;
    return joined;
  }

  const std::vector<const Node*>& nodes_;
  GraphStates& states_;
  const std::vector<Readers> readers_;
  std::map<ValueId, std::size_t> maker_;
};

}  // namespace

JoinedStep ConvSumNodes::Choose(int threads, const CostModel& cost) const {
  const kernels::ConvNeighbours neighbours{
      .input_blocked = true,
      .types = {kernels::ElementType::kUInt8, kernels::ElementType::kInt16,
                kernels::ElementType::kUInt8}};
  const auto ranked =
      kernels::RankConvVariants(shape, ThreadsToChooseFor(cost, threads), cost.machine, neighbours);
  if (ranked.empty() || !ranked.front().variant->follows) return {.seconds = 1, .plan = nullptr};
  // Of the sums alone: the convolution is the same. One operand and the result stay in the cache.
  const auto codes = static_cast<double>(shape.n * shape.oc * shape.oh * shape.ow);
  const auto seconds = [&](double read, double written) {
    return kernels::PredictSeconds(kernels::MoveWork(read, written, threads), cost.machine);
  };
  return {.seconds = seconds(codes, 0) / 2,
          .apart_seconds = seconds(2 * codes, codes),
          .plan = [this](PlanContext& context) { return PlanConvSum(context, residual); }};
}

void FindConvSums(const JoinRequest& request, Found& found) { SumFinder(request).Find(found); }

}  // namespace kinglet
