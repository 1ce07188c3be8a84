#include "kernels/winograd/winograd.h"

#include <algorithm>

#include "kernels/common/blocked.h"
#include "kernels/common/partition.h"
#include "kernels/conv/shape.h"

namespace kinglet::kernels {
namespace {

// V and M of a group: small enough for the second-level cache where there are few channels. With
// many, V comes from the third level, and more tiles make up for it by reading U less often.
int64_t GroupTiles(const ConvShape& s, int64_t points) {
  constexpr int64_t kGroupBytes = 512 << 10;
  constexpr int64_t kMinTiles = 24;
  constexpr int64_t kMaxTiles = 96;
  const int64_t chunk = std::min(BlockCount(s.oc), kWinogradChunkBlocks);
  const int64_t tile_bytes = points * kBlock * 4 * (BlockCount(s.ic) + chunk);
  const int64_t fitting = kGroupBytes / tile_bytes / kWinogradStrip * kWinogradStrip;
  return std::clamp(fitting, kMinTiles, kMaxTiles);
}

constexpr int64_t RoundUpToLine(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// A line more than the points need, so that they do not fall into the same sets of the cache.
int64_t PointStride(int64_t blocks, int64_t tiles) { return (blocks * tiles + 1) * kBlock; }

int64_t InputStride(const ConvShape& s, int64_t tiles) {
  return PointStride(BlockCount(s.ic), CeilDiv(tiles, kWinogradStrip) * kWinogradStrip);
}

struct Scratch {
  TilePlace* places;
  int64_t* pixel_offsets;
  int64_t* step_offsets;
  float* v;
  float* m;
  int64_t bytes;
};

Scratch Divide(const ConvShape& s, const WinogradCut& cut, int64_t points, void* scratch) {
  auto* base = static_cast<char*>(scratch);
  Scratch parts{};
  const auto take = [&](int64_t bytes) {
    char* at = base + parts.bytes;
    parts.bytes += RoundUpToLine(bytes);
    return at;
  };
  const int64_t blocks = BlockCount(s.ic);
  const int64_t chunk = std::min(BlockCount(s.oc), kWinogradChunkBlocks);
  const auto tiles = cut.group_tiles;
  parts.places =
      reinterpret_cast<TilePlace*>(take(tiles * static_cast<int64_t>(sizeof(TilePlace))));
  parts.pixel_offsets = reinterpret_cast<int64_t*>(take(tiles * 8));
  parts.step_offsets = reinterpret_cast<int64_t*>(take(blocks * 8));
  parts.v = reinterpret_cast<float*>(take(points * InputStride(s, tiles) * 4));
  parts.m = reinterpret_cast<float*>(take(points * PointStride(chunk, tiles) * 4));
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
        tile_(static_cast<int64_t>(tile)),
        points_(WinogradPoints(tile)),
        cut_(CutWinograd(s, tile)),
        kernels_(kernels),
        args_(args),
        scratch_(Divide(s, cut_, points_, scratch)) {
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

  void RunGroup(int64_t group, int64_t part, int64_t part_end) {
    const Range tiles = TilesOfGroup(cut_, group);
    TransformInput(tiles);
    const int64_t chunk_end = EvenPart(cut_.chunks, cut_.parts, part_end - 1).end;
    for (int64_t c = EvenPart(cut_.chunks, cut_.parts, part).begin; c < chunk_end; ++c) {
      RunChunk(c, tiles.end - tiles.begin);
    }
  }

 private:
  void TransformInput(const Range& tiles) {
    const int64_t count = tiles.end - tiles.begin;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t index = tiles.begin + i;
      const int64_t row = index / cut_.cols;
      scratch_.places[i] = {row / cut_.rows, row % cut_.rows * tile_, index % cut_.cols * tile_};
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

  void RunChunk(int64_t chunk, int64_t tiles) {
    const Range blocks = WinogradChunk(s_, chunk);
    const int64_t panel = s_.ic * kBlock;
    const int64_t v_stride = InputStride(s_, tiles);
    gemm_.pixels = tiles;
    gemm_.blocks = blocks.end - blocks.begin;
    gemm_.out_block_stride = tiles * kBlock;
    gemm_.weights = static_cast<const float*>(args_.packed) + blocks.begin * points_ * panel;
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
      gemm_.out = scratch_.m + p * job.point_stride;
      kernels_.gemm(gemm_);
      gemm_.weights += gemm_.blocks * panel;
    }
    kernels_.output(job);
  }

  const ConvShape& s_;
  const int64_t tile_;
  const int64_t points_;
  const WinogradCut cut_;
  const WinogradKernels& kernels_;
  const ConvArgs& args_;
  const Scratch scratch_;
  GatherGemm gemm_;
};

}  // namespace

int64_t WinogradChunks(const ConvShape& s) {
  return CeilDiv(BlockCount(s.oc), kWinogradChunkBlocks);
}

Range WinogradChunk(const ConvShape& s, int64_t chunk) {
  return EvenPart(BlockCount(s.oc), WinogradChunks(s), chunk);
}

WinogradCut CutWinograd(const ConvShape& s, WinogradTile tile) {
  // A unit repeats the input transform of its group, which 128 output channels outweigh.
  constexpr int64_t kChunksOfPart = 2;
  constexpr int64_t kEnoughUnits = 16;
  const auto m = static_cast<int64_t>(tile);
  WinogradCut cut{};
  cut.rows = CeilDiv(s.oh, m);
  cut.cols = CeilDiv(s.ow, m);
  cut.tiles = s.n * cut.rows * cut.cols;
  const int64_t sixes = CeilDiv(cut.tiles, kWinogradStrip);
  const int64_t fitting = GroupTiles(s, WinogradPoints(tile));
  cut.groups = std::min(CeilDiv(cut.tiles, fitting), sixes);
  cut.group_tiles = std::min(CeilDiv(sixes, cut.groups) * kWinogradStrip, cut.tiles);
  cut.chunks = WinogradChunks(s);
  cut.parts =
      std::clamp<int64_t>(CeilDiv(kEnoughUnits, cut.groups), 1, CeilDiv(cut.chunks, kChunksOfPart));
  return cut;
}

size_t WinogradScratchBytes(const ConvShape& s, WinogradTile tile) {
  return static_cast<size_t>(Divide(s, CutWinograd(s, tile), WinogradPoints(tile), nullptr).bytes);
}

void WinogradRun(const ConvShape& s, WinogradTile tile, const WinogradKernels& kernels,
                 const ConvArgs& args, int64_t begin_unit, int64_t end_unit,
                 void* scratch) noexcept {
  Runner runner(s, tile, kernels, args, scratch);
  const int64_t parts = CutWinograd(s, tile).parts;
  while (begin_unit < end_unit) {
    const int64_t group = begin_unit / parts;
    const int64_t end = std::min(end_unit, (group + 1) * parts);
    runner.RunGroup(group, begin_unit - group * parts, end - group * parts);
    begin_unit = end;
  }
}

}  // namespace kinglet::kernels
