#include "engine/runtime/memory_probes.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/runtime/fresh_memory.h"
#include "engine/runtime/workers.h"
#include "kernels/common/cpu.h"
#include "kernels/common/measure.h"
#include "kinglet/tensor.h"

namespace kinglet {
namespace {

using MemoryClock = std::chrono::steady_clock;

constexpr double kProbeSeconds = 0.02;
constexpr double kDramSeconds = 0.06;
constexpr std::size_t kMiB = std::size_t{1} << 20;
// A virtual machine may be told of a cache of which it has a small part.
constexpr std::size_t kSurelyInL3 = 16 * kMiB;
constexpr std::size_t kLineFloats = 16;

std::shared_ptr<Tensor> SharedFloats(std::size_t bytes) {
  return std::make_shared<Tensor>(FreshFloats(bytes));
}

double SecondsSince(MemoryClock::time_point start) {
  return std::chrono::duration<double>(MemoryClock::now() - start).count();
}

// The sum of measure(worker) over threads that begin together.
template <typename F>
double SumOfAll(int threads, F&& measure) {
  constexpr double kPatience = 0.01;  // seconds, for a thread that does not come by
  Crew crew(threads, false);
  std::atomic<int> there = 0;
  std::atomic<double> sum = 0;
  RunOn(crew, [&](int worker) {
    there.fetch_add(1);
    const MemoryClock::time_point start = MemoryClock::now();
    while (there.load() < crew.size() && SecondsSince(start) < kPatience) Pause();
    sum.fetch_add(measure(worker));
  });
  return sum;
}

// Bytes that lie in one level, for one thread.
struct Level {
  const char* name;
  std::size_t bytes;      // for one thread alone
  std::size_t all_bytes;  // for each of all threads
  double seconds;
  double traffic;  // that a copied byte is
  bool beyond_caches;
};

std::vector<Level> LevelsOf(const kernels::CacheSizes& caches, int threads) {
  const auto count = static_cast<std::size_t>(threads);
  const std::size_t in_l3 =
      std::max(std::min(caches.l3_bytes / 4, kSurelyInL3), 2 * caches.l2_bytes);
  const std::size_t beyond_l3 = std::clamp(4 * caches.l3_bytes, 64 * kMiB, 256 * kMiB);
  // A line that is written to memory is read first, so copying moves half as much again.
  constexpr double kMemory = 1.5;
  return {{"l1", caches.l1d_bytes / 2, caches.l1d_bytes / 2, kProbeSeconds, 1, false},
          {"l2", caches.l2_bytes / 2, caches.l2_bytes / 2, kProbeSeconds, 1, false},
          {"l3", in_l3, std::max(2 * in_l3 / count, 2 * caches.l2_bytes), kProbeSeconds, 1, false},
          {"dram", beyond_l3, std::max(beyond_l3 / count, 4 * caches.l2_bytes), kDramSeconds,
           kMemory, true}};
}

using Parts = std::vector<std::shared_ptr<Tensor>>;  // of each thread

// What gives such parts, anew each time; memory beyond all caches, where its place does not matter,
// once.
std::function<Parts()> PartsOf(const Level& level, int threads, std::size_t each_bytes) {
  const auto make = [threads, each_bytes] {
    Parts parts;
    for (int i = 0; i < threads; ++i) parts.push_back(SharedFloats(each_bytes));
    return parts;
  };
  if (!level.beyond_caches) return make;
  return [parts = make()] { return parts; };
}

// Copies of one level.
void AddBandwidth(const Level& level, int threads, std::size_t each_bytes, Probes& probes) {
  const auto parts_of = PartsOf(level, threads, each_bytes);
  const std::string name = std::string(level.name) + (threads > 1 ? "_all_gbps" : "_gbps");
  probes.push_back({name, [parts_of, level, threads, each_bytes] {
                      const Parts parts = parts_of();
                      return level.traffic * SumOfAll(threads, [&](int worker) {
                               Tensor& part = *parts[static_cast<std::size_t>(worker)];
                               return kernels::MeasureCopyGbps(
                                   part.data<float>(), each_bytes / sizeof(float), level.seconds);
                             });
                    }});
}

// Seconds to read a value of each line of the first `bytes`.
double ReadSeconds(const Tensor& data, std::size_t bytes) {
  volatile float sink = 0;
  const auto* values = data.data<float>();
  const MemoryClock::time_point start = MemoryClock::now();
  float sum = 0;
  for (std::size_t i = 0; i < bytes / sizeof(float); i += kLineFloats) sum += values[i];
  sink = sum;
  static_cast<void>(sink);
  return SecondsSince(start);
}

// Loads that wait for each other, of so many threads that go around the same chain.
void AddLatency(const Level& level, int threads, Probes& probes) {
  const std::size_t lines = level.bytes / (kLineFloats * sizeof(float));
  const auto make = [lines, bytes = level.bytes] {
    const std::shared_ptr<Tensor> chain = SharedFloats(bytes);
    kernels::LinkLines(chain->raw(), lines);
    return chain;
  };
  std::function<std::shared_ptr<Tensor>()> chain_of = make;
  if (level.beyond_caches) chain_of = [chain = make()] { return chain; };
  const std::string name =
      std::string(level.name) + (threads > 1 ? "_all_latency_ns" : "_latency_ns");
  probes.push_back({name, [chain_of, level, lines, threads] {
                      const std::shared_ptr<Tensor> chain = chain_of();
                      const double sum = SumOfAll(threads, [&](int worker) {
                        // What was measured before took its place.
                        ReadSeconds(*chain, level.bytes);
                        const std::size_t start = lines * static_cast<std::size_t>(worker) /
                                                  static_cast<std::size_t>(threads);
                        return kernels::MeasureLoadNs(chain->raw(), start, level.seconds);
                      });
                      return sum / threads;
                    }});
}

// Bytes per second, in 1e9, at which lines are read `pause` seconds after they were read before:
// the median of some rounds.
double AgainGbps(const Tensor& data, std::size_t bytes, double pause) {
  constexpr int kRounds = 5;
  std::vector<double> times;
  ReadSeconds(data, bytes);
  for (int round = 0; round < kRounds; ++round) {
    for (const MemoryClock::time_point wait = MemoryClock::now(); SecondsSince(wait) < pause;) {
    }
    times.push_back(ReadSeconds(data, bytes));
  }
  std::nth_element(times.begin(), times.begin() + kRounds / 2, times.end());
  return 1e-9 * static_cast<double>(bytes) / times[kRounds / 2];
}

struct AgainSize {
  std::string name;
  std::size_t bytes;
};

// From what is surely ours to what the operating system says of the shared cache, in steps.
std::vector<AgainSize> AgainSizes() {
  const kernels::CacheSizes& caches = kernels::ActiveCpu().caches;
  std::vector<AgainSize> sizes;
  for (std::size_t bytes = std::min(caches.l3_bytes / 8, kSurelyInL3); bytes <= caches.l3_bytes;
       bytes *= 2) {
    sizes.push_back({"l3_again_" + std::to_string(bytes / 1024) + "KiB", bytes});
    if (bytes == 0) break;
  }
  return sizes;
}

constexpr const char* kAtOnce = "l3_again_at_once";

void AddAgain(Probes& probes) {
  constexpr double kPause = 3e-3;  // of a few steps
  const std::vector<AgainSize> sizes = AgainSizes();
  if (sizes.empty()) return;
  const std::shared_ptr<Tensor> data = SharedFloats(sizes.back().bytes);
  probes.push_back(
      {kAtOnce, [data, bytes = sizes[0].bytes] { return AgainGbps(*data, bytes, 0); }});
  for (const AgainSize& size : sizes) {
    probes.push_back(
        {size.name, [data, bytes = size.bytes] { return AgainGbps(*data, bytes, kPause); }});
  }
}

double FoundOr(const Calibration::Figures& found, const std::string& name, double otherwise) {
  const auto at = found.find(name);
  return at == found.end() ? otherwise : at->second;
}

// How much of the shared cache is ours: what is read again after the time of a few steps nearly as
// fast as at once. Neighbours on the same cache, which a virtual machine does not see, take the
// rest. Between two sizes, where the line between their slowness crosses the limit.
double KeptL3Bytes(const Calibration::Figures& found) {
  constexpr double kSlower = 1.6;
  const kernels::CacheSizes& caches = kernels::ActiveCpu().caches;
  const std::vector<AgainSize> sizes = AgainSizes();
  const double at_once = FoundOr(found, kAtOnce, 0);
  double kept = static_cast<double>(std::max(caches.l3_bytes / 16, caches.l2_bytes));
  double before = 1;  // how much slower the size before was
  for (const AgainSize& size : sizes) {
    const double gbps = FoundOr(found, size.name, 0);
    if (!(gbps > 0) || !(at_once > 0)) break;
    const double slower = at_once / gbps;
    const auto bytes = static_cast<double>(size.bytes);
    if (slower > kSlower) {
      if (slower > before && before < kSlower) {
        kept *= std::pow(bytes / kept, (kSlower - before) / (slower - before));
      }
      break;
    }
    kept = bytes;
    before = std::max(slower, 1.0);
  }
  return std::max(kept, 1.0);
}

}  // namespace

Probes MemoryProbes(int threads) {
  Probes probes;
  for (const Level& level : LevelsOf(kernels::ActiveCpu().caches, threads)) {
    AddBandwidth(level, 1, level.bytes, probes);
    AddLatency(level, 1, probes);
    if (threads == 1) continue;
    AddBandwidth(level, threads, level.all_bytes, probes);
    AddLatency(level, threads, probes);
  }
  AddAgain(probes);
  return probes;
}

void SetMemory(const Calibration::Figures& found, Calibration& c) {
  c.l3_bytes = KeptL3Bytes(found);
  c.l2_gbps = FoundOr(found, "l2_gbps", 0);
  c.l3_gbps = FoundOr(found, "l3_gbps", 0);
  c.l3_all_gbps = std::max(FoundOr(found, "l3_all_gbps", 0), c.l3_gbps);
  c.dram_gbps = FoundOr(found, "dram_gbps", 0);
  c.dram_all_gbps = std::max(FoundOr(found, "dram_all_gbps", 0), c.dram_gbps);
  for (const char* level : {"l1", "l2", "l3", "dram"}) {
    for (const char* figure : {"_gbps", "_all_gbps", "_latency_ns", "_all_latency_ns"}) {
      const std::string name = std::string(level) + figure;
      const bool chosen_by = level[1] != '1' && name.ends_with("gbps") && name != "l2_all_gbps";
      const double value = FoundOr(found, name, 0);
      if (!chosen_by && value > 0) c.more[name] = value;
    }
  }
}

}  // namespace kinglet
