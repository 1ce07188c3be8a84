// The threads that help who runs a network: one pool for the whole process, asleep while nobody
// needs them. No other file starts threads.
#pragma once

namespace kinglet {

class Worker;

// A thread and the helpers that it has for a while, which go back to the pool with this. Made where
// work begins, in some tens of nanoseconds; used by the thread that made it.
class Crew {
 public:
  using Function = void (*)(void* self, int worker) noexcept;

  // Of at most `threads` threads, the calling one included. `share`: helpers only as long as the
  // threads that work in the process, all crews together, are no more than AvailableThreads; the
  // calling thread works in any case. New threads are started when the pool has none left; where
  // the system gives none the crew is smaller.
  Crew(int threads, bool share) noexcept;
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  int size() const noexcept { return size_; }

  // Calls function(self, 0) on the calling thread and function(self, i) on helper i, unless that
  // has not come by when the former returns: whoever comes must find all work that is left, and
  // nobody is waited for who has not begun. Returns when all that began have returned.
  void Run(void* self, Function function) noexcept;

 private:
  Worker* first_ = nullptr;  // a list
  int size_ = 1;
};

// The same for a callable of a worker's number.
template <typename F>
void RunOn(Crew& crew, F&& function) noexcept {
  crew.Run(&function, [](void* self, int worker) noexcept { (*static_cast<F*>(self))(worker); });
}

// Threads that work in the process now, in all crews; for tests.
int WorkingThreads() noexcept;

// Tells the CPU that its thread waits in a loop.
inline void Pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace kinglet
