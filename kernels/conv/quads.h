// Convolutions of codes by products of quads of bytes (VNNI): exact as kernels/conv/dot_conv.h is,
// weights beyond int8 in a second step.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/conv/conv.h"
#include "kernels/conv/gather_dots.h"

namespace kinglet::kernels {

// The products of kernels/conv/quads_*.cc; null where they are not compiled. Each needs what its
// name says of the CPU.
GatherDotsFn QuadDotsAvx512Vnni() noexcept;
GatherDotsFn QuadDotsAvxVnni() noexcept;

// The same by plain loops, for tests where no CPU has the instructions: the form of the weights and
// all around the product are those of the variants.
GatherDotsFn PlainQuadDots() noexcept;
std::vector<ConvVariant> PlainQuadsConvsU8();

}  // namespace kinglet::kernels
