#include "engine/runtime/output_memory.h"

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <new>
#include <string>
#include <utility>

#include "kernels/common/aligned.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

constexpr std::uint64_t kIdleRuns = 64;  // after so many without it, memory goes back

}  // namespace

// The elements stand behind it. What counts the handles lies in it, so that handing out memory that
// is there allocates nothing.
struct alignas(64) OutputMemory::Block {
  alignas(std::max_align_t) std::byte counter[128];
  std::size_t bytes = 0;
  std::uint64_t last_use = 0;  // the count of runs
  Block* next = nullptr;

  void* data() { return this + 1; }
};

// The free ones, for the session and for tensors that come back.
class OutputMemory::Blocks {
 public:
  ~Blocks() { FreeIdle(0); }

  // Throws Error(kResource).
  Block* Take(std::size_t bytes) {
    {
      const std::lock_guard lock(mutex_);
      if (Block* const block = TakeFree(bytes)) return block;
    }
    void* const memory = kernels::AllocateZeroed(sizeof(Block) + bytes);
    if (memory == nullptr) {
      throw Error(ErrorCode::kResource, "no memory for an output of " + std::to_string(bytes) +
                                            " bytes; use a smaller batch or image size");
    }
    auto* const block = new (memory) Block;
    block->bytes = bytes;
    return block;
  }
  // By any thread.
  void Return(Block* block) noexcept {
    {
      const std::lock_guard lock(mutex_);
      if (!closed_) {
        block->last_use = run_;
        block->next = std::exchange(free_, block);
        return;
      }
    }
    kernels::FreeAligned(block);
  }
  void EndRun() noexcept {
    const std::lock_guard lock(mutex_);
    if (++run_ % kIdleRuns == 0) FreeIdle(kIdleRuns);
  }
  // Keeps nothing from now on.
  void Close() noexcept {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    FreeIdle(0);
  }
  std::size_t free_bytes() noexcept {
    const std::lock_guard lock(mutex_);
    std::size_t bytes = 0;
    for (const Block* block = free_; block != nullptr; block = block->next) bytes += block->bytes;
    return bytes;
  }

 private:
  // The smallest that is large enough and not much too large, or null.
  Block* TakeFree(std::size_t bytes) noexcept {
    constexpr std::size_t kSmall = 4096;
    Block** best = nullptr;
    for (Block** at = &free_; *at != nullptr; at = &(*at)->next) {
      if ((*at)->bytes < bytes || (*at)->bytes > std::max(2 * bytes, kSmall)) continue;
      if (best == nullptr || (*at)->bytes < (*best)->bytes) best = at;
    }
    return best == nullptr ? nullptr : std::exchange(*best, (*best)->next);
  }
  void FreeIdle(std::uint64_t runs) noexcept {
    for (Block** at = &free_; *at != nullptr;) {
      if ((*at)->last_use + runs > run_) {
        at = &(*at)->next;
      } else {
        kernels::FreeAligned(std::exchange(*at, (*at)->next));
      }
    }
  }

  std::mutex mutex_;
  Block* free_ = nullptr;  // a list
  std::uint64_t run_ = 0;
  bool closed_ = false;
};

// Allocates the counter of a block's handles, in the block. It is released behind the last handle,
// and the block with it.
template <typename T>
struct OutputMemory::InBlock {
  using value_type = T;

  InBlock(std::shared_ptr<Blocks> b, Block* at) : blocks(std::move(b)), block(at) {}
  template <typename U>
  InBlock(const InBlock<U>& other)  // NOLINT(google-explicit-constructor)
      : blocks(other.blocks), block(other.block) {}

  T* allocate(std::size_t) {
    static_assert(sizeof(T) <= sizeof(Block::counter) && alignof(T) <= alignof(std::max_align_t));
    return reinterpret_cast<T*>(block->counter);
  }
  void deallocate(T*, std::size_t) noexcept { blocks->Return(block); }

  template <typename U>
  bool operator==(const InBlock<U>& other) const {
    return block == other.block;
  }

  std::shared_ptr<Blocks> blocks;
  Block* block;
};

OutputMemory::OutputMemory() : blocks_(std::make_shared<Blocks>()) {}
OutputMemory::~OutputMemory() { blocks_->Close(); }

void OutputMemory::Renew(Tensor& tensor, DataType type, const Shape& shape) {
  // Its memory may be what is taken now.
  tensor.type_ = DataType::kUndefined;
  tensor.size_ = 0;
  tensor.data_ = nullptr;
  tensor.buffer_.reset();
  const auto elements = static_cast<std::size_t>(ElementCount(shape));
  Block* const block = blocks_->Take(elements * DataTypeSize(type));
  const void* const data = block->data();
  tensor.Refer(type, shape, data,
               std::shared_ptr<const void>(
                   data, [](const void*) {}, InBlock<char>(blocks_, block)));
}

void OutputMemory::EndRun() { blocks_->EndRun(); }
std::size_t OutputMemory::free_bytes() const { return blocks_->free_bytes(); }

}  // namespace kinglet
