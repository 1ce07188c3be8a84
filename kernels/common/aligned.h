// Memory aligned to a cache line, the alignment that kernels ask of blocked tensors and packed
// weights.
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace kinglet::kernels {

inline constexpr size_t kAlignment = 64;

// Bytes that leave what follows them aligned.
template <typename T>
constexpr T RoundUpToLine(T bytes) {
  constexpr T kLine = static_cast<T>(kAlignment);
  return (bytes + kLine - 1) / kLine * kLine;
}

// Zero-filled memory at a 64-byte boundary, null where there is none. From 2 MiB on it asks for
// huge pages: weights and activations that pass by once would otherwise miss the translation
// buffers more often than the caches.
void* AllocateZeroed(size_t bytes) noexcept;
void FreeAligned(const void* memory) noexcept;

// An owned, zero-filled array of trivial T at a 64-byte boundary. Throws std::bad_alloc.
template <typename T>
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t count) : count_(count) {
    if (count == 0) return;
    if (count > static_cast<size_t>(-1) / sizeof(T)) throw std::bad_alloc();
    data_ = static_cast<T*>(AllocateZeroed(count * sizeof(T)));
    if (data_ == nullptr) throw std::bad_alloc();
  }
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~AlignedBuffer() { FreeAligned(data_); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return count_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + count_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + count_; }

 private:
  T* data_ = nullptr;
  size_t count_ = 0;
};

}  // namespace kinglet::kernels
