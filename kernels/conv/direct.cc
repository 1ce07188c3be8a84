// conv/direct_f32 and conv/first_f32: the two gathers of kernels/conv/gather_conv.h.
#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/gather_conv.h"
#include "kernels/conv/shape.h"
#include "kernels/conv/variants.h"

namespace kinglet::kernels {
namespace {

constexpr GatherUnit kDirect = GatherUnit::kBlock16;
constexpr GatherUnit kFirst = GatherUnit::kPlane;

bool DirectSupports(const ConvShape& s) {
  return s.groups == 1 || ((s.ic / s.groups) % kBlock == 0 && (s.oc / s.groups) % kBlock == 0);
}

bool FirstSupports(const ConvShape& s) {
  constexpr int64_t kMaxGroupChannels = 4;
  const int64_t group_oc = s.oc / s.groups;
  return s.ic / s.groups <= kMaxGroupChannels &&
         (s.groups == 1 || group_oc % kBlock == 0 || kBlock % group_oc == 0);
}

template <GatherUnit kUnit>
PackedFormat Format(const ConvShape& s) {
  return ConvFormat(kUnit == kDirect ? "direct" : "first", kBlock, s);
}

template <GatherUnit kUnit>
void Pack(const ConvShape& s, const void* oihw, void* packed) {
  GatherPack(s, kUnit, static_cast<const float*>(oihw), static_cast<float*>(packed));
}

template <GatherUnit kUnit>
size_t ScratchBytes(const ConvShape& s) {
  return GatherScratchBytes(s, kUnit);
}

template <GatherUnit kUnit>
Work WorkOf(const ConvShape& s, int threads) {
  constexpr WorkKind kProducts = kUnit == kFirst ? WorkKind::kPlane : WorkKind::kTile;
  const int64_t taps = int64_t{s.kh} * s.kw;
  const double products = GatherMultiplyAdds(s) * static_cast<double>(s.n);
  // The products of a last block of channels that is not full are interrupted at each tap.
  const bool tail = kUnit == kDirect && GatherDepth(s) / taps % kBlock != 0;
  const double values = products / static_cast<double>(GatherDepth(s));
  WorkStage stage = ConvTraffic(s);
  // The products of half a block share what they load with half as many, or are computed as those
  // of a whole one where a vector holds it: measured with vectors of 8 floats.
  constexpr double kOfHalves = 1.6;
  stage.Add({.kind = kProducts, .count = 2 * products * (GatherHalves(s) ? kOfHalves : 1)});
  stage.Add(
      {.kind = WorkKind::kTileEdge, .count = values * static_cast<double>(1 + (tail ? taps : 0))});
  Work work = SharedWork(stage, GatherUnits(s), threads);
  work.weight_parts = GatherWeightParts(s);
  return work;
}

template <GatherUnit kUnit>
ConvVariant Variant(const char* id, TensorDesc input, bool (*supports)(const ConvShape&)) {
  return {.id = id,
          .input = input,
          .output = kBlockedF32,
          .supports = supports,
          .work = &WorkOf<kUnit>,
          .packed_format = &Format<kUnit>,
          .packed_bytes = &GatherPackedBytes,
          .pack = &Pack<kUnit>,
          .units = &GatherUnits,
          .scratch_bytes = &ScratchBytes<kUnit>,
          .run = ResolveGatherConv(kUnit)};
}

}  // namespace

ConvVariant DirectConvF32() {
  return Variant<kDirect>("conv/direct_f32", kBlockedF32, &DirectSupports);
}
ConvVariant FirstConvF32() {
  ConvVariant first = Variant<kFirst>("conv/first_f32", kPlainF32, &FirstSupports);
  first.revision = 2;
  return first;
}

}  // namespace kinglet::kernels
