// Which kernel for codes wins, by name, on made-up machines: the answers are the same on every
// host.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "kernels/common/machine_model.h"
#include "kernels/conv/choose.h"
#include "kernels/conv/conv.h"
#include "tests/support/made_up_cpu.h"
#include "tests/support/made_up_tiles.h"

namespace kinglet::kernels {
namespace {

constexpr OperandTypes kTypes = {ElementType::kUInt8, ElementType::kInt16, ElementType::kUInt8};

constexpr Cpu kAvxVnniCpu = {
    .features = {CpuFeature::kAvx2, CpuFeature::kAvxVnni},
    .caches = {.l1d_bytes = 32 << 10, .l2_bytes = 2 << 20, .l3_bytes = 24 << 20}};

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
  const ConvNeighbours neighbours{.input_blocked = s.ic > 4, .types = kTypes};
  return RankConvVariants(s, 1, BuiltInMachineModel(cpu), neighbours).front().variant->id;
}

struct Row {
  const char* name;
  ConvShape shape;
  std::string_view avx2, avx_vnni, avx512_vnni, neon, tiles;
};

TEST(IntegerSelector, LayersOfNetworks) {
  constexpr std::string_view kFirst = "conv/first_u8", kDepthwise = "conv/depthwise_u8",
                             kDepthwiseQuads = "conv/depthwise_quads_u8",
                             kFirstQuads = "conv/first_quads_u8",
                             kFirstNarrow = "conv/first_narrow_quads_u8", kPairs = "conv/direct_u8",
                             kQuads = "conv/quads_u8", kNarrow = "conv/narrow_quads_u8",
                             kWinograd = "conv/winograd2_u8", kTiles = "conv/tiles_u8",
                             kTilesFirst = "conv/tiles_first_u8";
  const Row rows[] = {
      {"first", Square(3, 224, 32, 3, 2), kFirst, kFirstNarrow, kFirstQuads, kFirst, kTilesFirst},
      {"depthwise", Square(128, 56, 128, 3, 1, 128), kDepthwise, kDepthwise, kDepthwiseQuads,
       kDepthwise, kDepthwiseQuads},
      {"depthwise 5x5 by 2", Square(240, 28, 240, 5, 2, 240), kDepthwise, kDepthwise, kDepthwise,
       kDepthwise, kDepthwise},
      {"1x1, 112", Square(32, 112, 64, 1), kPairs, kNarrow, kQuads, kPairs, kTiles},
      {"1x1, 14", Square(512, 14, 512, 1), kPairs, kNarrow, kQuads, kPairs, kTiles},
      {"1x1, 7", Square(1024, 7, 1024, 1), kPairs, kNarrow, kQuads, kPairs, kTiles},
      {"3x3, 28", Square(128, 28, 128, 3), kWinograd, kNarrow, kQuads, kWinograd, kTiles},
      {"3x3 by 2", Square(256, 28, 256, 3, 2), kPairs, kNarrow, kQuads, kPairs, kTiles},
  };
  for (const Row& row : rows) {
    for (const int64_t batch : {1, 8, 32}) {
      SCOPED_TRACE(row.name + std::string(", batch ") + std::to_string(batch));
      {
        const testing::MadeUpTiles emulated(TileMode::kEmulated);
        EXPECT_EQ(Winner(row.shape, batch, testing::kAvx512Cpu), row.tiles);
      }
      const testing::MadeUpTiles off(TileMode::kOff);
      EXPECT_EQ(Winner(row.shape, batch, testing::kAvx2Cpu), row.avx2);
      EXPECT_EQ(Winner(row.shape, batch, kAvxVnniCpu), row.avx_vnni);
      EXPECT_EQ(Winner(row.shape, batch, testing::kAvx512Cpu), row.avx512_vnni);
      EXPECT_EQ(Winner(row.shape, batch, testing::kNeonCpu), row.neon);
    }
  }
}

}  // namespace
}  // namespace kinglet::kernels
