// Weights for products of codes by matrix tiles: steps of 64 input channels and 32 outputs
// (kernels/conv/tile_weights.h), quads of int8. Exact for all weights within [-255, 255]: a step
// that has weights beyond int8 is followed, behind all steps of its block, by further ones with the
// rest of each, that read the same inputs again.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/tile_job.h"

namespace kinglet::kernels {

inline constexpr int64_t kBlockU8 = PixelBlock(ElementType::kUInt8);
inline constexpr int64_t kStepWeights = kBlockU8 * kTileChannels;

// Parts of packed weights of `blocks` blocks of 32 outputs, `steps` steps each.
struct TileWeightsU8 {
  TileWeightsU8(const void* packed, int64_t blocks, int64_t steps);

  static size_t Bytes(int64_t blocks, int64_t steps);

  const char* weights;         // [block][step][2048 bytes]
  const int32_t* sums;         // [block][32 outputs], of all their weights
  const int32_t* extra_begin;  // [block + 1], as TileJob has it
  const TileExtra* extras;
  const char* extra_weights;
};

// Writes them step by step.
class TilePackerU8 {
 public:
  TilePackerU8(void* packed, int64_t blocks, int64_t steps);

  // The next step, number `step` of block `block`, as the weights lie in it. Blocks come in order.
  void Add(int64_t block, int64_t step, const int16_t (&weights)[kStepWeights]);

 private:
  void AddExtra(int64_t step, int times);

  int8_t* weights_;
  int32_t* sums_;
  int32_t* extra_begin_;
  TileExtra* extras_;
  int8_t* extra_weights_;
  int32_t extra_count_ = 0, extra_tiles_ = 0;
};

size_t TilePackedBytesU8(const ConvShape& s);
void TilePackU8(const ConvShape& s, const void* oihw, void* packed);
PackedFormat TileFormatU8(const ConvShape& s);

}  // namespace kinglet::kernels
