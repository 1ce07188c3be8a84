// Memory of tensors whose sizes are known only while a graph runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace kinglet {

class ScratchPool;

// One piece of memory of a pool, preceded by this header. References are counted without atomics:
// a pool belongs to one session, and only its calling thread takes and gives pieces.
struct alignas(64) ScratchBlock {
  ScratchPool* pool = nullptr;
  std::size_t bytes = 0;  // of the memory behind the header
  std::uint32_t size_class = 0;
  std::uint32_t references = 0;
  std::uint64_t last_use = 0;  // the pool's count of runs

  std::byte* data() { return reinterpret_cast<std::byte*>(this + 1); }
};

// A counted reference to a block, or none.
class ScratchRef {
 public:
  ScratchRef() = default;
  explicit ScratchRef(ScratchBlock* block) noexcept : block_(block) {
    if (block_ != nullptr) ++block_->references;
  }
  ScratchRef(const ScratchRef& other) noexcept : ScratchRef(other.block_) {}
  ScratchRef(ScratchRef&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  ScratchRef& operator=(ScratchRef other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~ScratchRef() { Reset(); }

  void Reset() noexcept;
  std::byte* data() const noexcept { return block_ == nullptr ? nullptr : block_->data(); }
  // True when nobody else refers to the block.
  bool sole() const noexcept { return block_ != nullptr && block_->references == 1; }

 private:
  ScratchBlock* block_ = nullptr;
};

// Grows up to a limit and uses what was given back again: blocks come in size classes, four to a
// power of two, each with a list of those that are free. What several runs did not use goes back to
// the system. 64-byte aligned, not initialised.
class ScratchPool {
 public:
  explicit ScratchPool(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  ScratchPool(const ScratchPool&) = delete;
  ScratchPool& operator=(const ScratchPool&) = delete;
  // All references must be gone.
  ~ScratchPool();

  // Throws Error(kResource) when the limit is reached or the system has no memory.
  ScratchRef Take(std::size_t bytes);
  // A run has ended: gives back what the last ones did not use.
  void EndRun() noexcept;

  std::size_t held_bytes() const { return held_bytes_; }  // from the system
  std::size_t used_bytes() const { return used_bytes_; }  // by references

 private:
  friend class ScratchRef;

  struct FreeList {
    std::vector<ScratchBlock*> blocks;
    std::size_t made = 0;  // of this class; there is always room for all of them
  };

  ScratchBlock* Make(std::size_t size_class, std::size_t bytes);
  void Return(ScratchBlock* block) noexcept;
  void Free(ScratchBlock* block) noexcept;
  void FreeIdle(std::uint64_t runs) noexcept;

  const std::size_t max_bytes_;
  std::size_t held_bytes_ = 0;
  std::size_t used_bytes_ = 0;
  std::uint64_t run_ = 0;
  std::vector<FreeList> free_;  // by size class
};

inline void ScratchRef::Reset() noexcept {
  if (block_ != nullptr && --block_->references == 0) block_->pool->Return(block_);
  block_ = nullptr;
}

}  // namespace kinglet
