// gemm/packed_f32: register tiles over weights in panels of 16 columns, through GatherGemm. One row
// is a product of a vector with four panels at a time, bound by the reading of the weights.
#include "kernels/gemm/packed.h"

#include <algorithm>

#include "kernels/common/blocked.h"
#include "kernels/common/partition.h"
#include "kernels/gemm/gather_gemm.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/variants.h"

namespace kinglet::kernels {
namespace {

constexpr int64_t kRowsPerUnit = 48;
constexpr int64_t kMaxRows = 192;           // of one product
constexpr int64_t kStripBytes = 448 << 10;  // of A, to stay in the second-level cache

struct Units {
  int64_t row_parts, column_parts;
};

Units UnitsOf(const GemmShape& s) {
  constexpr int64_t kEnoughUnits = 64;
  constexpr double kMinMultiplyAdds = 64e3;
  const double work = static_cast<double>(s.m) * static_cast<double>(s.n) *
                      static_cast<double>(s.k) / kMinMultiplyAdds;
  const auto wanted =
      static_cast<int64_t>(std::clamp(work, 1.0, static_cast<double>(kEnoughUnits)));
  Units units;
  units.row_parts = std::clamp<int64_t>(s.m / kRowsPerUnit, 1, wanted);
  units.column_parts =
      std::clamp<int64_t>(CeilDiv(wanted, units.row_parts), 1, CeilDiv(BlockCount(s.n), 4));
  return units;
}

int64_t WeightParts(const GemmShape& s) {
  const Units units = UnitsOf(s);
  return units.row_parts == 1 ? units.column_parts : 1;
}

int64_t UnitCount(const GemmShape& s) {
  const Units units = UnitsOf(s);
  return units.row_parts * units.column_parts;
}

int64_t RowsAtOnce(const GemmShape& s) {
  return std::clamp<int64_t>(kStripBytes / (s.k * 4), 24, kMaxRows);
}

size_t PackedBytes(const GemmShape& s) {
  return static_cast<size_t>(RoundUpToBlock(s.n) * s.k) * sizeof(float);
}

// [column block][k][16]
void Pack(const GemmShape& s, const GemmWeights& weights, void* packed) {
  const auto* data = static_cast<const float*>(weights.data);
  auto* to = static_cast<float*>(packed);
  for (int64_t block = 0; block < BlockCount(s.n); ++block) {
    const int64_t lanes = std::min(kBlock, s.n - block * kBlock);
    for (int64_t k = 0; k < s.k; ++k, to += kBlock) {
      const float* from = data + k * weights.k_stride + block * kBlock * weights.n_stride;
      for (int64_t lane = 0; lane < kBlock; ++lane) {
        to[lane] = lane < lanes ? from[lane * weights.n_stride] : 0.0f;
      }
    }
  }
}

Work WorkOf(const GemmShape& s, int threads) {
  WorkStage stage = GemmTraffic(s);
  stage.Add({.kind = WorkKind::kTile,
             .count = 2 * static_cast<double>(s.m) * static_cast<double>(s.k) *
                      static_cast<double>(RoundUpToBlock(s.n))});
  Work work = SharedWork(stage, UnitCount(s), threads);
  work.weight_parts = WeightParts(s);
  return work;
}

size_t ScratchBytes(const GemmShape& s) {
  return static_cast<size_t>(BlockCount(s.k) + RowsAtOnce(s)) * sizeof(int64_t);
}

void RunTile(const GemmShape& s, const GemmArgs& args, const Range& rows, const Range& blocks,
             GatherGemm& job, GatherGemmFn gemm) {
  job.weights = static_cast<const float*>(args.packed) + blocks.begin * kBlock * s.k;
  job.bias = args.bias ? args.bias + blocks.begin * kBlock : nullptr;
  job.blocks = blocks.end - blocks.begin;
  job.last_lanes = std::min(kBlock, s.n - (blocks.end - 1) * kBlock);
  const auto* a = static_cast<const float*>(args.a);
  auto* c = static_cast<float*>(args.c);
  for (int64_t row = rows.begin; row < rows.end; row += job.pixels) {
    job.pixels = std::min(RowsAtOnce(s), rows.end - row);
    job.in = a + row * args.lda;
    job.out = c + row * args.ldc + blocks.begin * kBlock;
    gemm(job);
  }
}

}  // namespace

void PackedGemmRun(const GemmShape& s, GatherGemmFn gemm, const GemmArgs& args, int64_t begin,
                   int64_t end, void* scratch) noexcept {
  auto* steps = static_cast<int64_t*>(scratch);
  int64_t* rows = steps + BlockCount(s.k);
  for (int64_t i = 0; i < BlockCount(s.k); ++i) steps[i] = i * kBlock;
  for (int64_t i = 0; i < std::min(RowsAtOnce(s), s.m); ++i) rows[i] = i * args.lda;
  GatherGemm job;
  job.step_offsets = steps;
  job.pixel_offsets = rows;
  job.full_steps = s.k / kBlock;
  job.tail_channels = s.k % kBlock;
  job.tail_steps = job.tail_channels == 0 ? 0 : 1;
  job.out_pixel_stride = args.ldc;
  job.out_block_stride = kBlock;
  job.store_pad_lanes = false;
  job.epilogue = args.epilogue;
  const Units units = UnitsOf(s);
  const int64_t blocks = BlockCount(s.n);
  while (begin < end) {  // neighbouring column parts of the same rows are one tile
    const int64_t row_part = begin / units.column_parts;
    const int64_t column = begin % units.column_parts;
    const int64_t taken = std::min(end - begin, units.column_parts - column);
    const Range columns = {EvenPart(blocks, units.column_parts, column).begin,
                           EvenPart(blocks, units.column_parts, column + taken - 1).end};
    RunTile(s, args, EvenPart(s.m, units.row_parts, row_part), columns, job, gemm);
    begin += taken;
  }
}

GemmVariant PackedGemmF32() {
  return {.id = "gemm/packed_f32",
          .input = kPlainF32,
          .output = kPlainF32,
          .supports = [](const GemmShape&) { return true; },
          .work = &WorkOf,
          .packed_format =
              [](const GemmShape&) {
                return PackedFormat{.family = "gemm", .variant = "packed", .block = kBlock};
              },
          .packed_bytes = &PackedBytes,
          .pack = &Pack,
          .units = &UnitCount,
          .scratch_bytes = &ScratchBytes,
          .run = ResolvePackedGemm()};
}

}  // namespace kinglet::kernels
