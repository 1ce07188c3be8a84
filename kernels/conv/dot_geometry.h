// Where the weights of kernels/conv/dot_conv.h lie, for those that write and those that read them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/common/blocked.h"
#include "kernels/common/partition.h"
#include "kernels/conv/dot_conv.h"

namespace kinglet::kernels {

inline constexpr int64_t kDotCodes = kPixelBytes;  // channels of a pixel block

// A step of the product reads consecutive inputs: the channels of a block at one tap, or in planes
// the columns of one kernel row, channels side by side.
struct DotGeometry {
  int64_t pixel_bytes;  // of the copy
  int64_t planes, taps_per_step, steps_per_plane;
  int64_t tail_channels;  // of the last plane
  int64_t full_groups, tail_groups;
};

inline DotGeometry DotGeometryOf(const ConvShape& s, const DotForm& form) {
  const int64_t in_group = 4 / form.element_bytes;
  DotGeometry g;
  if (form.planes) {
    g.taps_per_step = s.dw == 1 ? s.kw : 1;
    g.planes = 1;
    g.pixel_bytes = s.ic * form.element_bytes;
    g.tail_channels = s.ic;
    g.tail_groups = CeilDiv(s.ic * g.taps_per_step, in_group);
    g.full_groups = g.tail_groups;
  } else {
    g.taps_per_step = 1;
    g.planes = BlockCount(s.ic, kDotCodes);
    g.pixel_bytes = kDotCodes * form.element_bytes;
    g.tail_channels = s.ic - (g.planes - 1) * kDotCodes;
    g.full_groups = kDotCodes / in_group;
    g.tail_groups = CeilDiv(g.tail_channels, in_group);
  }
  g.steps_per_plane = s.kh * (s.kw / g.taps_per_step);
  return g;
}

// The blocks of input channels that 16 output channels read.
inline Range DotPlanesOf(const ConvShape& s, const DotGeometry& g, int64_t block) {
  if (s.groups == 1) return {0, g.planes};
  const int64_t ic = s.ic / s.groups;
  const int64_t oc = s.oc / s.groups;
  const int64_t first = block * kDotBlock / oc;
  const int64_t last = (std::min((block + 1) * kDotBlock, s.oc) - 1) / oc;
  return {first * ic / kDotCodes, CeilDiv((last + 1) * ic, kDotCodes)};
}

struct DotSteps {
  int64_t full, tail;
};

inline DotSteps DotStepsOf(const DotGeometry& g, const Range& planes) {
  const bool tail = planes.end == g.planes && g.tail_groups != g.full_groups;
  const int64_t tails = tail ? 1 : 0;
  return {(planes.end - planes.begin - tails) * g.steps_per_plane, tails * g.steps_per_plane};
}

inline int64_t DotGroupsOf(const DotGeometry& g, const Range& planes) {
  const DotSteps steps = DotStepsOf(g, planes);
  return steps.full * g.full_groups + steps.tail * g.tail_groups;
}

// Groups of the blocks of 16 outputs before `block`.
inline int64_t DotGroupsBefore(const ConvShape& s, const DotGeometry& g, int64_t block) {
  if (s.groups == 1) return block * DotGroupsOf(g, {0, g.planes});
  int64_t groups = 0;
  for (int64_t b = 0; b < block; ++b) groups += DotGroupsOf(g, DotPlanesOf(s, g, b));
  return groups;
}

// What lies behind quads of weights; nothing behind pairs.
struct QuadParts {
  const int32_t* sums = nullptr;         // of each output's weights
  const int32_t* extra_begin = nullptr;  // the first one: negative where `rest` holds all
  const int32_t* rest = nullptr;         // extras, or the rest of halves
};

// In int32.
struct QuadSizes {
  int64_t sums, begins, rest;
  int64_t total() const { return sums + begins + rest; }
};

inline QuadSizes QuadSizesOf(const ConvShape& s, int64_t groups) {
  const int64_t blocks = BlockCount(s.oc, kDotBlock);
  return {blocks * kDotBlock, RoundUpToBlock(blocks + 1, kDotBlock), RoundUpToBlock(groups, 32)};
}

QuadParts QuadPartsOf(const ConvShape& s, const DotForm& form, const void* packed);

}  // namespace kinglet::kernels
