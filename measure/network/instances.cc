#include "measure/network/instances.h"

#include <sys/prctl.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <exception>
#include <thread>

namespace kinglet::measure {
namespace {

// An open loop that is this far behind is given up: it would end long after its window.
constexpr double kMostWindows = 2;

class Instance {
 public:
  Instance(const std::function<void()>& run, const InstanceWindow& window)
      : run_(run), window_(window) {}

  void WarmUp() noexcept {
    Guarded([&] {
      const double begin = SteadySeconds();
      do {
        run_();
      } while (SteadySeconds() - begin < window_.warm_up_s);
    });
  }

  void Run(double start) noexcept {
    Guarded([&] {
      SleepUntil(start);
      runs_.begin = runs_.end = SteadySeconds();
      window_.arrivals == nullptr ? RunClosed(start) : RunOpen(start);
    });
  }

  InstanceRuns Result() {
    if (error_) std::rethrow_exception(error_);
    return std::move(runs_);
  }

 private:
  template <typename F>
  void Guarded(const F& work) noexcept {
    if (error_) return;
    try {
      work();
    } catch (...) {
      error_ = std::current_exception();
    }
  }

  void RunClosed(double start) {
    do {  // once at least, also where others kept it from beginning in time
      const double begin = runs_.end;
      run_();
      runs_.end = SteadySeconds();
      runs_.latencies_ms.push_back(1e3 * (runs_.end - begin));
    } while (runs_.end - start < window_.window_s);
  }

  void RunOpen(double start) {
    while (const std::optional<double> arrival = window_.arrivals->Take()) {
      const double at = start + *arrival;
      SleepUntil(at);
      const double begin = SteadySeconds();
      runs_.backlog_s = begin - at;
      if (begin - start > kMostWindows * window_.window_s) return;
      run_();
      runs_.end = SteadySeconds();
      runs_.latencies_ms.push_back(1e3 * (runs_.end - at));
    }
  }

  const std::function<void()>& run_;
  const InstanceWindow& window_;
  InstanceRuns runs_;
  std::exception_ptr error_;
};

}  // namespace

void SleepUntil(double seconds) {
  const double left = seconds - SteadySeconds();
  if (left <= 0) return;
  prctl(PR_SET_TIMERSLACK, 1000UL);  // nanoseconds; 50 microseconds otherwise
  std::this_thread::sleep_for(std::chrono::duration<double>(left));
}

std::vector<InstanceRuns> RunInstances(const std::vector<std::function<void()>>& instances,
                                       const InstanceWindow& window) {
  std::vector<Instance> each;
  for (const std::function<void()>& run : instances) each.emplace_back(run, window);
  std::barrier together(static_cast<std::ptrdiff_t>(instances.size()) + 1);
  double start = 0;
  std::vector<std::thread> threads;
  for (Instance& instance : each) {
    threads.emplace_back([&] {
      instance.WarmUp();
      together.arrive_and_wait();
      together.arrive_and_wait();  // for the start
      instance.Run(start);
    });
  }
  together.arrive_and_wait();
  start = window.gate();
  together.arrive_and_wait();
  SleepUntil(start);
  window.began();
  for (std::thread& thread : threads) thread.join();
  std::vector<InstanceRuns> runs;
  for (Instance& instance : each) runs.push_back(instance.Result());
  return runs;
}

}  // namespace kinglet::measure
