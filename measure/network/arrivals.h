// When batches arrive in an open loop: a Poisson process from a seed, and the one queue in which
// they wait for instances, be those threads or processes.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

namespace kinglet::measure {

// Seconds from the start of the window, rising, all below `window_s`: the same on every machine.
// Throws Error(kInvalidInput) for more than kMostArrivals.
std::vector<double> PoissonArrivals(double rate, double window_s, std::uint64_t seed);
inline constexpr double kMostArrivals = 2e6;

// How many arrivals were taken: in memory that processes may share.
using ArrivalCounter = std::atomic<std::uint64_t>;
static_assert(ArrivalCounter::is_always_lock_free);

// Memory of a counter that other processes find by the descriptor.
class SharedCounter {
 public:
  SharedCounter();                   // a new one, at 0; throws Error(kIo)
  explicit SharedCounter(int file);  // that of another process
  ~SharedCounter();
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;

  int file() const { return file_; }
  ArrivalCounter& counter() { return *counter_; }

 private:
  void Map();

  int file_ = -1;
  bool own_ = false;
  ArrivalCounter* counter_ = nullptr;
};

// The queue: who is free takes the first arrival that nobody has taken, and waits for it.
class ArrivalQueue {
 public:
  ArrivalQueue(std::vector<double> arrivals, ArrivalCounter& taken)
      : arrivals_(std::move(arrivals)), taken_(taken) {}

  // None: all are taken.
  std::optional<double> Take() {
    const std::uint64_t index = taken_.fetch_add(1);
    if (index >= arrivals_.size()) return std::nullopt;
    return arrivals_[index];
  }

 private:
  std::vector<double> arrivals_;
  ArrivalCounter& taken_;
};

}  // namespace kinglet::measure
