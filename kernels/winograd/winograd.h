// Winograd's minimal filtering: F(m x m, 3 x 3) as conv/winograd2_f32 and conv/winograd4_f32,
// F(2 x 2, 5 x 5) as conv/winograd2_5x5_f32, and F(m, r) along the kernels 1x3, 3x1, 1x7 and 7x1 as
// conv/winograd_line3_f32 and conv/winograd_line7_f32. The same of inputs and outputs that are
// stored as bfloat16, all between in float32: conv/winograd2_bf16 and so on.
//
//   Y = A^T [ sum over c of (G g_c G^T) * (B^T d_c B) ] A     (* element by element)
//
// for every output tile Y of m x m pixels, with d_c the p x p input pixels of channel c under it, p
// = m + r - 1, and g_c the r x r filter. The element-wise products over all channels, tiles and
// filters are p^2 matrix products with (m r / p)^2 times fewer multiply-adds than the definition:
// 2.25 for F(2, 3), 4 for F(4, 3), 2.78 for F(2, 5). In one dimension Y = A^T [sum over c of (G
// g_c) * (B^T d_c)] takes m * r / (m + r - 1) times fewer: 2 for F(4, 3), 2.33 for F(3, 7).
//
// Tiles of all images are numbered in one row and cut into groups. A worker transforms the inputs
// of a group (V), multiplies them with the transformed filters (U) of some output channels at a
// time (M = U V), and transforms those back with the epilogue while they are in cache.
//
// Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015. The points of
// F(4, 3) and F(2, 5) are 0, +-sqrt(2), +-sqrt(1/2) and infinity: half the error of 0, +-1, +-2.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/blocked.h"
#include "kernels/common/partition.h"
#include "kernels/conv/conv.h"
#include "kernels/gemm/gather_gemm.h"

namespace kinglet::kernels {

// k2, k4: square tiles of that size under 3x3 kernels, k2Of5 under 5x5 kernels. kLine3, kLine7:
// tiles one pixel wide, along the longer side of a kernel 1x3 or 3x1, 1x7 or 7x1.
enum class WinogradTile : uint8_t { k2, k4, k2Of5, kLine3, kLine7 };

// Output pixels of a tile, and its points: as many as the input pixels under it.
struct WinogradExtent {
  int64_t rows, cols, points;
};
WinogradExtent WinogradTileExtent(const ConvShape& s, WinogradTile tile);

// An output tile: its image and first output pixel.
struct TilePlace {
  int64_t image, y, x;
};

// Tiles that lie together in V: as many as the widest register tile of the product takes, so that
// it reads V from front to back.
inline constexpr int64_t kWinogradStrip = 6;

// V[point][strip of tiles][channel block][tile of the strip][16] of `tiles` tiles.
struct WinogradInputJob {
  const ConvShape* shape = nullptr;
  const void* input = nullptr;
  const TilePlace* places = nullptr;
  int64_t tiles = 0;
  float* v = nullptr;
  int64_t point_stride = 0;  // floats
};

// Output blocks [block, block + blocks) of `tiles` tiles from M[point][block][tile][16].
struct WinogradOutputJob {
  const ConvShape* shape = nullptr;
  const ConvArgs* args = nullptr;
  const TilePlace* places = nullptr;
  int64_t tiles = 0;
  const float* m = nullptr;
  int64_t point_stride = 0;
  int64_t block = 0;
  int64_t blocks = 0;
};

// What one target does for one tile size.
struct WinogradKernels {
  void (*input)(const WinogradInputJob&) noexcept;
  GatherGemmFn gemm;
  void (*output)(const WinogradOutputJob&) noexcept;
};

// How the batch is cut. Work units: groups of tiles x parts of the output blocks. Every worker
// transforms the inputs of the groups that it has units of.
struct WinogradCut {
  int64_t rows = 0, cols = 0;  // tiles of an image
  int64_t tiles = 0;           // of the batch
  int64_t groups = 0;          // of tiles
  int64_t group_tiles = 0;     // of the largest group
  int64_t parts = 0;
};
WinogradCut CutWinograd(const ConvShape& s, WinogradTile tile);

// How often each input is transformed: every thread that has units of a group does it for itself.
double WinogradInputTransforms(const WinogradCut& cut, int threads);

// A slab of output blocks: what is multiplied and transformed back at a time, at most. U lies in
// slabs: another size is another revision of its packed formats.
inline constexpr int64_t kWinogradSlabBlocks = 4;
constexpr int64_t WinogradSlabs(const ConvShape& s) {
  return CeilDiv(BlockCount(s.oc), kWinogradSlabBlocks);
}
Range WinogradSlab(const ConvShape& s, int64_t slab);

// U[slab][point][block of the slab][IC][16].
size_t WinogradPackedBytes(const ConvShape& s, WinogradTile tile);
void WinogradPack(const ConvShape& s, WinogradTile tile, const float* oihw, float* packed);

size_t WinogradScratchBytes(const ConvShape& s, WinogradTile tile);
void WinogradRun(const ConvShape& s, WinogradTile tile, const WinogradKernels& kernels,
                 const ConvArgs& args, int64_t begin_unit, int64_t end_unit,
                 void* scratch) noexcept;

// WinogradRun with the active target's kernels bound. `stored`: inputs and outputs.
ConvRunFn ResolveWinograd(WinogradTile tile, ElementType stored);

}  // namespace kinglet::kernels
