#include "kernels/conv/weights_bf16.h"

#include "kernels/common/half.h"

namespace kinglet::kernels {

size_t PackedBytesBf16(const ConvShape& s) {
  return static_cast<size_t>(TileBlocks(s) * TileSteps(s, kBlockBf16) * kTileStepBytes);
}

void PackBf16(const ConvShape& s, const void* oihw, void* packed) {
  const auto* weights = static_cast<const float*>(oihw);
  auto* to = static_cast<BFloat16*>(packed);
  ForEachTileStep(s, kBlockBf16, [&](const TileStep& step) {
    for (int64_t i = 0; i < kBlockBf16 * kTileChannels; ++i) {
      const int64_t from = WeightIndex(s, step, PlaceInStep(i, 2));
      *to++ = from >= 0 ? ToBFloat16(weights[from]) : BFloat16{0};
    }
  });
}

PackedFormat FormatBf16(const ConvShape& s) {
  PackedFormat format = ConvFormat("pairs", kBlockBf16, s);
  format.type = ElementType::kBFloat16;
  return format;
}

}  // namespace kinglet::kernels
