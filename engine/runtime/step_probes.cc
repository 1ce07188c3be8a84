#include "engine/runtime/step_probes.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph/ir.h"
#include "engine/runtime/executor.h"
#include "engine/runtime/model_impl.h"
#include "kinglet/graph.h"

namespace kinglet {
namespace {

constexpr int kFewSteps = 16;
constexpr int kManySteps = 112;
const Shape kStepShape = {1, 64};

// Functions of a few values, one after the other: kernels like any, and next to nothing to compute.
Graph SmallFunctions(int count) {
  auto ir = std::make_unique<GraphIr>();
  ir->name = ir->source = "steps that are measured";
  const auto add_value = [&](const std::string& name) {
    Value value;
    value.name = name;
    value.type = DataType::kFloat32;
    return ir->AddValue(std::move(value));
  };
  ValueId at = add_value("x");
  ir->value(at).has_shape = true;
  ir->value(at).dims = kStepShape;
  ir->value(at).symbols.assign(kStepShape.size(), "");
  ir->inputs.push_back(at);
  for (int i = 0; i < count; ++i) {
    Node node;
    node.op = i % 2 == 0 ? "Neg" : "Abs";
    node.name = "step" + std::to_string(i);
    node.opset = 17;
    node.inputs = {at};
    at = add_value(node.name);
    node.outputs = {at};
    ir->AddNode(std::move(node));
  }
  ir->outputs.push_back(at);
  return Graph(std::move(ir));
}

// A plan of so many steps, with its memory.
class SmallSteps {
 public:
  SmallSteps(int count, int threads)
      : threads_(threads), model_(Model::Impl::Compile(SmallFunctions(count), Options(threads))) {
    constexpr std::size_t kLine = 64;
    plan_ = model_->PlanFor({kStepShape}, threads);
    arena_bytes_ = (plan_->arena_bytes + kLine) / kLine * kLine;
    stride_ = (plan_->scratch_bytes + kLine) / kLine * kLine;
    const std::size_t bytes = arena_bytes_ + stride_ * static_cast<std::size_t>(threads);
    memory_ = Tensor(DataType::kUInt8, {static_cast<std::int64_t>(bytes)});
    input_ = Tensor(DataType::kFloat32, kStepShape);
    output_ = Tensor(DataType::kFloat32, kStepShape);
    std::fill_n(input_.data<float>(), input_.size(), 0.5f);
    binding_ = std::make_unique<PlanBinding>(*plan_);
    binding_->Bind(arena(), {input_.raw()}, {output_.raw()});
    executor_.Reserve(*plan_);
  }

  std::size_t steps() const { return plan_->steps.size(); }

  // Seconds of a run: the median of some.
  double Seconds() {
    constexpr int kRuns = 101;
    std::vector<double> seconds;
    Crew crew(threads_, false);
    for (int run = 0; run < kRuns; ++run) {
      executor_.Run(*binding_, crew, arena() + arena_bytes_, stride_, status_);
      seconds.push_back(executor_.seconds());
    }
    std::nth_element(seconds.begin(), seconds.begin() + kRuns / 2, seconds.end());
    return seconds[kRuns / 2];
  }

 private:
  static CompileOptions Options(int threads) {
    CompileOptions options;
    options.threads = threads;
    options.use_cache = false;
    return options;
  }
  std::byte* arena() { return static_cast<std::byte*>(memory_.raw()); }

  int threads_;
  std::shared_ptr<Model::Impl> model_;
  std::shared_ptr<const Plan> plan_;
  std::size_t arena_bytes_ = 0;
  std::size_t stride_ = 0;  // of a thread's scratch
  Tensor memory_, input_, output_;
  std::unique_ptr<PlanBinding> binding_;
  Executor executor_;
  RunStatus status_;
};

Probe StepProbe(const std::string& name, int threads) {
  const auto few = std::make_shared<SmallSteps>(kFewSteps, threads);
  const auto many = std::make_shared<SmallSteps>(kManySteps, threads);
  return {name, [few, many] {
            const double more =
                static_cast<double>(many->steps()) - static_cast<double>(few->steps());
            const double of_few = few->Seconds();
            return more > 0 ? (many->Seconds() - of_few) / more : 0;
          }};
}

}  // namespace

Probes StepProbes(int threads) {
  Probes probes = {StepProbe("step", 1)};
  if (threads > 1) probes.push_back(StepProbe("step_all", threads));
  return probes;
}

void SetSteps(const Calibration::Figures& found, Calibration& calibration) {
  constexpr double kLeast = 1e-9;
  const auto one = found.find("step");
  if (one == found.end()) return;
  calibration.step_seconds = std::max(one->second, kLeast);
  const auto all = found.find("step_all");
  if (all == found.end()) return;
  calibration.handover_seconds = std::max(all->second - one->second, kLeast);
}

}  // namespace kinglet
