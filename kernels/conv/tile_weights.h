// Where the weights of convolutions lie that are multiplied by tiles of 64-byte pixels: steps of
// the input channels of a pixel block at one tap and 32 output channels, one after the other in the
// order
//
//   [group][oc / 32][ic / block][tap] of [2][16 rows of K][16 oc][as many of K as 4 bytes hold]
//
// which are two tiles for the right operand of a product (kernels/tiles/tile.h).
#pragma once

#include <cstdint>

#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/tile_job.h"

namespace kinglet::kernels {

// Of weight i of a step.
struct InStep {
  int64_t in, out;
};
// `together`: how many of K 4 bytes hold.
constexpr InStep PlaceInStep(int64_t i, int64_t together) {
  const int64_t row = 16 * together;
  const int64_t tile = 16 * row;
  return {i % tile / row * together + i % together, i / tile * 16 + i % row / together};
}

// The first channels of a step, within their group.
struct TileStep {
  int64_t group, block;  // the block of 32 outputs, counted through all groups
  int64_t out, in, tap;
};

// Calls f(step) for all steps in order.
template <typename F>
void ForEachTileStep(const ConvShape& s, int64_t in_block, F&& f) {
  const int64_t ic = s.ic / s.groups;
  const int64_t oc = s.oc / s.groups;
  const int64_t taps = int64_t{s.kh} * s.kw;
  int64_t block = 0;
  for (int64_t group = 0; group < s.groups; ++group) {
    for (int64_t o = 0; o < oc; o += kTileChannels, ++block) {
      for (int64_t c = 0; c < ic; c += in_block) {
        for (int64_t tap = 0; tap < taps; ++tap) f(TileStep{group, block, o, c, tap});
      }
    }
  }
}

// Index in {OC, IC/groups, KH, KW} of a step's weight; -1 where there is no such channel.
inline int64_t WeightIndex(const ConvShape& s, const TileStep& step, const InStep& at) {
  const int64_t ic = s.ic / s.groups;
  const int64_t oc = s.oc / s.groups;
  if (step.out + at.out >= oc || step.in + at.in >= ic) return -1;
  const int64_t filter = (step.group * oc + step.out + at.out) * ic + step.in + at.in;
  return filter * s.kh * s.kw + step.tap;
}

// Of all groups together.
inline int64_t TileBlocks(const ConvShape& s) {
  return s.groups * BlockCount(s.oc / s.groups, kTileChannels);
}
inline int64_t TileSteps(const ConvShape& s, int64_t in_block) {
  return BlockCount(s.ic / s.groups, in_block) * s.kh * s.kw;
}

// One group, or groups of whole blocks.
constexpr bool HasWideGroups(const ConvShape& s, int64_t block) {
  return s.groups == 1 || ((s.ic / s.groups) % block == 0 && (s.oc / s.groups) % block == 0);
}

}  // namespace kinglet::kernels
