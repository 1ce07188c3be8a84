#include "engine/runtime/trials.h"

#include <algorithm>
#include <new>
#include <random>

#include "engine/plan/segment_step.h"
#include "engine/runtime/step_times.h"
#include "kinglet/error.h"
#include "kinglet/trials.h"

namespace kinglet {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kPage = 4096;

// Values between 0.5 and 1.5 for what is float; zeros for the rest, valid as an index.
Tensor InputFor(const TensorInfo& info, const Shape& shape) {
  Tensor tensor(info.type, shape);
  std::fill_n(static_cast<std::byte*>(tensor.raw()), tensor.bytes(), std::byte{0});
  if (info.type != DataType::kFloat32) return tensor;
  std::minstd_rand random(1);
  std::uniform_real_distribution<float> value(0.5f, 1.5f);
  std::generate_n(tensor.data<float>(), tensor.size(), [&] { return value(random); });
  return tensor;
}

}  // namespace

Answers AnswersOf(const Plan& plan) {
  Answers answers;
  for (const SingleStep& single : SingleSteps(plan)) {
    const Step& step = *single.step->step;
    if (step.choice) answers.emplace(*step.choice, step.kernel);
  }
  return answers;
}

Trials::Trials(const Model::Impl& model, const std::vector<Shape>& shapes, PlanOptions options,
               int candidates)
    : model_(model), threads_(options.threads) {
  MakePlans(shapes, std::move(options), candidates);
  MakeMemory(shapes);
}

// A plan for each rank of candidates, until a rank brings nothing new.
void Trials::MakePlans(const std::vector<Shape>& shapes, PlanOptions options, int candidates) {
  Answers seen;
  options.cost.exploring = true;
  for (int rank = 0; rank < std::max(candidates, 1); ++rank) {
    options.cost.candidate = static_cast<std::size_t>(rank);
    std::unique_ptr<Plan> plan = MakePlan(model_.ir(), shapes, options, packed_, divisions_);
    const std::size_t before = seen.size();
    seen.merge(AnswersOf(*plan));
    if (rank > 0 && seen.size() == before) break;
    plans_.push_back(std::move(plan));
  }
}

void Trials::MakeMemory(const std::vector<Shape>& shapes) {
  for (std::size_t k = 0; k < shapes.size(); ++k) {
    inputs_.push_back(InputFor(model_.inputs()[k], shapes[k]));
    input_pointers_.push_back(inputs_.back().raw());
  }
  for (const TensorState& output : plans_.front()->outputs) {
    outputs_.emplace_back(output.type, output.shape);
    output_pointers_.push_back(outputs_.back().raw());
  }
  std::size_t arena = 0;
  for (const auto& plan : plans_) {
    arena = std::max(arena, (plan->arena_bytes + kLine - 1) / kLine * kLine);
    stride_ = std::max(stride_, (plan->scratch_bytes + kPage - 1) / kPage * kPage + kLine);
  }
  const std::size_t bytes = arena + stride_ * static_cast<std::size_t>(threads_);
  memory_ = Tensor(DataType::kUInt8, {static_cast<std::int64_t>(bytes)});
  scratch_ = static_cast<std::byte*>(memory_.raw()) + arena;
}

std::vector<double> Trials::Run(std::size_t trial) {
  const Plan& plan = *plans_[trial];
  PlanBinding binding(plan);
  binding.Bind(static_cast<std::byte*>(memory_.raw()), input_pointers_, output_pointers_);
  std::vector<double> seconds(SingleSteps(plan).size());
  RunStatus status;
  executor_.Reserve(plan);
  Crew crew(threads_, false);
  const int failed = executor_.Run(binding, crew, scratch_, stride_, status, seconds.data());
  if (failed < 0) return seconds;
  const PlanStep& step = plan.steps[static_cast<std::size_t>(failed)];
  throw Error(ErrorCode::kInvalidInput,
              model_.ir().source + ": cannot be tuned: node '" + step.name + "' (" + step.op +
                  ") does not run on arbitrary inputs: " + status.message());
}

class KernelTrials::Impl {
 public:
  Impl(std::shared_ptr<Model::Impl> model, const InputShapes& shapes, int threads, int candidates)
      : model_(std::move(model)),
        threads_(model_->ThreadsOr(threads)),
        trials_(*model_, model_->OrderShapes(shapes), model_->plan_options(threads_), candidates) {
    const kernels::MachineModel machine = model_->MachineOfNetwork();
    for (std::size_t t = 0; t < trials_.size(); ++t) {
      OutlinedPlan& outlined = outlined_.emplace_back();
      outlined.plan = model_->DescribePlan(trials_.plan(t), threads_);
      outlined.times = StepTimes(trials_.plan(t), threads_, machine);
      outlined.times.resize(outlined.plan.steps.size());
      outlined.memory.weight_bytes = model_->constant_bytes();
    }
  }

  Trials& trials() { return trials_; }
  const std::vector<OutlinedPlan>& outlined() const { return outlined_; }

 private:
  std::shared_ptr<Model::Impl> model_;
  int threads_;
  Trials trials_;
  std::vector<OutlinedPlan> outlined_;
};

KernelTrials::KernelTrials(const Model& model, const InputShapes& shapes, int threads,
                           int candidates) try
    : impl_(std::make_unique<Impl>(Model::Impl::Of(model), shapes, threads, candidates)) {
} catch (const std::bad_alloc&) {
  throw Error(ErrorCode::kResource, model.name() + ": not enough memory to try kernels");
}
KernelTrials::KernelTrials(KernelTrials&&) noexcept = default;
KernelTrials& KernelTrials::operator=(KernelTrials&&) noexcept = default;
KernelTrials::~KernelTrials() = default;

std::size_t KernelTrials::size() const { return impl_->outlined().size(); }
const OutlinedPlan& KernelTrials::plan(std::size_t trial) const { return impl_->outlined()[trial]; }
std::vector<double> KernelTrials::Run(std::size_t trial) {
  std::vector<double> seconds = impl_->trials().Run(trial);
  seconds.resize(plan(trial).plan.steps.size());
  return seconds;
}

}  // namespace kinglet
