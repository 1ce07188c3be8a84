#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "engine/cost/files.h"
#include "engine/runtime/shares.h"
#include "engine/runtime/workers.h"
#include "kernels/common/cpu.h"
#include "kernels/common/measure.h"
#include "kinglet/model.h"
#include "kinglet/tuning.h"

namespace kinglet {
namespace {

Tensor FloatsOf(std::size_t bytes) {
  Tensor tensor(DataType::kFloat32, {static_cast<std::int64_t>(bytes / sizeof(float)) + 16});
  std::fill_n(tensor.data<float>(), tensor.size(), 0.5f);
  return tensor;
}

// Bytes per second, in 1e9, read and written, of `threads` threads that copy `bytes` together.
double CopyGbps(std::size_t bytes, int threads, double seconds) {
  std::vector<Tensor> parts;
  for (int i = 0; i < threads; ++i) {
    parts.push_back(FloatsOf(bytes / static_cast<std::size_t>(threads)));
  }
  std::atomic<double> sum = 0;
  Crew crew(threads, false);
  RunOn(crew, [&](int worker) {
    Tensor& part = parts[static_cast<std::size_t>(worker)];
    sum += kernels::MeasureCopyGbps(part.data<float>(), static_cast<std::size_t>(part.size()),
                                    seconds);
  });
  return sum;
}

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Seconds to read a value of each line, `pause` seconds after the same was done before: the median
// of some rounds.
double RereadSeconds(const Tensor& data, double pause) {
  constexpr int kRounds = 7;
  std::vector<double> times;
  volatile float sink = 0;
  for (int round = 0; round <= kRounds; ++round) {
    const Clock::time_point start = Clock::now();
    float sum = 0;
    for (std::int64_t i = 0; i < data.size(); i += 16) sum += data.data<float>()[i];
    times.push_back(SecondsSince(start));
    sink = sum;
    for (const Clock::time_point wait = Clock::now(); SecondsSince(wait) < pause;) {
    }
  }
  static_cast<void>(sink);
  std::nth_element(times.begin() + 1, times.begin() + 1 + kRounds / 2, times.end());
  return times[1 + kRounds / 2];
}

// A virtual machine may be told of a cache of which it has a small part.
constexpr std::size_t kSurelyInL3 = std::size_t{16} << 20;

// How much of the shared cache is ours: what is read again after the time of a few steps as fast as
// at once. Neighbours on the same cache, which a virtual machine does not see, take the rest.
double KeptL3Bytes(const kernels::CacheSizes& caches) {
  constexpr double kPause = 3e-3;
  constexpr double kSlower = 1.6;
  const std::size_t first = std::min(caches.l3_bytes / 8, kSurelyInL3);
  std::size_t kept = std::max(first / 2, caches.l2_bytes);
  double at_once = 0;  // seconds for a byte; what does not fit would not be faster at once
  for (std::size_t bytes = first; bytes <= caches.l3_bytes; bytes *= 2) {
    const Tensor data = FloatsOf(bytes);
    const auto size = static_cast<double>(bytes);
    if (bytes == first) at_once = RereadSeconds(data, 0) / size;
    if (RereadSeconds(data, kPause) > kSlower * at_once * size) break;
    kept = bytes;
  }
  return static_cast<double>(kept);
}

}  // namespace

Calibration Calibrate(const std::function<void(std::size_t, std::size_t)>& progress) {
  constexpr std::size_t kMeasurements = 7 + kShareMeasurements;
  std::size_t done = 0;
  const auto next = [&] {
    if (progress) progress(done++, kMeasurements);
  };
  const kernels::CacheSizes& caches = kernels::ActiveCpu().caches;
  const std::size_t in_l3 =
      std::max(std::min(caches.l3_bytes / 4, kSurelyInL3), 2 * caches.l2_bytes);
  const std::size_t beyond_l3 =
      std::clamp(4 * caches.l3_bytes, std::size_t{64} << 20, std::size_t{256} << 20);
  // A line that is written to memory is read first, so copying moves half as much again.
  constexpr double kMemory = 1.5;
  Calibration c;
  c.threads = AvailableThreads();
  const auto measure = [&](double& to, auto&& function) {
    next();
    to = function();
  };
  measure(c.peaks["float32"]["vector"], [] { return kernels::MeasurePeakGflops(); });
  measure(c.l3_bytes, [&] { return KeptL3Bytes(caches); });
  measure(c.l2_gbps, [&] { return CopyGbps(caches.l2_bytes / 2, 1, 0.1); });
  measure(c.l3_gbps, [&] { return CopyGbps(in_l3, 1, 0.2); });
  measure(c.l3_all_gbps, [&] { return CopyGbps(in_l3 * 2, c.threads, 0.2); });
  measure(c.dram_gbps, [&] { return kMemory * CopyGbps(beyond_l3, 1, 0.3); });
  measure(c.dram_all_gbps, [&] { return kMemory * CopyGbps(beyond_l3, c.threads, 0.3); });
  c.l3_all_gbps = std::max(c.l3_all_gbps, c.l3_gbps);
  c.dram_all_gbps = std::max(c.dram_all_gbps, c.dram_gbps);

  kernels::MachineModel machine = kernels::DefaultMachineModel();
  Apply(c, machine);
  MeasureShares(machine, next, c);
  return c;
}

}  // namespace kinglet
