// Measuring kernels in their places: the network runs once with the best candidate of every choice,
// once with the second best, and so on, in turns, and the time of each step is taken.
#include <algorithm>
#include <chrono>

#include "engine/plan/segment_step.h"
#include "engine/runtime/model_impl.h"
#include "engine/runtime/trials.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

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
  for (const auto& [choice, kernel] : AnswersOf(best)) {
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
    Trials trials(*this, shapes, plan_options, options.candidates);
    const int rounds = std::max(options.repetitions, 1) + 1;  // the first one warms up
    const std::size_t total = trials.size() * static_cast<std::size_t>(rounds);
    std::size_t done = 0;
    TuningTable measured;
    const auto start = std::chrono::steady_clock::now();
    for (int round = 0; round < rounds; ++round) {
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
      if (round > 1 && spent.count() > options.seconds) break;
      for (std::size_t trial = 0; trial < trials.size(); ++trial) {
        if (options.progress) options.progress(done++, total);
        const std::vector<double> seconds = trials.Run(trial);
        if (round > 0) KeepFastest(trials.plan(trial), seconds, threads, measured);
      }
    }
    TuneReport report;
    const TuningTable answered = Answered(measured, trials.plan(0));
    report.choices = answered.size();
    Learn(answered);
    const auto old_choices = AnswersOf(*before);
    for (const auto& choice : AnswersOf(*PlanFor(shapes, threads))) {
      report.changed += answered.count(choice.first) > 0 && old_choices.count(choice) == 0;
    }
    return report;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kResource, ir().source + ": not enough memory to tune at these shapes");
  }
}

}  // namespace kinglet
