// Which kernel for bfloat16 wins, by name, on made-up machines: the answers are the same on every
// host.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "kernels/common/machine_model.h"
#include "kernels/conv/choose.h"
#include "kernels/conv/conv.h"
#include "tests/support/made_up_cpu.h"
#include "tests/support/made_up_tiles.h"

namespace kinglet::kernels::bf16_selector_test {
namespace {

ConvShape Square(int64_t ic, int64_t size, int64_t oc, int kernel, int stride = 1,
                 int64_t groups = 1) {
  ConvShape s;
  s.ic = ic;
  s.ih = s.iw = size;
  s.oc = oc;
  s.kh = s.kw = kernel;
  s.sh = s.sw = stride;
  s.pad_top = s.pad_left = kernel / 2;
  s.oh = s.ow = (size + stride - 1) / stride;
  s.groups = groups;
  return s;
}

std::string_view Winner(ConvShape s, int64_t batch, const Cpu& cpu) {
  s.n = batch;
  const bool first = s.ic <= 4;
  const ElementType stored = first ? ElementType::kFloat32 : ElementType::kBFloat16;
  const ConvNeighbours neighbours{.input_blocked = !first,
                                  .types = {stored, ElementType::kFloat32, ElementType::kBFloat16}};
  return RankConvVariants(s, 1, BuiltInMachineModel(cpu), neighbours).front().variant->id;
}

struct Row {
  const char* name;
  ConvShape shape;
  std::string_view avx2, avx512, pairs, tiles;
};

TEST(Bf16Selector, LayersOfNetworks) {
  constexpr std::string_view kFirst = "conv/first_f32_bf16", kDepthwise = "conv/depthwise_bf16",
                             kDirect = "conv/direct_bf16", kWinograd2 = "conv/winograd2_bf16",
                             kWinograd = "conv/winograd4_bf16", kPairs = "conv/pairs_bf16",
                             kDepthwise3 = "conv/depthwise3_bf16", kTiles = "conv/tiles_bf16",
                             kTilesFirst = "conv/tiles_first_bf16";
  const Row rows[] = {
      {"first", Square(3, 224, 32, 3, 2), kFirst, kFirst, kFirst, kTilesFirst},
      {"depthwise", Square(128, 56, 128, 3, 1, 128), kDepthwise, kDepthwise, kDepthwise3,
       kDepthwise},
      {"depthwise 5x5 by 2", Square(240, 28, 240, 5, 2, 240), kDepthwise, kDepthwise, kDepthwise,
       kDepthwise},
      {"1x1, 112", Square(32, 112, 64, 1), kDirect, kDirect, kPairs, kTiles},
      {"1x1, 14", Square(512, 14, 512, 1), kDirect, kDirect, kPairs, kTiles},
      {"1x1, 7", Square(1024, 7, 1024, 1), kDirect, kDirect, kPairs, kTiles},
      {"3x3, 28", Square(128, 28, 128, 3), kWinograd, kWinograd, kWinograd, kTiles},
      {"3x3, 7", Square(512, 7, 512, 3), kWinograd2, kDirect, kPairs, kTiles},
      {"3x3 by 2", Square(256, 28, 256, 3, 2), kDirect, kDirect, kPairs, kTiles},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    {
      const testing::MadeUpTiles emulated(TileMode::kEmulated);
      EXPECT_EQ(Winner(row.shape, 1, testing::kAvx512Cpu), row.tiles);
    }
    const testing::MadeUpTiles off(TileMode::kOff);
    EXPECT_EQ(Winner(row.shape, 1, testing::kAvx2Cpu), row.avx2);
    EXPECT_EQ(Winner(row.shape, 1, testing::kAvx512Cpu), row.avx512);
    EXPECT_EQ(Winner(row.shape, 1, testing::kZen4Cpu), row.pairs);
  }
}

}  // namespace
}  // namespace kinglet::kernels::bf16_selector_test
