// A float buffer at a chosen misalignment between two fences of known bytes.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/common/aligned.h"

namespace kinglet::testing {

class Guarded {
 public:
  // `count` floats, `offset` floats past a 64-byte boundary.
  explicit Guarded(size_t count, size_t offset = 0)
      : count_(count), first_(kFence + offset), memory_(first_ + count + kFence) {
    std::memset(memory_.data(), kByte, memory_.size() * sizeof(float));
  }
  Guarded(const std::vector<float>& values, size_t offset = 0) : Guarded(values.size(), offset) {
    std::copy(values.begin(), values.end(), data());
  }

  float* data() { return memory_.data() + first_; }
  const float* data() const { return memory_.data() + first_; }
  size_t size() const { return count_; }
  float operator[](size_t i) const { return data()[i]; }

  bool FencesIntact() const {
    const auto intact = [this](size_t begin, size_t end) {
      const auto* bytes = reinterpret_cast<const unsigned char*>(memory_.data());
      return std::all_of(bytes + begin * sizeof(float), bytes + end * sizeof(float),
                         [](unsigned char b) { return b == kByte; });
    };
    return intact(0, first_) && intact(first_ + count_, memory_.size());
  }

 private:
  static constexpr size_t kFence = 64;
  static constexpr unsigned char kByte = 0x5a;
  size_t count_, first_;
  kernels::AlignedBuffer<float> memory_;
};

}  // namespace kinglet::testing
