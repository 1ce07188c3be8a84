// conv/first_f32_bf16: the first layer of a network whose images are stored as bfloat16. Inputs are
// planes of at most four float32 channels and multiplied as such, with weights of float32: rounding
// what a picture says would cost answers.
#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/gather_conv.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/variants.h"

namespace kinglet::kernels {
namespace {

bool Supports(const ConvShape& s) {
  constexpr int64_t kMostChannels = 4;
  return s.groups == 1 && s.ic <= kMostChannels;
}

Work WorkOf(const ConvShape& s, int threads) {
  const double products = GatherMultiplyAdds(s) * static_cast<double>(s.n);
  WorkStage stage =
      ConvTrafficOf(s, ElementType::kFloat32, ElementType::kBFloat16, GatherPackedBytes(s));
  stage.Add({.kind = WorkKind::kPlane, .count = 2 * products});
  stage.Add({.kind = WorkKind::kTileEdge, .count = products / static_cast<double>(GatherDepth(s))});
  Work work = SharedWork(stage, GatherUnits(s, ElementType::kBFloat16), threads);
  work.weight_parts = GatherWeightParts(s, ElementType::kBFloat16);
  return work;
}

}  // namespace

ConvVariant FirstConvF32Bf16() {
  return {
      .id = "conv/first_f32_bf16",
      .input = kPlainF32,
      .output = kBlockedBF16,
      .supports = &Supports,
      .work = &WorkOf,
      .packed_format = [](const ConvShape& s) { return ConvFormat("first", kBlock, s); },
      .packed_bytes = &GatherPackedBytes,
      .pack =
          [](const ConvShape& s, const void* oihw, void* packed) {
            GatherPack(s, GatherUnit::kPlane, static_cast<const float*>(oihw),
                       static_cast<float*>(packed));
          },
      .units = [](const ConvShape& s) { return GatherUnits(s, ElementType::kBFloat16); },
      .scratch_bytes = [](const ConvShape& s) { return GatherScratchBytes(s, GatherUnit::kPlane); },
      .run = ResolveFirstConvBf16(),
      .revision = 2};
}

}  // namespace kinglet::kernels
