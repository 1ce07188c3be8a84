#include "engine/op/scratch_pool.h"

#include <bit>
#include <cstring>
#include <string>

#include "engine/op/check.h"
#include "kernels/common/aligned.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

constexpr std::size_t kSmallest = 64;
constexpr std::size_t kClasses = 4 * 58;
constexpr std::uint64_t kIdleRuns = 16;  // after so many without it, memory goes back

struct SizeClass {
  std::size_t index;
  std::size_t bytes;
};

// Quarters of a power of two: at most a fourth of a block is unused.
SizeClass ClassOf(std::size_t bytes) {
  if (bytes <= kSmallest) return {0, kSmallest};
  const auto power = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;  // 2^power < bytes
  const std::size_t quarter = (std::size_t{1} << power) / 4;
  const std::size_t quarters = (bytes - (std::size_t{1} << power) + quarter - 1) / quarter;
  return {1 + 4 * (power - 6) + quarters - 1, (std::size_t{1} << power) + quarters * quarter};
}

}  // namespace

ScratchPool::~ScratchPool() {
  KINGLET_CHECK(used_bytes_ == 0, "scratch is still referred to");
  FreeIdle(0);
}

ScratchRef ScratchPool::Take(std::size_t bytes) {
  if (bytes > max_bytes_) {
    throw Error(ErrorCode::kResource, std::to_string(bytes) +
                                          " bytes for one tensor exceed the limit of " +
                                          std::to_string(max_bytes_) + " bytes of scratch");
  }
  const SizeClass wanted = ClassOf(bytes);
  if (free_.empty()) free_.resize(kClasses);
  std::vector<ScratchBlock*>& blocks = free_[wanted.index].blocks;
  ScratchBlock* block = nullptr;
  if (blocks.empty()) {
    block = Make(wanted.index, wanted.bytes);
  } else {
    block = blocks.back();
    blocks.pop_back();
  }
  block->last_use = run_;
  used_bytes_ += block->bytes;
  return ScratchRef(block);
}

ScratchBlock* ScratchPool::Make(std::size_t size_class, std::size_t bytes) {
  const std::size_t whole = bytes + sizeof(ScratchBlock);
  if (held_bytes_ + whole > max_bytes_) FreeIdle(0);
  if (held_bytes_ + whole > max_bytes_) {
    throw Error(ErrorCode::kResource,
                "the run needs more than the limit of " + std::to_string(max_bytes_) +
                    " bytes of scratch (--max-scratch-bytes, CompileOptions::max_scratch_bytes)");
  }
  FreeList& list = free_[size_class];
  if (list.made == list.blocks.capacity()) list.blocks.reserve(2 * list.made + 4);
  void* memory = kernels::AllocateZeroed(whole);
  if (memory == nullptr) {
    throw Error(ErrorCode::kResource, "no memory for " + std::to_string(bytes) + " bytes");
  }
  auto* block = new (memory) ScratchBlock;
  block->pool = this;
  block->bytes = bytes;
  block->size_class = static_cast<std::uint32_t>(size_class);
  ++list.made;
  held_bytes_ += whole;
  return block;
}

void ScratchPool::Return(ScratchBlock* block) noexcept {
  used_bytes_ -= block->bytes;
  // Whoever still reads it meets numbers that are none.
  if constexpr (kChecks) std::memset(block->data(), 0xff, block->bytes);
  free_[block->size_class].blocks.push_back(block);
}

void ScratchPool::Free(ScratchBlock* block) noexcept {
  --free_[block->size_class].made;
  held_bytes_ -= block->bytes + sizeof(ScratchBlock);
  kernels::FreeAligned(block);
}

void ScratchPool::FreeIdle(std::uint64_t runs) noexcept {
  for (FreeList& list : free_) {
    std::erase_if(list.blocks, [&](ScratchBlock* block) {
      const bool idle = block->last_use + runs <= run_;
      if (idle) Free(block);
      return idle;
    });
  }
}

void ScratchPool::EndRun() noexcept {
  if (++run_ % kIdleRuns == 0) FreeIdle(kIdleRuns);
}

}  // namespace kinglet
