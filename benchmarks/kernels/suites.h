// The suites, and what they share. A benchmark is called
// family/network/bBATCH/shape/variant, or family/function/size where no network is meant.
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <utility>

namespace kinglet::benchmarks {

inline constexpr int kBatches[] = {1, 8, 32};

// Naive loops run shapes of up to so many operations.
inline constexpr double kNaiveOperations = 1e8;

// The float32 peak of a core, GFLOP/s; measured at the first call.
double PeakGflops();

// What one iteration does: GFLOPS and of_peak (none for 0 operations), and bytes_per_second.
void SetCounters(benchmark::State& state, double operations, double bytes);

template <typename F>
void Register(const std::string& name, F&& function) {
  benchmark::RegisterBenchmark(name.c_str(), std::forward<F>(function));
}

void RegisterConv();
void RegisterGemm();
void RegisterPool();
void RegisterArrays();  // eltwise, math, softmax
void RegisterLayout();
void RegisterNms();
void RegisterPictures();  // resize
void RegisterQuantize();

}  // namespace kinglet::benchmarks
