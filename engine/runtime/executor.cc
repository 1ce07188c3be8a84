#include "engine/runtime/executor.h"

#include <omp.h>

#include <algorithm>
#include <chrono>

#include "engine/runtime/check.h"
#include "engine/runtime/denormals.h"

namespace kinglet {
namespace {

inline void Pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Work is handed out in chunks: a few for each thread, so that one that lost its core does not hold
// up the others for long, and none so small that handing out costs more than working.
std::int64_t ChunkOf(std::int64_t units, int team) {
  return std::max<std::int64_t>(1, units / (static_cast<std::int64_t>(team) * 8));
}

}  // namespace

// Writes when each step ended, in seconds from its making, where somebody wants to know; then what
// each took. A step ends once, whichever thread does its last unit.
class StepTimer {
 public:
  explicit StepTimer(double* seconds) noexcept : seconds_(seconds) {
    if (seconds_ != nullptr) start_ = Clock::now();
  }
  void Ended(std::size_t step) noexcept {
    if (seconds_ == nullptr) return;
    seconds_[step] = std::chrono::duration<double>(Clock::now() - start_).count();
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
  using Clock = std::chrono::steady_clock;
  double* seconds_;
  Clock::time_point start_;
};

void StepProgress::Wait() noexcept {
  constexpr int kSpins = 2000;
  for (int i = 0; i < kSpins; ++i) {
    if (complete_.load(std::memory_order_acquire) != 0) return;
    Pause();
  }
  complete_.wait(0, std::memory_order_acquire);
}

PlanBinding::PlanBinding(const Plan& plan)
    : plan_(plan), progress_(std::make_unique<StepProgress[]>(plan.steps.size())) {
  for (const PlanStep& step : plan.steps) {
    first_input_.push_back(input_pointers_.size());
    first_output_.push_back(output_pointers_.size());
    input_pointers_.resize(input_pointers_.size() + step.inputs.size());
    output_pointers_.resize(output_pointers_.size() + step.outputs.size());
  }
}

void PlanBinding::Bind(std::byte* arena, const std::vector<const void*>& inputs,
                       const std::vector<void*>& outputs) noexcept {
  const auto resolve = [&](int slot) -> const void* {
    if (slot < 0) return nullptr;
    const Slot& s = plan_.slots[static_cast<std::size_t>(slot)];
    switch (s.kind) {
      case Slot::Kind::kArena:
        return arena + s.offset;
      case Slot::Kind::kConstant:
        return s.constant;
      case Slot::Kind::kInput:
        return inputs[s.offset];
      case Slot::Kind::kOutput:
        return outputs[s.offset];
    }
    return nullptr;
  };
  std::size_t in = 0;
  std::size_t out = 0;
  for (const PlanStep& step : plan_.steps) {
    for (const int slot : step.inputs) input_pointers_[in++] = resolve(slot);
    for (const int slot : step.outputs) {
      output_pointers_[out++] = const_cast<void*>(resolve(slot));
    }
  }
}

int PlanBinding::Run(int threads, std::byte* scratch, std::size_t scratch_stride, RunStatus& status,
                     double* step_seconds) noexcept {
  status.Reset();
  failed_step_.store(-1, std::memory_order_relaxed);
  StepTimer timer(step_seconds);
  if (threads <= 1) {
    RunSerial(scratch, status, timer);
    timer.MakeDurations(plan_.steps.size());
    return failed_step_.load();
  }
  for (std::size_t s = 0; s < plan_.steps.size(); ++s) progress_[s].Reset();
#pragma omp parallel num_threads(threads) default(none) \
    shared(scratch, scratch_stride, status, timer)
  {
    const int worker = omp_get_thread_num();
    RunTeam(omp_get_num_threads(), scratch + static_cast<std::size_t>(worker) * scratch_stride,
            status, timer);
  }
  timer.MakeDurations(plan_.steps.size());
  return failed_step_.load();
}

void PlanBinding::CheckPadLanes(std::size_t s) const noexcept {
  const PlanStep& step = plan_.steps[s];
  for (std::size_t i = 0; i < step.blocked.size(); ++i) {
    const Shape& shape = step.blocked[i];
    if (shape.empty() || shape[1] % 16 == 0) continue;
    const auto* data = static_cast<const float*>(output_pointers_[first_output_[s] + i]);
    const std::int64_t blocks = (shape[1] + 15) / 16;
    const std::int64_t pixels = shape[2] * shape[3];
    for (std::int64_t n = 0; n < shape[0]; ++n) {
      const float* last = data + (n * blocks + blocks - 1) * pixels * 16;
      for (std::int64_t p = 0; p < pixels; ++p) {
        for (std::int64_t lane = shape[1] % 16; lane < 16; ++lane) {
          KINGLET_CHECK(last[p * 16 + lane] == 0.0f, step.step->kernel.c_str());
        }
      }
    }
  }
}

void PlanBinding::RunSerial(std::byte* scratch, RunStatus& status, StepTimer& timer) noexcept {
  const FlushDenormals flush;
  for (std::size_t s = 0; s < plan_.steps.size(); ++s) {
    const Step& step = *plan_.steps[s].step;
    const StepArgs args{input_pointers_.data() + first_input_[s],
                        output_pointers_.data() + first_output_[s], scratch, &status};
    if (step.units > 0) step.Run(args, 0, step.units);
    timer.Ended(s);
    if constexpr (kChecks) CheckPadLanes(s);
    if (!status.ok()) {
      failed_step_.store(static_cast<int>(s));
      return;
    }
  }
}

void PlanBinding::RunTeam(int team, std::byte* scratch, RunStatus& status,
                          StepTimer& timer) noexcept {
  const FlushDenormals flush;
  for (std::size_t s = 0; s < plan_.steps.size(); ++s) {
    const Step& step = *plan_.steps[s].step;
    if (step.units == 0) continue;
    const StepArgs args{input_pointers_.data() + first_input_[s],
                        output_pointers_.data() + first_output_[s], scratch, &status};
    const std::int64_t chunk = ChunkOf(step.units, team);
    std::int64_t begin = 0;
    std::int64_t end = 0;
    while (progress_[s].Take(step.units, chunk, begin, end)) {
      step.Run(args, begin, end);
      progress_[s].Finish(end - begin, step.units, [&] {
        timer.Ended(s);
        if constexpr (kChecks) CheckPadLanes(s);
        if (!status.ok()) failed_step_.store(static_cast<int>(s));
      });
    }
    progress_[s].Wait();
    // All chunks of this step are finished and nobody has begun the next one when it failed, so all
    // leave here, whenever they come by.
    if (failed_step_.load() >= 0) return;
  }
}

}  // namespace kinglet
