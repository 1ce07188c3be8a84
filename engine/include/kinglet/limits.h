// Limits on what a model may ask for. Error(kResource) when one is exceeded.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kinglet {

struct Limits {
  std::size_t max_tensor_bytes = std::size_t{2} << 30;
  std::size_t max_arena_bytes = std::size_t{16} << 30;
  // For each session, of tensors whose shapes depend on data.
  std::size_t max_scratch_bytes = std::size_t{4} << 30;
  // Of all loops of one Run together.
  std::int64_t max_iterations = 1'000'000;
};

}  // namespace kinglet
