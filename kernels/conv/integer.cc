// conv/direct_u8 and conv/first_u8: exact convolutions of codes by pairs of int16, whatever the
// target multiplies them with (kernels/conv/dot_conv.h).
#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/dot_conv.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/variants.h"

namespace kinglet::kernels {
namespace {

bool FirstSupports(const ConvShape& s) {
  constexpr int64_t kMaxChannels = 4;
  return s.groups == 1 && s.ic <= kMaxChannels && DotSupports(s, kPairPlanes);
}

template <const DotForm& kForm>
PackedFormat Format(const ConvShape& s) {
  PackedFormat format = ConvFormat(kForm.planes ? "first_pairs" : "pairs", kDotBlock, s);
  format.type = ElementType::kInt16;
  return format;
}

template <const DotForm& kForm>
Work WorkOf(const ConvShape& s, int threads) {
  const double n = static_cast<double>(s.n);
  WorkStage stage = CodeTraffic(s, 2);
  stage.Add({.kind = WorkKind::kTile,
             .type = ElementType::kInt16,
             .count = 2 * n * DotMultiplyAdds(s, kForm)});
  // What is copied costs an eighth of what a tile stores.
  const double values = static_cast<double>(RoundUpToBlock(s.oc, kDotBlock) * s.oh * s.ow) +
                        static_cast<double>(s.ic * s.ih * s.iw) / 8;
  stage.Add({.kind = WorkKind::kTileEdge, .count = n * values});
  Work work = SharedWork(stage, DotUnits(s), threads);
  work.weight_parts = DotWeightParts(s);
  return work;
}

template <const DotForm& kForm>
ConvVariant Variant(const char* id, TensorDesc input, bool (*supports)(const ConvShape&)) {
  return {.id = id,
          .input = input,
          .output = kBlockedU8,
          .weights = ElementType::kInt16,
          .supports = supports,
          .work = &WorkOf<kForm>,
          .packed_format = &Format<kForm>,
          .packed_bytes = [](const ConvShape& s) { return DotPackedBytes(s, kForm); },
          .pack =
              [](const ConvShape& s, const void* oihw, void* packed) {
                DotPack(s, kForm, static_cast<const int16_t*>(oihw), static_cast<int32_t*>(packed));
              },
          .units = &DotUnits,
          .scratch_bytes = [](const ConvShape& s) { return DotScratchBytes(s, kForm); },
          .run = ResolveDotConv(kForm.planes),
          .follows = true};
}

}  // namespace

ConvVariant DirectConvU8() {
  return Variant<kPairBlocks>("conv/direct_u8", kBlockedU8,
                              [](const ConvShape& s) { return DotSupports(s, kPairBlocks); });
}
ConvVariant FirstConvU8() {
  return Variant<kPairPlanes>("conv/first_u8", kPlainU8, &FirstSupports);
}

}  // namespace kinglet::kernels
