// Reproducible random floats for kernel tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kinglet::testing {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  uint64_t Next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  // Uniform in [-1, 1), a multiple of 2^-23.
  float Float() {
    return static_cast<float>(static_cast<int64_t>(Next() >> 40) - (int64_t{1} << 23)) * 0x1p-23f;
  }
  std::vector<float> Floats(size_t count) {
    std::vector<float> values(count);
    for (float& v : values) v = Float();
    return values;
  }

 private:
  uint64_t state_;
};

}  // namespace kinglet::testing
