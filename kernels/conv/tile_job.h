// What the loop over matrix tiles (kernels/conv/tile_loop-inl.h) works on.
#pragma once

#include <cstdint>

namespace kinglet::kernels {

inline constexpr int64_t kTileRows = 16;
// Weights of a step and 32 output channels, [2][16 groups of K][16 channels][4 bytes].
inline constexpr int64_t kTileStepBytes = 2048;
inline constexpr int64_t kTileChannels = 32;
inline constexpr int64_t kTileSumBytes = 4096;  // of a pair of tiles and 32 channels

// A further step of a block: number `tile` of the further weights times the input of step `step`.
struct TileExtra {
  int32_t step, tile;
};

struct TileJob {
  const char* input = nullptr;
  const int64_t* step_offsets = nullptr;  // bytes, added to a tile's input
  int64_t steps = 0;                      // at least 1
  int64_t pixel_stride = 64;  // bytes from the input of an output pixel to the next one's
  // Bytes from `input` to that of each tile's first pixel, and the output pixel of each of its
  // rows: -1, nobody's.
  const int64_t* tile_in = nullptr;
  const int32_t* tile_out = nullptr;
  int64_t tiles = 0;
  const char* weights = nullptr;  // of the first block, [block][step][2048 bytes]
  int64_t out_blocks = 0;         // of 32 channels
  // Behind them, block b has the further steps `extras` from number extra_begin[b] on, until those
  // of block b + 1. Null where there are none.
  const int32_t* extra_begin = nullptr;
  const TileExtra* extras = nullptr;
  const char* extra_weights = nullptr;   // [tile][2048 bytes]
  const int32_t* weight_sums = nullptr;  // of codes: of each output's weights
  char* sums = nullptr;                  // two pairs' of kTileSumBytes
};

// The outputs of a job: blocks of 32 channels from channel `first` on, pixels of an image from
// `pixel` on; of all images where `row_of_images` (kernels/conv/tile_window.h).
struct TilePlace {
  int64_t image, first, blocks, pixel;
  bool row_of_images = false;
};

inline constexpr int32_t kNobodys[kTileRows] = {-1, -1, -1, -1, -1, -1, -1, -1,
                                                -1, -1, -1, -1, -1, -1, -1, -1};

// The sums of a pair of tiles, [tile][16 channels twice][row][16], and whose they are.
struct TileSums {
  const char* sums = nullptr;
  int64_t block = 0;
  const int32_t* outputs[2] = {kNobodys, kNobodys};
};

}  // namespace kinglet::kernels
