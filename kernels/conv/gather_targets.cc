// What goes through GatherGemm, with the product of each target bound.
#include "kernels/conv/dilated.h"
#include "kernels/conv/gather_conv.h"
#include "kernels/conv/transposed_blocks.h"
#include "kernels/gemm/gather_pairs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/gather_targets.cc"
#include "kernels/common/dispatch.h"
#include "kernels/gemm/gather_gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

template <GatherUnit kUnit>
void RunGatherConv(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                   void* scratch) noexcept {
  GatherRun(s, kUnit, &RunGatherGemm, args, begin, end, scratch);
}

ConvRunFn GetRunGatherConv(GatherUnit unit) {
  return unit == GatherUnit::kPlane ? &RunGatherConv<GatherUnit::kPlane>
                                    : &RunGatherConv<GatherUnit::kBlock16>;
}

// Planes of float32, stored as bfloat16.
void RunFirstBf16(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                  void* scratch) noexcept {
  GatherRun(s, GatherUnit::kPlane, ResolveGatherProduct(GatherProduct::kFloats), args, begin, end,
            scratch);
}

ConvRunFn GetRunFirstBf16() { return &RunFirstBf16; }

void RunDilatedConv(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                    void* scratch) noexcept {
  DilatedRun(s, &RunGatherGemm, args, begin, end, scratch);
}

ConvRunFn GetRunDilatedConv() { return &RunDilatedConv; }

void RunTransposedBlocks(const VolumeShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                         void* scratch) noexcept {
  TransposedBlocksRun(s, &RunGatherGemm, args, begin, end, scratch);
}

VolumeRunFn GetRunTransposedBlocks() { return &RunTransposedBlocks; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(GatherConv);
HWY_EXPORT(GetRunGatherConv);
HWY_EXPORT(GetRunFirstBf16);
HWY_EXPORT(GetRunDilatedConv);
HWY_EXPORT(GetRunTransposedBlocks);

ConvRunFn ResolveGatherConv(GatherUnit unit) { return KINGLET_RESOLVE(GetRunGatherConv)(unit); }

ConvRunFn ResolveFirstConvBf16() { return KINGLET_RESOLVE(GetRunFirstBf16)(); }

ConvRunFn ResolveDilatedConv() { return KINGLET_RESOLVE(GetRunDilatedConv)(); }

VolumeRunFn ResolveTransposedBlocks() { return KINGLET_RESOLVE(GetRunTransposedBlocks)(); }

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
