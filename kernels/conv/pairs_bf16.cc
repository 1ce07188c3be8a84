// conv/pairs_bf16, conv/pairs_bf16_f32 and conv/pairs_first_bf16, and their plain forms.
#include "kernels/conv/pairs_bf16.h"

#include <algorithm>

#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kernels/conv/gather_conv.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/tile_weights.h"
#include "kernels/conv/tile_window.h"
#include "kernels/conv/variants.h"
#include "kernels/conv/weights_bf16.h"
#include "kernels/gemm/gather_pairs.h"

namespace kinglet::kernels {
namespace {

using Resolve = GatherPairs (*)();

constexpr int64_t kFirstChannels = 4;

// Maps of one pixel: the blocks of output channels are divided into units.
int64_t RowUnits(const ConvShape& s) {
  constexpr double kMinUnitMultiplyAdds = 250e3;
  constexpr int64_t kMostUnits = 64;
  const auto worthwhile = static_cast<int64_t>(std::min(
      MultiplyAdds(s) * static_cast<double>(s.n) / kMinUnitMultiplyAdds, 1.0 * kMostUnits));
  return std::clamp<int64_t>(worthwhile, 1, BlockCount(s.oc, kBlockBf16));
}

struct RowScratch {
  explicit RowScratch(const ConvShape& s)
      : steps(BlockCount(s.ic, kBlockBf16)), pixels(RoundUpToLine(steps * 8)) {}
  size_t bytes(const ConvShape& s) const { return static_cast<size_t>(pixels + s.n * 8); }

  int64_t steps;
  int64_t pixels;  // where their offsets begin
};

void RunRow(const ConvShape& s, GatherGemmFn gemm, const ConvArgs& args, int64_t begin, int64_t end,
            void* scratch) {
  const ElementType stored = args.epilogue.type;
  const int64_t pixel = PixelBlock(stored);
  const RowScratch layout(s);
  auto* steps = static_cast<int64_t*>(scratch);
  auto* pixels = reinterpret_cast<int64_t*>(static_cast<char*>(scratch) + layout.pixels);
  for (int64_t p = 0; p < layout.steps; ++p) steps[p] = p * kBlock;
  for (int64_t i = 0; i < s.n; ++i) pixels[i] = i * layout.steps * kBlock;
  const int64_t units = RowUnits(s);
  const int64_t blocks = BlockCount(s.oc, kBlockBf16);
  const int64_t of_unit = kBlockBf16 / kBlock;
  const int64_t first = EvenPart(blocks, units, begin).begin * of_unit;
  const int64_t last = std::min(EvenPart(blocks, units, end - 1).end * of_unit, BlockCount(s.oc));
  const int64_t depth = CeilDiv(s.ic, 2);
  const int64_t at = first * kBlock * ElementBytes(stored);
  GatherGemm job;
  job.in = static_cast<const float*>(args.input);
  job.pixel_offsets = pixels;
  job.pixels = s.n;
  job.step_offsets = steps;
  job.full_steps = depth / kBlock;
  job.tail_channels = depth % kBlock;
  job.tail_steps = job.tail_channels != 0 ? 1 : 0;
  job.weights = static_cast<const float*>(args.packed) + first * depth * kBlock;
  job.bias = args.bias == nullptr ? nullptr : args.bias + first * kBlock;
  if (args.residual != nullptr) {
    job.residual = reinterpret_cast<const float*>(static_cast<const char*>(args.residual) + at);
  }
  job.out = reinterpret_cast<float*>(static_cast<char*>(args.output) + at);
  const int64_t dense = RoundUpToBlock(s.oc, pixel);
  job.out_pixel_stride = args.output_stride != 0 ? args.output_stride : dense;
  job.out_block_stride = pixel;
  job.blocks = last - first;
  job.last_lanes = last == BlockCount(s.oc) && s.oc % kBlock != 0 ? s.oc % kBlock : kBlock;
  job.epilogue = args.epilogue;
  if (job.residual == nullptr || job.out_pixel_stride == dense) return gemm(job);
  // The residual has strides of its own.
  job.pixels = 1;
  for (int64_t i = 0; i < s.n; ++i, ++job.pixel_offsets) {
    gemm(job);
    job.out += job.out_pixel_stride * ElementBytes(stored) / 4;
    job.residual += dense * ElementBytes(stored) / 4;
  }
}

template <Resolve kResolve>
void Run(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
         void* scratch) noexcept {
  if (begin >= end) return;
  const GatherGemmFn gemm = kResolve().gemm;
  if (IsRowOfImages(s)) return RunRow(s, gemm, args, begin, end, scratch);
  GatherRun(PairsShape(s), GatherUnit::kBlock16, gemm, args, begin, end, scratch);
}

// Planes of float32.
struct Planes {
  const ConvShape& shape;
  const float* planes;
  GatherPairs pairs;
};

void CopyPlanes(const void* from, int64_t n, const InputWindow& w, float* to) {
  const auto& [s, planes, pairs] = *static_cast<const Planes*>(from);
  const WindowColumns columns = ColumnsOf(s, w);
  const int64_t pixel = CeilDiv(s.ic, 2);
  const int64_t plane = s.ih * s.iw;
  for (int64_t r = 0; r < w.rows; ++r, to += w.cols * pixel) {
    const int64_t y = w.y0 + r * w.row_step;
    const bool inside = y >= 0 && y < s.ih && columns.valid > 0;
    std::fill_n(to, (inside ? columns.left : w.cols) * pixel, 0.0f);
    if (!inside) continue;
    float* valid = to + columns.left * pixel;
    std::fill_n(valid + columns.valid * pixel, columns.right * pixel, 0.0f);
    pairs.interleave(planes + n * s.ic * plane + y * s.iw + w.x0 + columns.left, plane, s.ic,
                     columns.valid, valid);
  }
}

GatherUnit FirstUnit(const ConvShape& s) {
  return s.ic > 2 ? GatherUnit::kTwo : GatherUnit::kPlane;
}

template <Resolve kResolve>
void RunFirst(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
              void* scratch) noexcept {
  const Planes planes = {s, static_cast<const float*>(args.input), kResolve()};
  GatherRun(PairsShape(s), FirstUnit(s), planes.pairs.gemm, args, begin, end, scratch,
            {&CopyPlanes, &planes});
}

template <ElementType kStored>
int64_t Units(const ConvShape& s) {
  return IsRowOfImages(s) ? RowUnits(s) : GatherUnits(PairsShape(s), kStored);
}

PackedFormat Format(const char* variant, const ConvShape& s) {
  PackedFormat format = ConvFormat(variant, kBlock, s);
  format.type = ElementType::kBFloat16;
  return format;
}

template <ElementType kIn, ElementType kOut>
Work WorkOf(const ConvShape& s, int threads) {
  const ConvShape pairs = PairsShape(s);
  const double products = GatherMultiplyAdds(pairs) * static_cast<double>(s.n);
  WorkStage stage = ConvTrafficOf(s, kIn, kOut, GatherPackedBytes(pairs));
  stage.Add({.kind = WorkKind::kTile,
             .type = ElementType::kBFloat16,
             .family = InstructionFamily::kDot,
             .count = 2 * 2 * products});
  stage.Add(
      {.kind = WorkKind::kTileEdge, .count = products / static_cast<double>(GatherDepth(pairs))});
  const bool row = kIn == ElementType::kBFloat16 && IsRowOfImages(s);
  Work work = SharedWork(stage, row ? RowUnits(s) : GatherUnits(pairs, kOut), threads);
  work.weight_parts = row ? RowUnits(s) : GatherWeightParts(pairs, kOut);
  return work;
}

template <Resolve kResolve, ElementType kOut>
ConvVariant Blocks(const char* id, CpuFeatures needs) {
  return {.id = id,
          .input = kBlockedBF16,
          .output = {kOut, Layout::kBlocked},
          .needs = needs,
          .supports = [](const ConvShape& s) { return HasWideGroups(s, kBlockBf16); },
          .work = &WorkOf<ElementType::kBFloat16, kOut>,
          .packed_format = [](const ConvShape& s) { return Format("gathered_pairs", s); },
          .packed_bytes = [](const ConvShape& s) { return GatherPackedBytes(PairsShape(s)); },
          .pack =
              [](const ConvShape& s, const void* oihw, void* packed) {
                GatherPackPairs(s, GatherUnit::kBlock16, static_cast<const float*>(oihw),
                                static_cast<float*>(packed));
              },
          .units = &Units<kOut>,
          .scratch_bytes =
              [](const ConvShape& s) {
                return IsRowOfImages(s) ? RowScratch(s).bytes(s)
                                        : GatherScratchBytes(PairsShape(s), GatherUnit::kBlock16);
              },
          .run = &Run<kResolve>};
}

template <Resolve kResolve>
ConvVariant First(const char* id, CpuFeatures needs) {
  return {
      .id = id,
      .input = kPlainF32,
      .output = kBlockedBF16,
      .needs = needs,
      .supports = [](const ConvShape& s) { return s.groups == 1 && s.ic <= kFirstChannels; },
      .work = &WorkOf<ElementType::kFloat32, ElementType::kBFloat16>,
      .packed_format = [](const ConvShape& s) { return Format("pairs_of_planes", s); },
      .packed_bytes = [](const ConvShape& s) { return GatherPackedBytes(PairsShape(s)); },
      .pack =
          [](const ConvShape& s, const void* oihw, void* packed) {
            GatherPackPairs(s, FirstUnit(s), static_cast<const float*>(oihw),
                            static_cast<float*>(packed));
          },
      .units =
          [](const ConvShape& s) { return GatherUnits(PairsShape(s), ElementType::kBFloat16); },
      .scratch_bytes =
          [](const ConvShape& s) { return GatherScratchBytes(PairsShape(s), FirstUnit(s), true); },
      .run = &RunFirst<kResolve>};
}

constexpr CpuFeatures kDots = {CpuFeature::kAvx512Bf16};

}  // namespace

ConvVariant PairsConvBf16() {
  return Blocks<&ResolveGatherPairs, ElementType::kBFloat16>("conv/pairs_bf16", kDots);
}
ConvVariant PairsConvBf16F32() {
  return Blocks<&ResolveGatherPairs, ElementType::kFloat32>("conv/pairs_bf16_f32", kDots);
}
ConvVariant PairsFirstConvBf16() {
  return First<&ResolveGatherPairs>("conv/pairs_first_bf16", kDots);
}
ConvVariant WidenedPairsConvBf16() {
  return Blocks<&ResolveWidenedPairs, ElementType::kBFloat16>("conv/widened_pairs_bf16", {});
}
ConvVariant WidenedPairsConvBf16F32() {
  return Blocks<&ResolveWidenedPairs, ElementType::kFloat32>("conv/widened_pairs_bf16_f32", {});
}
ConvVariant WidenedPairsFirstConvBf16() {
  return First<&ResolveWidenedPairs>("conv/widened_pairs_first_bf16", {});
}

}  // namespace kinglet::kernels
