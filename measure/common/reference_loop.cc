#include "measure/common/reference_loop.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <barrier>
#include <cstdint>
#include <thread>

#include "measure/common/load.h"
#include "measure/common/repeat.h"

namespace kinglet::measure {
namespace {

constexpr int kLanes = 16;     // independent sums: more than the latency of an addition hides
constexpr int kSteps = 2'000;  // of a piece, some microseconds
constexpr double kChainShare = 0.25;  // of the time, for the clock

// Keeps the compiler from knowing the value.
template <typename T>
void Hide(T& value) {
  asm volatile("" : "+m"(value));
}

void MultiplyAdd(float (&sums)[kLanes]) {
  for (int step = 0; step < kSteps; ++step) {
    for (float& sum : sums) sum = sum * 0.999f + 0.001f;
  }
  for (float& sum : sums) Hide(sum);
}

// Each step waits for the one before: two cycles on every CPU of today.
std::uint64_t Chain(std::uint64_t value) {
  std::uint64_t a = 0x55;
  std::uint64_t b = 0x77;
  asm volatile("" : "+r"(a), "+r"(b));  // of constants some CPUs make nothing
  for (int step = 0; step < kSteps; ++step) {
    value = (value ^ a) + b;
    asm volatile("" : "+r"(value));
  }
  return value;
}

struct OneCpu {
  double gflops = 0;
  double mhz = 0;
};

OneCpu MeasureCpu(double seconds) {
  OneCpu cpu;
  float sums[kLanes] = {};
  double begin = SteadySeconds();
  double now = begin;
  double pieces = 0;
  for (; now - begin < seconds * (1 - kChainShare); now = SteadySeconds()) {
    MultiplyAdd(sums);
    ++pieces;
  }
  cpu.gflops = 2.0 * kLanes * kSteps * pieces / (now - begin) * 1e-9;
  std::uint64_t value = 1;
  // The fastest piece: a clock is not what was stolen. One of many is undisturbed.
  constexpr int kMinPieces = 20;
  double fastest = 1;
  begin = now;
  for (int piece = 0; piece < kMinPieces || now - begin < seconds * kChainShare; ++piece) {
    value = Chain(value);
    const double end = SteadySeconds();
    fastest = std::min(fastest, end - now);
    now = end;
  }
  Hide(value);
  cpu.mhz = 2.0 * kSteps / fastest * 1e-6;
  return cpu;
}

void StayOn(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

}  // namespace

ReferenceSpeed RunReferenceLoop(double milliseconds) {
  const std::vector<int> cpus = AllowedCpus();
  std::vector<OneCpu> each(cpus.size());
  std::barrier together(static_cast<std::ptrdiff_t>(cpus.size()));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    threads.emplace_back([&, i] {
      StayOn(cpus[i]);
      together.arrive_and_wait();
      each[i] = MeasureCpu(1e-3 * milliseconds);
    });
  }
  ReferenceSpeed speed;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    threads[i].join();
    speed.gflops.push_back(each[i].gflops);
    speed.clock_mhz += each[i].mhz / static_cast<double>(threads.size());
  }
  return speed;
}

double HostWatch::Share(const ReferenceSpeed& speed) {
  best_.resize(std::max(best_.size(), speed.gflops.size()));
  double share = 1;
  for (std::size_t i = 0; i < speed.gflops.size(); ++i) {
    best_[i] = std::max(best_[i], speed.gflops[i]);
    if (best_[i] > 0) share = std::min(share, speed.gflops[i] / best_[i]);
  }
  return share;
}

}  // namespace kinglet::measure
