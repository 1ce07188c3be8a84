#include "engine/runtime/workers.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <new>
#include <thread>

#include "engine/runtime/threads.h"

namespace kinglet {
namespace {

// Some tens of microseconds: as long as waking a thread takes.
constexpr int kSpins = 2000;

// The CPUs that the calling thread may use; none where the system does not say.
cpu_set_t OwnCpus() noexcept {
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0) CPU_ZERO(&cpus);
  return cpus;
}

}  // namespace

// One thread of the pool. At each time it belongs to the pool or to one crew, whose thread is the
// only one that calls it.
class alignas(64) Worker {
 public:
  // On the CPUs of the thread that makes it, as the system has it. Throws std::system_error when
  // the system gives no thread.
  Worker() : cpus_(OwnCpus()) {
    std::thread thread([this] { Work(); });
    handle_ = thread.native_handle();
    thread.detach();
  }

  // Helps on the CPUs of the thread that it helps.
  void MoveTo(const cpu_set_t& cpus) noexcept {
    if (CPU_EQUAL(&cpus, &cpus_) || CPU_COUNT(&cpus) == 0) return;
    if (pthread_setaffinity_np(handle_, sizeof(cpus), &cpus) == 0) cpus_ = cpus;
  }

  void Offer(void* self, Crew::Function function, int index) noexcept {
    self_ = self;
    function_ = function;
    index_ = index;
    state_.store(kOffered, std::memory_order_release);
    state_.notify_one();
  }

  // Takes back what it has not begun, or waits until it is done.
  void Settle() noexcept {
    State state = kOffered;
    if (state_.compare_exchange_strong(state, kIdle, std::memory_order_acq_rel)) return;
    AwaitOtherThan(kWorking);
  }

  Worker* next = nullptr;

 private:
  enum State : int { kIdle, kOffered, kWorking };

  void AwaitOtherThan(State state) const noexcept {
    for (int i = 0; i < kSpins; ++i) {
      if (state_.load(std::memory_order_acquire) != state) return;
      Pause();
    }
    state_.wait(state, std::memory_order_acquire);
  }

  [[noreturn]] void Work() noexcept {
    while (true) {
      AwaitOtherThan(kIdle);
      State state = kOffered;
      if (!state_.compare_exchange_strong(state, kWorking, std::memory_order_acq_rel)) continue;
      function_(self_, index_);
      state_.store(kIdle);  // before the look for who waits: not to be reordered with it
      state_.notify_one();
    }
  }

  cpu_set_t cpus_;
  pthread_t handle_{};
  std::atomic<State> state_{kIdle};
  void* self_ = nullptr;
  Crew::Function function_ = nullptr;
  int index_ = 0;
};

namespace {

class Pool {
 public:
  // Never destroyed: its threads sleep until the process ends.
  static Pool& OfProcess() noexcept {
    alignas(Pool) static std::byte memory[sizeof(Pool)];
    static Pool& pool = Made(new (memory) Pool);
    return pool;
  }

  // Counts the calling thread and at most `wanted` helpers as working; the helpers.
  int Enter(int wanted, bool share) noexcept {
    int working = working_.load(std::memory_order_relaxed);
    int granted = 0;
    do {
      granted = share ? std::clamp(cores_ - working - 1, 0, wanted) : wanted;
    } while (
        !working_.compare_exchange_weak(working, working + 1 + granted, std::memory_order_relaxed));
    return granted;
  }
  void Leave(int threads) noexcept { working_.fetch_sub(threads, std::memory_order_relaxed); }
  int working() const noexcept { return working_.load(std::memory_order_relaxed); }

  // Null when there is none and the system gives none.
  Worker* Take() noexcept {
    {
      const std::lock_guard lock(mutex_);
      if (Worker* const worker = idle_; worker != nullptr) {
        idle_ = worker->next;
        return worker;
      }
    }
    try {
      return new Worker;
    } catch (const std::exception&) {
      return nullptr;
    }
  }
  // The last ones that worked come first again: they may not sleep yet.
  void Return(Worker* first, Worker* last) noexcept {
    const std::lock_guard lock(mutex_);
    last->next = idle_;
    idle_ = first;
  }

 private:
  static int Cores() noexcept {
    try {
      return ThreadsOfProcess();
    } catch (const std::exception&) {
      return 1;
    }
  }

  // A child of the process has the memory of the helpers and not their threads: it begins anew.
  static Pool& Made(Pool* pool) noexcept {
    pthread_atfork([] { OfProcess().mutex_.lock(); }, [] { OfProcess().mutex_.unlock(); },
                   [] {
                     Pool& copy = OfProcess();
                     copy.idle_ = nullptr;
                     copy.working_.store(0, std::memory_order_relaxed);
                     copy.mutex_.unlock();
                   });
    return *pool;
  }

  const int cores_ = Cores();
  std::atomic<int> working_{0};
  std::mutex mutex_;
  Worker* idle_ = nullptr;
};

}  // namespace

Crew::Crew(int threads, bool share) noexcept {
  Pool& pool = Pool::OfProcess();
  const int granted = pool.Enter(std::max(threads - 1, 0), share);
  const cpu_set_t cpus = granted > 0 ? OwnCpus() : cpu_set_t{};
  Worker** end = &first_;
  for (; size_ <= granted; ++size_) {
    *end = pool.Take();
    if (*end == nullptr) break;
    (*end)->MoveTo(cpus);
    end = &(*end)->next;
  }
  *end = nullptr;
  if (size_ <= granted) pool.Leave(granted + 1 - size_);
}

Crew::~Crew() {
  Pool& pool = Pool::OfProcess();
  pool.Leave(size_);
  if (first_ == nullptr) return;
  Worker* last = first_;
  while (last->next != nullptr) last = last->next;
  pool.Return(first_, last);
}

void Crew::Run(void* self, Function function) noexcept {
  int index = 0;
  for (Worker* w = first_; w != nullptr; w = w->next) w->Offer(self, function, ++index);
  function(self, 0);
  for (Worker* w = first_; w != nullptr; w = w->next) w->Settle();
}

int WorkingThreads() noexcept { return Pool::OfProcess().working(); }

}  // namespace kinglet
