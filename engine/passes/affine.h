// Nodes that scale and shift each channel: BatchNormalization in inference, and Mul, Div, Add, Sub
// with a constant of one value per channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/graph/ir.h"

namespace kinglet {

// y = scale[c] x + shift[c]
struct Affine {
  std::vector<double> scale, shift;
};

// Where an operand has its channels.
struct ChannelAxis {
  std::size_t rank = 0;
  std::size_t axis = 1;
  std::int64_t channels = 0;
};

// The operators that AffineOf knows.
inline constexpr const char* kAffineOps[] = {"BatchNormalization", "Mul", "Add", "Sub", "Div"};

// The affine map that `node` applies to its input `data`; nothing where it is none. The other
// operand may still have channels that `data` has not: they broadcast.
std::optional<Affine> AffineOf(const GraphIr& graph, const Node& node, std::size_t data,
                               const ChannelAxis& axis);

}  // namespace kinglet
