// What the variants say of their work against loops that count it.
#include <gtest/gtest.h>

#include <string_view>

#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"
#include "kernels/winograd/winograd.h"

namespace kinglet::kernels::work_test {
namespace {

ConvShape Shape(int64_t n, int64_t ic, int64_t oc, int64_t size, int kernel, int stride = 1,
                int64_t groups = 1) {
  ConvShape s;
  s.n = n;
  s.ic = ic;
  s.oc = oc;
  s.ih = s.iw = size;
  s.oh = s.ow = (size + stride - 1) / stride;
  s.kh = s.kw = kernel;
  s.sh = s.sw = stride;
  s.pad_top = s.pad_left = kernel / 2;
  s.groups = groups;
  return s;
}

// Multiply-adds of the definition, one by one, for `oc` output channels.
double CountedMultiplyAdds(const ConvShape& s, int64_t oc) {
  double count = 0;
  for (int64_t value = 0; value < s.n * oc * s.oh * s.ow; ++value) {
    for (int64_t c = 0; c < s.ic / s.groups; ++c) {
      for (int tap = 0; tap < s.kh * s.kw; ++tap) ++count;
    }
  }
  return count;
}

double Products(const Work& work) {
  double count = 0;
  for (const WorkKind kind :
       {WorkKind::kTile, WorkKind::kPlane, WorkKind::kDepthwise, WorkKind::kDepthwiseStrided,
        WorkKind::kWinograd, WorkKind::kBlas, WorkKind::kReference}) {
    count += work.Count(kind);
  }
  return count;
}

bool IsWinograd(const ConvVariant& variant) {
  return std::string_view(variant.id).find("winograd") != std::string_view::npos;
}

bool IsFloat(const ConvVariant& variant) { return TypesOf(variant) == OperandTypes{}; }

TEST(ConvWork, CountsWhatTheDefinitionDoes) {
  for (const ConvShape& s :
       {Shape(1, 3, 32, 16, 3, 2), Shape(2, 32, 48, 9, 1), Shape(2, 16, 32, 8, 3),
        Shape(1, 48, 48, 8, 3, 1, 48), Shape(1, 48, 48, 8, 3, 2, 48), Shape(1, 32, 64, 8, 3, 1, 2),
        Shape(1, 24, 24, 7, 1), Shape(1, 24, 24, 6, 3, 1, 24)}) {
    for (const ConvVariant& variant : ConvVariants()) {
      if (!IsFloat(variant) || !variant.supports(s) || IsWinograd(variant)) continue;
      const Work work = variant.work(s, 2);
      if (s.groups > 1 && work.Count(WorkKind::kPlane) > 0) continue;  // zeros, counted below
      // Variants that write blocks compute the pad lanes as well.
      const int64_t oc = variant.output.blocked() ? RoundUpToBlock(s.oc) : s.oc;
      EXPECT_EQ(Products(work), 2 * CountedMultiplyAdds(s, oc)) << variant.id;
    }
  }
}

TEST(ConvWork, CountsBytesAndUnits) {
  const ConvShape s = Shape(2, 16, 32, 12, 3);
  for (const ConvVariant& variant : ConvVariants()) {
    if (!IsFloat(variant) || !variant.supports(s)) continue;
    for (const int threads : {1, 2, 5}) {
      const Work work = variant.work(s, threads);
      EXPECT_EQ(work.read_bytes(), 4.0 * 2 * 16 * 12 * 12) << variant.id;
      EXPECT_EQ(work.write_bytes(), 4.0 * 2 * 32 * 12 * 12) << variant.id;
      if (!IsWinograd(variant)) {
        EXPECT_EQ(work.weight_bytes(), 4.0 * 32 * 16 * 9) << variant.id;
      }
      EXPECT_EQ(work.units, variant.units(s)) << variant.id;
      EXPECT_EQ(work.busiest_share, BusiestShare(work.units, work.threads)) << variant.id;
      EXPECT_EQ(work.threads, threads) << variant.id;
    }
  }
}

// What groups multiply that share a block is multiplied with zeros for the others.
TEST(ConvWork, CountsTheZerosOfSharedBlocks) {
  const Work apart = FindConvVariant("conv/first_f32")->work(Shape(1, 4, 64, 16, 3, 2, 4), 1);
  const Work shared = FindConvVariant("conv/first_f32")->work(Shape(1, 4, 16, 16, 3, 2, 4), 1);
  EXPECT_EQ(shared.Count(WorkKind::kPlane), apart.Count(WorkKind::kPlane));
}

// Where each half of a block has inputs of its own, there are no such zeros; but half a block takes
// longer than half the time.
TEST(ConvWork, HalvesOfBlocksAreNoSharedBlocks) {
  const Work apart = FindConvVariant("conv/first_f32")->work(Shape(1, 4, 64, 16, 3, 2, 4), 1);
  const Work halves = FindConvVariant("conv/first_f32")->work(Shape(1, 4, 32, 16, 3, 2, 4), 1);
  EXPECT_GT(halves.Count(WorkKind::kPlane), 0.5 * apart.Count(WorkKind::kPlane));
  EXPECT_LT(halves.Count(WorkKind::kPlane), apart.Count(WorkKind::kPlane));
  EXPECT_EQ(halves.Count(WorkKind::kTileEdge), 0.5 * apart.Count(WorkKind::kTileEdge));
}

TEST(ConvWork, TilesBeginAndEndOnceForEachValue) {
  const ConvVariant& direct = *FindConvVariant("conv/direct_f32");
  EXPECT_EQ(direct.work(Shape(2, 32, 48, 9, 3), 1).Count(WorkKind::kTileEdge), 2 * 48 * 9 * 9);
  // A last block of channels that is not full interrupts each tap.
  EXPECT_EQ(direct.work(Shape(2, 24, 48, 9, 3), 1).Count(WorkKind::kTileEdge),
            (1 + 9) * 2 * 48 * 9 * 9);
}

TEST(ConvWork, WinogradMultipliesPointsAndTransformsBothWays) {
  const ConvShape s = Shape(2, 32, 48, 12, 3);
  const WinogradCut cut = CutWinograd(s, WinogradTile::k4);
  const Work work = FindConvVariant("conv/winograd4_f32")->work(s, 1);
  double products = 0, transforms = 0;
  for (int64_t tile = 0; tile < 2 * 3 * 3; ++tile) {
    for (int point = 0; point < 36; ++point) {
      products += 32 * 48;
      transforms += 32 * 9.0 / 8 + 48;
    }
  }
  EXPECT_EQ(work.Count(WorkKind::kWinograd), 2 * products);
  EXPECT_EQ(work.Count(WorkKind::kWinogradTransform), transforms);
  EXPECT_EQ(work.weight_bytes(), 4.0 * 36 * 32 * 48);
  EXPECT_EQ(work.weight_passes, static_cast<double>(cut.groups));
}

// Threads that share a group of tiles transform its inputs each for itself.
TEST(ConvWork, WinogradTransformsInputsOnEachThread) {
  const WinogradCut shared{.tiles = 16, .groups = 1, .parts = 4};
  EXPECT_EQ(WinogradInputTransforms(shared, 1), 1);
  EXPECT_EQ(WinogradInputTransforms(shared, 2), 2);
  EXPECT_EQ(WinogradInputTransforms(shared, 4), 4);
  const WinogradCut apart{.tiles = 64, .groups = 4, .parts = 1};
  EXPECT_EQ(WinogradInputTransforms(apart, 1), 1);
  EXPECT_EQ(WinogradInputTransforms(apart, 4), 1);
}

}  // namespace
}  // namespace kinglet::kernels::work_test
