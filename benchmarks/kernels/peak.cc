#include "benchmarks/kernels/peak.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "benchmarks/kernels/peak.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::benchmarks {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kChains = 10;

// Operations done; `out` keeps the result alive.
double MultiplyAddLoop(int64_t rounds, float* out) {
  const hn::CappedTag<float, 16> d;
  hn::Vec<decltype(d)> sum[kChains];
  KINGLET_UNROLL
  for (int i = 0; i < kChains; ++i) sum[i] = hn::Set(d, out[i]);
  const auto factor = hn::Set(d, out[0] + 0.999f);
  const auto term = hn::Set(d, out[1] + 1e-3f);
  for (int64_t round = 0; round < rounds; ++round) {
    KINGLET_UNROLL
    for (int i = 0; i < kChains; ++i) sum[i] = hn::MulAdd(sum[i], factor, term);
  }
  KINGLET_UNROLL
  for (int i = 0; i < kChains; ++i) out[i] = hn::GetLane(sum[i]);
  return 2.0 * kChains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::benchmarks
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::benchmarks {
namespace {

HWY_EXPORT(MultiplyAddLoop);

double Measure() {
  using Clock = std::chrono::steady_clock;
  const auto loop = KINGLET_RESOLVE(MultiplyAddLoop);
  double best = 0.0;
  float out[16] = {};
  for (int repeat = 0; repeat < 20; ++repeat) {
    const auto start = Clock::now();
    const double operations = loop(1'000'000, out);
    const std::chrono::duration<double> seconds = Clock::now() - start;
    best = std::max(best, operations / seconds.count() * 1e-9);
  }
  benchmark::DoNotOptimize(out);
  return best;
}

}  // namespace

double PeakGflops() {
  static const double peak = Measure();
  return peak;
}

}  // namespace kinglet::benchmarks
#endif  // HWY_ONCE
