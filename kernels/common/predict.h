// The one place that says how long work takes.
#pragma once

#include "kernels/common/machine_model.h"
#include "kernels/common/work.h"

namespace kinglet::kernels {

// The part of the traffic with a cache that arithmetic does not hide, or of the arithmetic that
// traffic does not.
inline constexpr double kBarelyHidden = 0.4;

// The share of `bytes` that a cache does not hold when they are gone through again. Up to half of
// it they stay; beyond all of it nothing does, as the oldest lines go first.
double MissShare(double bytes, double cache_bytes) noexcept;

// What the thread with most units takes, in seconds, each as if there were nothing else.
struct StageSeconds {
  double arithmetic = 0;
  double cached = 0;  // traffic with caches
  double memory = 0;  // traffic with memory

  // What comes from a cache hides behind arithmetic, or arithmetic behind it, but for a part.
  // Memory hides the less the more of it there is.
  double overlapped() const;
};

struct Prediction {
  std::array<StageSeconds, std::tuple_size_v<decltype(Work::stages)>> stages{};
  double again = 0;  // weights and working memory that are gone through again and again
  double begin = 0;  // of the step, and the meeting of threads behind it

  double seconds() const;
};

// Arithmetic on the thread that gets most units, and the traffic by the cache level that inputs and
// outputs fit in together. Where the machine has no peak for a type and family, that of float32
// vectors counts.
Prediction Predict(const Work& work, const MachineModel& machine) noexcept;

// Seconds for the work on its threads.
double PredictSeconds(const Work& work, const MachineModel& machine) noexcept;

// Seconds of one core for these operations alone.
double ArithmeticSeconds(const Operations& operations, const MachineModel& machine) noexcept;

}  // namespace kinglet::kernels
