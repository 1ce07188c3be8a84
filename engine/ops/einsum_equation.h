// The equation of an Einsum: which dimensions of its inputs and its output are the same.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/op/op.h"

namespace kinglet {

// Dimensions are named by labels: letters in the order of ASCII, then those that an ellipsis stands
// for, the last of them last, so that shorter ones are aligned at the right.
inline constexpr int kLetters = 52;
inline constexpr int kEinsumLabels = kLetters + static_cast<int>(kMaxRank);

struct EinsumEquation {
  std::vector<std::vector<int>> inputs;  // labels of each input's dimensions; may repeat
  std::vector<int> output;               // all different
  std::vector<std::int64_t> sizes;       // of each label; 1 where it does not occur

  Shape OutputShape() const;
};

// The node's equation with the sizes of its inputs, of which ones of 1 are repeated. Throws
// Error(kInvalidModel) where it is no equation, or does not fit the inputs.
EinsumEquation ReadEinsumEquation(const NodeContext& context);

}  // namespace kinglet
