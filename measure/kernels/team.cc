#include "measure/kernels/team.h"

#include <algorithm>

namespace kinglet::measure {
namespace {

// Returns when `done()`. Yields only after a while: who yields may lose the core for long.
template <typename F>
void SpinUntil(F&& done) {
  constexpr int kSpins = 1 << 16;
  for (int spins = 0; !done(); ++spins) {
    if (spins > kSpins) std::this_thread::yield();
  }
}

}  // namespace

Team::Team(int threads) : scratch_(static_cast<size_t>(threads)) {
  for (size_t i = 1; i < scratch_.size(); ++i) {
    helpers_.emplace_back([this, i] { Help(i); });
  }
}

Team::~Team() {
  round_.store(-1, std::memory_order_release);
  for (std::thread& helper : helpers_) helper.join();
}

void Team::Run(int64_t units, size_t scratch_bytes, const Work& work) {
  for (auto& scratch : scratch_) {
    if (scratch.size() < scratch_bytes) scratch = kernels::AlignedBuffer<char>(scratch_bytes);
  }
  work_ = &work;
  units_ = units;
  chunk_ = helpers_.empty() ? units : std::max<int64_t>(1, units / (8 * size()));
  next_.store(0, std::memory_order_relaxed);
  busy_.store(static_cast<int>(helpers_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  TakeChunks(0);
  SpinUntil([this] { return busy_.load(std::memory_order_acquire) == 0; });
}

void Team::Help(size_t index) {
  int64_t seen = 0;
  while (true) {
    int64_t now = seen;
    SpinUntil([&] { return (now = round_.load(std::memory_order_acquire)) != seen; });
    if (now < 0) return;
    seen = now;
    TakeChunks(index);
    busy_.fetch_sub(1, std::memory_order_release);
  }
}

void Team::TakeChunks(size_t index) {
  while (true) {
    const int64_t begin = next_.fetch_add(chunk_, std::memory_order_relaxed);
    if (begin >= units_) return;
    (*work_)(begin, std::min(begin + chunk_, units_), scratch_[index].data());
  }
}

}  // namespace kinglet::measure
