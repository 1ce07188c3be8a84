// An Einsum as a sequence of stages, each of which sums a tensor or the product of two.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/ops/einsum_equation.h"

namespace kinglet {

// One dimension that a stage goes through, with its strides (elements) in A, B and the result; 0
// where it does not occur.
struct EinsumLoop {
  std::int64_t size = 1;
  std::array<std::int64_t, 3> strides{};
};
using EinsumLoops = std::vector<EinsumLoop>;

std::int64_t CountOf(const EinsumLoops& loops);
// Offsets in A, B and the result of the combination number `index`, the last loop fastest.
std::array<std::int64_t, 3> OffsetsOf(const EinsumLoops& loops, std::int64_t index);

// result = sum over `summed` of A * B, for every combination of `kept`. Sizes are above 1.
struct EinsumStage {
  static constexpr int kNone = -1000;
  int a = 0, b = kNone;       // inputs of the node; -1 - s: the result of stage s
  EinsumLoops kept, summed;   // the kept ones in the order of the result, whose strides descend
  std::int64_t elements = 1;  // of the result
};

// The stages of an equation none of whose sizes is 0; the last one makes the output. What only one
// input has and the output has not is summed first; then the two that are cheapest to multiply are,
// until two are left. Throws where a result in between has more elements than 2^31.
std::vector<EinsumStage> MakeEinsumStages(const NodeContext& context,
                                          const EinsumEquation& equation);

}  // namespace kinglet
