#include "kernels/common/measure.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/common/measure.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Independent sums: as many as the registers hold, because four units of latency four need 16.
#if HWY_TARGET == HWY_AVX3 || HWY_ARCH_ARM_A64
constexpr int kChains = 24;
#else
constexpr int kChains = 12;
#endif

// Operations done. Reads and writes 24 floats of `values`, which keep the sums alive.
double MultiplyAddLoop(int64_t rounds, float* values) {
  const hn::CappedTag<float, 16> d;
  hn::Vec<decltype(d)> sum[kChains];
  KINGLET_UNROLL
  for (int i = 0; i < kChains; ++i) sum[i] = hn::Set(d, values[i]);
  const auto factor = hn::Set(d, 0.999f);
  const auto term = hn::Set(d, 1e-3f);
  for (int64_t round = 0; round < rounds; ++round) {
    KINGLET_UNROLL
    for (int i = 0; i < kChains; ++i) sum[i] = hn::MulAdd(sum[i], factor, term);
  }
  KINGLET_UNROLL
  for (int i = 0; i < kChains; ++i) values[i] = hn::GetLane(sum[i]);
  return 2.0 * kChains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

void CopyLoop(const float* from, float* to, size_t count) {
  const hn::CappedTag<float, 16> d;
  const size_t step = 4 * hn::Lanes(d);
  for (size_t i = 0; i + step <= count; i += step) {
    KINGLET_UNROLL
    for (size_t j = 0; j < 4; ++j) {
      hn::Store(hn::Load(d, from + i + j * hn::Lanes(d)), d, to + i + j * hn::Lanes(d));
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Measure);

namespace {
HWY_EXPORT(MultiplyAddLoop);
HWY_EXPORT(CopyLoop);

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
}  // namespace

double MeasurePeakGflops() {
  constexpr Seconds kTotal{0.02};
  constexpr int64_t kRounds = 10'000;  // short beside a time slice, long beside reading the clock
  const auto loop = KINGLET_RESOLVE(MultiplyAddLoop);
  float values[24] = {};
  double best = 0.0;
  const Clock::time_point begin = Clock::now();
  Clock::time_point last = begin;
  do {
    const double operations = loop(kRounds, values);
    const Clock::time_point now = Clock::now();
    best = std::max(best, operations * 1e-9 / Seconds(now - last).count());
    last = now;
  } while (last - begin < kTotal);
  [[maybe_unused]] volatile float sink = values[0];  // or the loop is dead where it is inlined
  return best;
}

double MeasureCopyGbps(float* data, size_t count, double seconds) {
  constexpr size_t kFloatsAtOnce = 1 << 20;  // long beside reading the clock
  const auto copy = KINGLET_RESOLVE(CopyLoop);
  const size_t half = count / 2 / 64 * 64;
  const size_t passes = std::max<size_t>(1, kFloatsAtOnce / std::max<size_t>(half, 1));
  const double bytes =
      2.0 * sizeof(float) * static_cast<double>(half) * static_cast<double>(passes);
  double best = 0.0;
  const Clock::time_point begin = Clock::now();
  Clock::time_point last = begin;
  do {
    for (size_t pass = 0; pass < passes; ++pass) copy(data, data + half, half);
    const Clock::time_point now = Clock::now();
    best = std::max(best, bytes * 1e-9 / Seconds(now - last).count());
    last = now;
  } while (Seconds(last - begin).count() < seconds);
  return best;
}

namespace {
constexpr size_t kLineBytes = 64;
}

void LinkLines(void* data, size_t lines) {
  auto* const bytes = static_cast<std::byte*>(data);
  std::vector<uint32_t> order(lines);
  std::iota(order.begin(), order.end(), 0u);
  std::minstd_rand random(1);
  for (size_t i = lines; i > 1; --i) std::swap(order[i - 1], order[random() % (i - 1)]);
  for (size_t i = 0; i < lines; ++i) {
    const size_t next = kLineBytes * order[i];
    std::memcpy(bytes + kLineBytes * i, &next, sizeof next);
  }
}

double MeasureLoadNs(const void* data, size_t start, double seconds) {
  constexpr int64_t kLoads = 4096;  // long beside reading the clock, also in the nearest cache
  const auto* const bytes = static_cast<const std::byte*>(data);
  double best = std::numeric_limits<double>::infinity();
  size_t at = kLineBytes * start;
  const Clock::time_point begin = Clock::now();
  Clock::time_point last = begin;
  do {
    for (int64_t i = 0; i < kLoads; ++i) std::memcpy(&at, bytes + at, sizeof at);
    const Clock::time_point now = Clock::now();
    best = std::min(best, 1e9 * Seconds(now - last).count() / static_cast<double>(kLoads));
    last = now;
  } while (Seconds(last - begin).count() < seconds);
  [[maybe_unused]] volatile size_t sink = at;
  return best;
}

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
