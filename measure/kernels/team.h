// Threads that work on one kernel together, as the engine's do on a step: units are handed out in
// chunks.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "kernels/common/aligned.h"

namespace kinglet::measure {

class Team {
 public:
  // Computes the units [begin, end) with scratch memory of its own.
  using Work = std::function<void(int64_t begin, int64_t end, void* scratch)>;

  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return static_cast<int>(helpers_.size()) + 1; }
  // Returns when all units are done.
  void Run(int64_t units, size_t scratch_bytes, const Work& work);

 private:
  void Help(size_t index);
  void TakeChunks(size_t index);

  std::vector<kernels::AlignedBuffer<char>> scratch_;  // of each thread
  const Work* work_ = nullptr;
  int64_t units_ = 0, chunk_ = 1;
  std::atomic<int64_t> next_{0};
  std::atomic<int64_t> round_{0};  // negative: the end
  std::atomic<int> busy_{0};
  std::vector<std::thread> helpers_;
};

}  // namespace kinglet::measure
