#include "engine/runtime/executor.h"

#include <algorithm>
#include <chrono>

#include "engine/op/check.h"
#include "engine/plan/segment_step.h"
#include "engine/runtime/denormals.h"
#include "engine/runtime/step_observer.h"

namespace kinglet {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsBetween(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

}  // namespace

// Writes when each step ended, in seconds from its making, where somebody wants to know; then what
// each took. A step ends once, whichever thread does its last unit.
class StepTimer {
 public:
  // `ends` for each step of the plan, `singles` for what segments time themselves; or null.
  // `first_single` as in PlanBinding, for who observes the steps.
  StepTimer(double* ends, double* singles, const std::size_t* first_single) noexcept
      : seconds_(ends), singles_(singles), first_single_(first_single) {
    if (seconds_ == nullptr) return;
    observer_ = CurrentStepObserver();
    if (observer_ != nullptr) observer_->Began();
    start_ = Clock::now();
  }
  double* From(std::size_t single) const noexcept {
    return singles_ == nullptr ? nullptr : singles_ + single;
  }
  void Ended(std::size_t step) noexcept {
    if (seconds_ == nullptr) return;
    seconds_[step] = SecondsBetween(start_, Clock::now());
    if (observer_ != nullptr) observer_->Ended(first_single_[step], first_single_[step + 1]);
  }
  void MakeDurations(std::size_t steps) noexcept {
    if (seconds_ == nullptr) return;
    double before = 0;
    for (std::size_t s = 0; s < steps; ++s) {
      const double end = std::max(seconds_[s], before);  // a step without units has no end
      seconds_[s] = end - before;
      before = end;
    }
  }

 private:
  double* seconds_;
  double* singles_;
  const std::size_t* first_single_;
  StepObserver* observer_ = nullptr;
  Clock::time_point start_;
};

bool StepProgress::Take(std::int64_t units, bool single, int team, int worker, std::int64_t& begin,
                        std::int64_t& end) noexcept {
  // A few chunks for each thread, so that one that lost its core does not hold up the others for
  // long, and none so small that handing out costs more than working.
  constexpr std::int64_t kChunks = 8;
  const std::int64_t shares = std::min({static_cast<std::int64_t>(team), kMaxShares, units});
  for (std::int64_t i = 0; i < shares; ++i) {
    const std::int64_t share = (worker + i) % shares;
    const std::int64_t first = units * share / shares;
    const std::int64_t count = units * (share + 1) / shares - first;
    const std::int64_t chunk = single ? 1 : std::max<std::int64_t>(1, count / kChunks);
    std::atomic<std::int64_t>& next = shares_[static_cast<std::size_t>(share)].next;
    if (next.load(std::memory_order_relaxed) >= count) continue;
    const std::int64_t taken = next.fetch_add(chunk, std::memory_order_relaxed);
    if (taken >= count) continue;
    begin = first + taken;
    end = first + std::min(taken + chunk, count);
    return true;
  }
  return false;
}

bool StepProgress::Spin() const noexcept {
  constexpr int kSpins = 2000;
  for (int i = 0; i < kSpins; ++i) {
    if (complete_.load(std::memory_order_acquire) != 0) return true;
    Pause();
  }
  return false;
}

void ThreadTeam::Run(std::int64_t units, bool single, void* self, Function function) noexcept {
  if (crew_ == nullptr || crew_->size() <= 1 || units <= 1) {
    if (units > 0) function(self, 0, 0, units);
    return;
  }
  progress_.Reset(crew_->size());
  RunOn(*crew_, [&](int worker) {
    const FlushDenormals flush;
    std::int64_t begin = 0;
    std::int64_t end = 0;
    while (progress_.Take(units, single, crew_->size(), worker, begin, end)) {
      function(self, worker, begin, end);
    }
  });
}

PlanBinding::PlanBinding(const Plan& plan) : plan_(plan) {
  std::size_t singles = 0;
  for (const PlanStep& step : plan.steps) {
    first_input_.push_back(input_pointers_.size());
    first_output_.push_back(output_pointers_.size());
    input_pointers_.resize(input_pointers_.size() + step.inputs.size());
    output_pointers_.resize(output_pointers_.size() + step.outputs.size());
    first_single_.push_back(singles);
    singles += step.segment == nullptr ? 1 : step.segment->step_count();
  }
  first_single_.push_back(singles);
}

void PlanBinding::Bind(std::byte* arena, const std::vector<const void*>& inputs,
                       const std::vector<void*>& outputs) noexcept {
  std::size_t in = 0;
  std::size_t out = 0;
  for (const PlanStep& step : plan_.steps) {
    for (const int slot : step.inputs) {
      input_pointers_[in++] = Resolve(plan_, slot, arena, inputs.data(), outputs.data());
    }
    for (const int slot : step.outputs) {
      output_pointers_[out++] = Resolve(plan_, slot, arena, inputs.data(), outputs.data());
    }
  }
}

void Executor::Reserve(const Plan& plan) {
  const std::size_t steps = plan.steps.size();
  if (steps <= capacity_) return;
  capacity_ = 0;
  progress_ = std::make_unique<StepProgress[]>(steps);
  ends_ = std::make_unique<double[]>(steps);
  capacity_ = steps;
}

int Executor::Run(const PlanBinding& binding, Crew& crew, std::byte* scratch,
                  std::size_t scratch_stride, RunStatus& status, double* step_seconds) noexcept {
  const std::size_t steps = binding.steps();
  status.Reset();
  failed_step_.store(-1, std::memory_order_relaxed);
  stalled_seconds_.store(0, std::memory_order_relaxed);
  stalled_ = 0;
  const bool timed = step_seconds != nullptr;
  if (timed) {
    std::fill_n(step_seconds, binding.first_single_.back(), 0.0);
    std::fill_n(ends_.get(), steps, 0.0);
  }
  StepTimer timer(timed ? ends_.get() : nullptr, step_seconds, binding.first_single_.data());
  const Clock::time_point start = Clock::now();
  if (crew.size() <= 1) {
    RunSerial(binding, scratch, status, timer);
  } else {
    for (std::size_t s = 0; s < steps; ++s) progress_[s].Reset(crew.size());
    RunOn(crew, [&](int worker) {
      RunTeam(binding, crew.size(), worker,
              scratch + static_cast<std::size_t>(worker) * scratch_stride, status, timer);
    });
  }
  seconds_ = SecondsBetween(start, Clock::now());
  if (crew.size() > 1 && seconds_ > 0) {
    stalled_ = stalled_seconds_.load() / (crew.size() - 1) / seconds_;
  }
  timer.MakeDurations(steps);
  for (std::size_t s = 0; timed && s < steps; ++s) {
    if (binding.plan_.steps[s].segment == nullptr)
      step_seconds[binding.first_single_[s]] = ends_[s];
  }
  return failed_step_.load();
}

void Executor::RunSerial(const PlanBinding& binding, std::byte* scratch, RunStatus& status,
                         StepTimer& timer) noexcept {
  const FlushDenormals flush;
  const std::vector<PlanStep>& steps = binding.plan_.steps;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const Step& step = *steps[s].step;
    const StepArgs args{.inputs = binding.input_pointers_.data() + binding.first_input_[s],
                        .outputs = binding.output_pointers_.data() + binding.first_output_[s],
                        .scratch = scratch,
                        .status = &status,
                        .seconds = timer.From(binding.first_single_[s])};
    if (step.units > 0) step.Run(args, 0, step.units);
    timer.Ended(s);
    if constexpr (kChecks) CheckPadLanes(steps[s], args.outputs);
    if (!status.ok()) {
      failed_step_.store(static_cast<int>(s));
      return;
    }
  }
}

void Executor::RunTeam(const PlanBinding& binding, int team, int worker, std::byte* scratch,
                       RunStatus& status, StepTimer& timer) noexcept {
  const FlushDenormals flush;
  const std::vector<PlanStep>& steps = binding.plan_.steps;
  double stalled = 0;
  for (std::size_t s = 0; s < steps.size() && failed_step_.load() < 0; ++s) {
    const Step& step = *steps[s].step;
    if (step.units == 0) continue;
    StepArgs args{.inputs = binding.input_pointers_.data() + binding.first_input_[s],
                  .outputs = binding.output_pointers_.data() + binding.first_output_[s],
                  .scratch = scratch,
                  .status = &status,
                  .seconds = timer.From(binding.first_single_[s])};
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t chunks = 0;
    const Clock::time_point start = Clock::now();
    for (; progress_[s].Take(step.units, step.single_units, team, worker, begin, end); ++chunks) {
      args.again = chunks > 0;
      step.Run(args, begin, end);
      progress_[s].Finish(end - begin, step.units, [&] {
        timer.Ended(s);
        if constexpr (kChecks) CheckPadLanes(steps[s], args.outputs);
        if (!status.ok()) failed_step_.store(static_cast<int>(s));
      });
    }
    // When a step fails, all of its chunks are finished and nobody has begun the next one, so all
    // leave the loop here, whenever they come by.
    Clock::time_point sleep;
    if (!progress_[s].Wait([&] { sleep = Clock::now(); }) || chunks == 0) continue;
    // Others may be within their last chunk when this thread has none left, hardly for longer.
    const double chunk = SecondsBetween(start, sleep) / static_cast<double>(chunks);
    stalled += std::max(0.0, SecondsBetween(sleep, Clock::now()) - chunk);
  }
  if (stalled > 0) stalled_seconds_.fetch_add(stalled);
}

}  // namespace kinglet
