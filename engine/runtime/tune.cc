// Measuring kernels in their places: the network runs once with the best candidate of every choice,
// once with the second best, and so on, in turns, and the time of each step is taken. So a kernel
// is timed with its inputs as warm as they really are, and what it does to its neighbours is seen.
#include <algorithm>
#include <chrono>
#include <random>
#include <set>

#include "engine/plan/plan.h"
#include "engine/plan/segment_step.h"
#include "engine/runtime/executor.h"
#include "engine/runtime/model_impl.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

using Plans = std::vector<std::unique_ptr<Plan>>;

// Which kernel answers which choice.
using Answers = std::set<std::pair<ChoiceKey, std::string>>;

Answers ChoicesOf(const Plan& plan) {
  Answers choices;
  for (const SingleStep& single : SingleSteps(plan)) {
    const Step& step = *single.step->step;
    if (step.choice) choices.emplace(*step.choice, step.kernel);
  }
  return choices;
}

// A plan for each rank of candidates, until a rank brings nothing new.
Plans PlanCandidates(const GraphIr& graph, const std::vector<Shape>& shapes, PlanOptions options,
                     int candidates, PackedStore& packed) {
  Plans plans;
  Divisions divisions;
  Answers seen;
  options.cost.exploring = true;
  for (int rank = 0; rank < std::max(candidates, 1); ++rank) {
    options.cost.candidate = static_cast<std::size_t>(rank);
    std::unique_ptr<Plan> plan = MakePlan(graph, shapes, options, packed, divisions);
    const std::size_t before = seen.size();
    seen.merge(ChoicesOf(*plan));
    if (seen.size() == before) break;
    plans.push_back(std::move(plan));
  }
  return plans;
}

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

// Runs the plans of one network at the same shapes, one after the other in the same memory.
class TrialRunner {
 public:
  TrialRunner(const Model::Impl& model, const std::vector<Shape>& shapes, const Plans& plans,
              int threads)
      : model_(model), threads_(threads) {
    for (std::size_t k = 0; k < shapes.size(); ++k) {
      inputs_.push_back(InputFor(model.inputs()[k], shapes[k]));
      input_pointers_.push_back(inputs_.back().raw());
    }
    for (const TensorState& output : plans.front()->outputs) {
      outputs_.emplace_back(output.type, output.shape);
      output_pointers_.push_back(outputs_.back().raw());
    }
    std::size_t arena = 0;
    for (const auto& plan : plans) {
      arena = std::max(arena, (plan->arena_bytes + kLine - 1) / kLine * kLine);
      stride_ = std::max(stride_, (plan->scratch_bytes + kPage - 1) / kPage * kPage + kLine);
    }
    const std::size_t bytes = arena + stride_ * static_cast<std::size_t>(threads);
    memory_ = Tensor(DataType::kUInt8, {static_cast<std::int64_t>(bytes)});
    scratch_ = static_cast<std::byte*>(memory_.raw()) + arena;
  }

  // Seconds of each step.
  std::vector<double> Run(const Plan& plan) {
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

 private:
  static constexpr std::size_t kLine = 64;
  static constexpr std::size_t kPage = 4096;

  const Model::Impl& model_;
  const int threads_;
  Executor executor_;
  std::vector<Tensor> inputs_, outputs_;
  std::vector<const void*> input_pointers_;
  std::vector<void*> output_pointers_;
  Tensor memory_;
  std::byte* scratch_ = nullptr;
  std::size_t stride_ = 0;
};

void KeepFastest(const Plan& plan, const std::vector<double>& seconds, int threads,
                 TuningTable& table) {
  const std::vector<SingleStep> singles = SingleSteps(plan);
  for (std::size_t s = 0; s < singles.size(); ++s) {
    const Step& step = *singles[s].step->step;
    if (!step.choice) continue;
    const SegmentPlan* of_segment = singles[s].plan;
    const double runs = of_segment == nullptr ? 1 : static_cast<double>(of_segment->runs) / threads;
    const MeasuredTime now{seconds[s] / runs, step.revision};
    MeasuredTime& best = table[*step.choice].emplace(step.kernel, now).first->second;
    best.seconds = std::min(best.seconds, now.seconds);
  }
}

// Choices of which the best candidate and another one were measured.
TuningTable Answered(const TuningTable& measured, const Plan& best) {
  TuningTable answered;
  for (const auto& [choice, kernel] : ChoicesOf(best)) {
    const KernelTimes& times = measured.find(choice)->second;
    if (times.size() > 1) answered[choice] = times;
  }
  return answered;
}

}  // namespace

TuneReport Model::Impl::Tune(const std::vector<Shape>& shapes, const TuneOptions& options) {
  int threads = ThreadsOr(options.threads);
  PlanOptions plan_options = this->plan_options(threads);
  // What is chosen for one thread is timed on one.
  threads = plan_options.threads = ThreadsToChooseFor(plan_options.cost, threads);
  try {
    const std::shared_ptr<const Plan> before = PlanFor(shapes, threads);
    PackedStore packed;
    const Plans plans = PlanCandidates(ir(), shapes, plan_options, options.candidates, packed);
    TrialRunner runner(*this, shapes, plans, threads);
    const int rounds = std::max(options.repetitions, 1) + 1;  // the first one warms up
    const std::size_t total = plans.size() * static_cast<std::size_t>(rounds);
    std::size_t done = 0;
    TuningTable measured;
    const auto start = std::chrono::steady_clock::now();
    for (int round = 0; round < rounds; ++round) {
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
      if (round > 1 && spent.count() > options.seconds) break;
      for (const auto& plan : plans) {
        if (options.progress) options.progress(done++, total);
        const std::vector<double> seconds = runner.Run(*plan);
        if (round > 0) KeepFastest(*plan, seconds, threads, measured);
      }
    }
    TuneReport report;
    const TuningTable answered = Answered(measured, *plans.front());
    report.choices = answered.size();
    Learn(answered);
    const auto old_choices = ChoicesOf(*before);
    for (const auto& choice : ChoicesOf(*PlanFor(shapes, threads))) {
      report.changed += answered.count(choice.first) > 0 && old_choices.count(choice) == 0;
    }
    return report;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kResource, ir().source + ": not enough memory to tune at these shapes");
  }
}

}  // namespace kinglet
