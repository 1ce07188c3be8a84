// A float (or other trivial) array at a chosen misalignment, with guards that show writes outside
// of it. Under AddressSanitizer the array ends where the allocation ends, so reads beyond show too.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace kinglet::testing {

template <typename T>
class GuardedBuffer {
 public:
  // `shift` elements after a 64-byte boundary.
  explicit GuardedBuffer(size_t count, size_t shift = 0) : count_(count) {
    const size_t lead = kGuard + 64 + shift * sizeof(T);
    size_ = lead + count * sizeof(T) + kTail;
    bytes_ = std::make_unique<unsigned char[]>(size_);
    const auto address = reinterpret_cast<uintptr_t>(bytes_.get()) + kGuard;
    begin_ = kGuard + (64 - address % 64) % 64 + shift * sizeof(T);
    std::memset(bytes_.get(), kPattern, size_);
    if (kTail == 0) {  // keep the end of the array at the end of the allocation
      begin_ = size_ - count * sizeof(T);
      begin_ -= begin_ % alignof(T);
    }
    std::fill_n(data(), count, T{});
  }
  GuardedBuffer(const std::vector<T>& values, size_t shift = 0)
      : GuardedBuffer(values.size(), shift) {
    std::copy(values.begin(), values.end(), data());
  }

  T* data() { return reinterpret_cast<T*>(bytes_.get() + begin_); }
  const T* data() const { return reinterpret_cast<const T*>(bytes_.get() + begin_); }
  size_t size() const { return count_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  T* begin() { return data(); }
  T* end() { return data() + count_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + count_; }
  std::vector<T> values() const { return std::vector<T>(begin(), end()); }

  // Whether nothing was written outside of the array.
  bool Intact() const {
    const unsigned char* p = bytes_.get();
    const size_t end = begin_ + count_ * sizeof(T);
    const auto is_pattern = [](unsigned char byte) { return byte == kPattern; };
    return std::all_of(p, p + begin_, is_pattern) && std::all_of(p + end, p + size_, is_pattern);
  }

 private:
#if defined(__SANITIZE_ADDRESS__)
  static constexpr size_t kTail = 0;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  static constexpr size_t kTail = 0;
#else
  static constexpr size_t kTail = 128;
#endif
#else
  static constexpr size_t kTail = 128;
#endif
  static constexpr size_t kGuard = 128;
  static constexpr unsigned char kPattern = 0xA5;

  size_t count_ = 0, begin_ = 0, size_ = 0;
  std::unique_ptr<unsigned char[]> bytes_;
};

// Deterministic values in [low, high), never the same twice in a row.
inline std::vector<float> RandomFloats(size_t count, uint32_t seed, float low = -1.0f,
                                       float high = 1.0f) {
  std::vector<float> values(count);
  uint64_t state = seed * 0x9E3779B97F4A7C15ull + 0x1234567ull;
  for (float& v : values) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    v = low + (high - low) * static_cast<float>(state >> 40) * 0x1p-24f;
  }
  return values;
}

}  // namespace kinglet::testing
