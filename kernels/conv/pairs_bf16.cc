// conv/pairs_bf16 and conv/pairs_bf16_f32, and their plain forms.
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

template <GatherProduct kProduct>
void Run(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
         void* scratch) noexcept {
  if (begin >= end) return;
  const GatherGemmFn gemm = ResolveGatherProduct(kProduct);
  if (IsRowOfImages(s)) return RunRow(s, gemm, args, begin, end, scratch);
  GatherRun(PairsShape(s), GatherUnit::kBlock16, gemm, args, begin, end, scratch);
}

template <ElementType kStored>
int64_t Units(const ConvShape& s) {
  return IsRowOfImages(s) ? RowUnits(s) : GatherUnits(PairsShape(s), kStored);
}

PackedFormat Format(const ConvShape& s) {
  PackedFormat format = ConvFormat("gathered_pairs", kBlock, s);
  format.type = ElementType::kBFloat16;
  return format;
}

template <ElementType kOut>
Work WorkOf(const ConvShape& s, int threads) {
  const ConvShape pairs = PairsShape(s);
  const double products = GatherMultiplyAdds(pairs) * static_cast<double>(s.n);
  WorkStage stage = ConvTrafficOf(s, ElementType::kBFloat16, kOut, GatherPackedBytes(pairs));
  stage.Add({.kind = WorkKind::kTile,
             .type = ElementType::kBFloat16,
             .family = InstructionFamily::kDot,
             .count = 2 * 2 * products});
  stage.Add(
      {.kind = WorkKind::kTileEdge, .count = products / static_cast<double>(GatherDepth(pairs))});
  const bool row = IsRowOfImages(s);
  Work work = SharedWork(stage, row ? RowUnits(s) : GatherUnits(pairs, kOut), threads);
  work.weight_parts = row ? RowUnits(s) : GatherWeightParts(pairs, kOut);
  return work;
}

template <GatherProduct kProduct, ElementType kOut>
ConvVariant Blocks(const char* id, CpuFeatures needs) {
  return {.id = id,
          .input = kBlockedBF16,
          .output = {kOut, Layout::kBlocked},
          .needs = needs,
          .supports = [](const ConvShape& s) { return HasWideGroups(s, kBlockBf16); },
          .work = &WorkOf<kOut>,
          .packed_format = &Format,
          .packed_bytes = [](const ConvShape& s) { return GatherPackedBytes(PairsShape(s)); },
          .pack =
              [](const ConvShape& s, const void* oihw, void* packed) {
                GatherPackPairs(s, static_cast<const float*>(oihw), static_cast<float*>(packed));
              },
          .units = &Units<kOut>,
          .scratch_bytes =
              [](const ConvShape& s) {
                return IsRowOfImages(s) ? RowScratch(s).bytes(s)
                                        : GatherScratchBytes(PairsShape(s), GatherUnit::kBlock16);
              },
          .run = &Run<kProduct>};
}

constexpr CpuFeatures kDots = {CpuFeature::kAvx512Bf16};

}  // namespace

ConvVariant PairsConvBf16() {
  return Blocks<GatherProduct::kPairs, ElementType::kBFloat16>("conv/pairs_bf16", kDots);
}
ConvVariant PairsConvBf16F32() {
  return Blocks<GatherProduct::kPairs, ElementType::kFloat32>("conv/pairs_bf16_f32", kDots);
}
ConvVariant WidenedPairsConvBf16() {
  return Blocks<GatherProduct::kWidenedPairs, ElementType::kBFloat16>("conv/widened_pairs_bf16",
                                                                      {});
}
ConvVariant WidenedPairsConvBf16F32() {
  return Blocks<GatherProduct::kWidenedPairs, ElementType::kFloat32>("conv/widened_pairs_bf16_f32",
                                                                     {});
}

}  // namespace kinglet::kernels
