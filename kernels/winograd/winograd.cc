#include "kernels/winograd/winograd.h"

#include <algorithm>

#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kernels/common/partition.h"
#include "kernels/conv/shape.h"
#include "kernels/winograd/line_points.h"

namespace kinglet::kernels {
namespace {
// A line more than the points need, so that they do not fall into the same sets of the cache.
int64_t PointStride(int64_t blocks, int64_t tiles) { return (blocks * tiles + 1) * kBlock; }

int64_t InputStride(const ConvShape& s, int64_t tiles) {
  return PointStride(BlockCount(s.ic), CeilDiv(tiles, kWinogradStrip) * kWinogradStrip);
}

struct Scratch {
  TilePlace* places;
  int64_t* pixel_offsets;
  int64_t* step_offsets;
  int64_t* group;  // in v
  float* v;
  float* m;
  int64_t bytes;
};

// Without scratch, what `bytes` of it are needed.
Scratch Divide(const ConvShape& s, const WinogradCut& cut, int64_t points, void* scratch) {
  auto* base = static_cast<char*>(scratch);
  Scratch parts{};
  const auto take = [&](int64_t bytes) {
    char* at = base == nullptr ? nullptr : base + parts.bytes;
    parts.bytes += RoundUpToLine(bytes);
    return at;
  };
  const int64_t blocks = BlockCount(s.ic);
  const int64_t slab = std::min(BlockCount(s.oc), kWinogradSlabBlocks);
  const auto tiles = cut.group_tiles;
  parts.places =
      reinterpret_cast<TilePlace*>(take(tiles * static_cast<int64_t>(sizeof(TilePlace))));
  parts.pixel_offsets = reinterpret_cast<int64_t*>(take(tiles * 8));
  parts.step_offsets = reinterpret_cast<int64_t*>(take(blocks * 8));
  parts.group = reinterpret_cast<int64_t*>(take(8));
  parts.v = reinterpret_cast<float*>(take(points * InputStride(s, tiles) * 4));
  parts.m = reinterpret_cast<float*>(take(points * PointStride(slab, tiles) * 4));
  return parts;
}

// Tiles of a group; all but the last are multiples of the register tile.
Range TilesOfGroup(const WinogradCut& cut, int64_t group) {
  const Range sixes = EvenPart(CeilDiv(cut.tiles, kWinogradStrip), cut.groups, group);
  return {sixes.begin * kWinogradStrip, std::min(sixes.end * kWinogradStrip, cut.tiles)};
}

class Runner {
 public:
  Runner(const ConvShape& s, WinogradTile tile, const WinogradKernels& kernels,
         const ConvArgs& args, void* scratch)
      : s_(s),
        tile_(WinogradTileExtent(s, tile)),
        points_(tile_.points),
        cut_(CutWinograd(s, tile)),
        kernels_(kernels),
        args_(args),
        scratch_(Divide(s, cut_, points_, scratch)) {
    if (!args.again) *scratch_.group = -1;
    gemm_.step_offsets = scratch_.step_offsets;
    gemm_.pixel_offsets = scratch_.pixel_offsets;
    gemm_.full_steps = s.ic / kBlock;
    gemm_.tail_steps = s.ic % kBlock == 0 ? 0 : 1;
    gemm_.tail_channels = s.ic % kBlock;
    gemm_.out_pixel_stride = kBlock;
    const int64_t blocks = BlockCount(s.ic);
    const int64_t strip = kWinogradStrip * kBlock;
    for (int64_t t = 0; t < cut_.group_tiles; ++t) {
      scratch_.pixel_offsets[t] = t / kWinogradStrip * blocks * strip + t % kWinogradStrip * kBlock;
    }
    for (int64_t b = 0; b < blocks; ++b) scratch_.step_offsets[b] = b * strip;
  }

  const WinogradCut& cut() const { return cut_; }

  void RunGroup(int64_t group, int64_t part, int64_t part_end) {
    const Range tiles = TilesOfGroup(cut_, group);
    if (*scratch_.group != group) TransformInput(tiles);
    *scratch_.group = group;
    // A pixel as it is stored belongs to one part.
    const int64_t pixel = PixelBlock(args_.epilogue.type);
    const int64_t blocks = BlockCount(s_.oc, pixel);
    const int64_t of_pixel = pixel / kBlock;
    const Range wanted = {EvenPart(blocks, cut_.parts, part).begin * of_pixel,
                          EvenPart(blocks, cut_.parts, part_end - 1).end * of_pixel};
    for (int64_t c = 0; c < WinogradSlabs(s_); ++c) {
      const Range slab = WinogradSlab(s_, c);
      const Range now = {std::max(slab.begin, wanted.begin), std::min(slab.end, wanted.end)};
      if (now.begin < now.end) RunBlocks(slab, now, tiles.end - tiles.begin);
    }
  }

 private:
  void TransformInput(const Range& tiles) {
    const int64_t count = tiles.end - tiles.begin;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t index = tiles.begin + i;
      const int64_t row = index / cut_.cols;
      scratch_.places[i] = {row / cut_.rows, row % cut_.rows * tile_.rows,
                            index % cut_.cols * tile_.cols};
    }
    WinogradInputJob job;
    job.shape = &s_;
    job.input = args_.input;
    job.places = scratch_.places;
    job.tiles = count;
    job.v = scratch_.v;
    job.point_stride = InputStride(s_, count);
    kernels_.input(job);
  }

  // Output blocks of one slab.
  void RunBlocks(const Range& slab, const Range& blocks, int64_t tiles) {
    const int64_t panel = s_.ic * kBlock;
    const int64_t u_stride = (slab.end - slab.begin) * panel;
    const int64_t v_stride = InputStride(s_, tiles);
    const float* u = static_cast<const float*>(args_.packed) + slab.begin * points_ * panel +
                     (blocks.begin - slab.begin) * panel;
    gemm_.pixels = tiles;
    gemm_.blocks = blocks.end - blocks.begin;
    gemm_.out_block_stride = tiles * kBlock;
    WinogradOutputJob job;
    job.shape = &s_;
    job.args = &args_;
    job.places = scratch_.places;
    job.tiles = tiles;
    job.m = scratch_.m;
    job.point_stride = PointStride(gemm_.blocks, tiles);
    job.block = blocks.begin;
    job.blocks = gemm_.blocks;
    for (int64_t p = 0; p < points_; ++p) {
      gemm_.in = scratch_.v + p * v_stride;
      gemm_.weights = u + p * u_stride;
      // Of the other blocks of the slab, which other units have, lie between.
      gemm_.weights_after = p + 1 < points_ ? u + (p + 1) * u_stride : nullptr;
      gemm_.out = scratch_.m + p * job.point_stride;
      kernels_.gemm(gemm_);
    }
    kernels_.output(job);
  }

  const ConvShape& s_;
  const WinogradExtent tile_;
  const int64_t points_;
  const WinogradCut cut_;
  const WinogradKernels& kernels_;
  const ConvArgs& args_;
  const Scratch scratch_;
  GatherGemm gemm_;
};

}  // namespace

WinogradExtent WinogradTileExtent(const ConvShape& s, WinogradTile tile) {
  switch (tile) {
    case WinogradTile::k2:
      return {2, 2, 16};
    case WinogradTile::k4:
      return {4, 4, 36};
    case WinogradTile::k2Of5:
      return {2, 2, 36};
    case WinogradTile::kLine3:
    case WinogradTile::kLine7:
      break;
  }
  const int64_t outputs = tile == WinogradTile::kLine3 ? LinePoints<WinogradTile::kLine3>::kOutputs
                                                       : LinePoints<WinogradTile::kLine7>::kOutputs;
  const int64_t points = outputs + s.kh * s.kw - 1;
  if (s.kh == 1) return {1, outputs, points};
  return {outputs, 1, points};
}

Range WinogradSlab(const ConvShape& s, int64_t slab) {
  return EvenPart(BlockCount(s.oc), WinogradSlabs(s), slab);
}

size_t WinogradScratchBytes(const ConvShape& s, WinogradTile tile) {
  return static_cast<size_t>(
      Divide(s, CutWinograd(s, tile), WinogradTileExtent(s, tile).points, nullptr).bytes);
}

void WinogradRun(const ConvShape& s, WinogradTile tile, const WinogradKernels& kernels,
                 const ConvArgs& args, int64_t begin_unit, int64_t end_unit,
                 void* scratch) noexcept {
  Runner runner(s, tile, kernels, args, scratch);
  const int64_t parts = runner.cut().parts;
  while (begin_unit < end_unit) {
    const int64_t group = begin_unit / parts;
    const int64_t end = std::min(end_unit, (group + 1) * parts);
    runner.RunGroup(group, begin_unit - group * parts, end - group * parts);
    begin_unit = end;
  }
}

}  // namespace kinglet::kernels
