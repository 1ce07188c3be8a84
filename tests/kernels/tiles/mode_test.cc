// What KINGLET_TILES and a CPU make of tiles.
#include "kernels/tiles/mode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kinglet::kernels::mode_test {
namespace {

using ::testing::HasSubstr;

constexpr CpuFeatures kTileCpu = {CpuFeature::kAvx2, CpuFeature::kAvx512, CpuFeature::kAmxTile,
                                  CpuFeature::kAmxBf16};
constexpr CpuFeatures kPlainCpu = {CpuFeature::kAvx2};

TEST(TileMode, FollowsTheCpuUnlessTold) {
  EXPECT_EQ(ChooseTiles(kTileCpu, nullptr).mode, TileMode::kHardware);
  EXPECT_EQ(ChooseTiles(kTileCpu, "").mode, TileMode::kHardware);
  EXPECT_EQ(ChooseTiles(kPlainCpu, nullptr).mode, TileMode::kOff);
  for (const CpuFeatures& cpu : {kTileCpu, kPlainCpu}) {
    EXPECT_EQ(ChooseTiles(cpu, "emulated").mode, TileMode::kEmulated);
    EXPECT_EQ(ChooseTiles(cpu, "off").mode, TileMode::kOff);
    EXPECT_EQ(ChooseTiles(cpu, "off").problem, "");
  }
}

TEST(TileMode, SaysWhatIsWrongWithTheVariable) {
  const TileChoice absent = ChooseTiles(kPlainCpu, "hardware");
  EXPECT_EQ(absent.mode, TileMode::kOff);
  EXPECT_THAT(absent.problem, HasSubstr("no amx_tile"));
  const TileChoice unknown = ChooseTiles(kTileCpu, "on");
  EXPECT_EQ(unknown.mode, TileMode::kHardware);
  EXPECT_THAT(unknown.problem, HasSubstr("off, emulated or hardware"));
}

TEST(TileMode, IsOffWithoutTheFeature) {
  if (DetectedCpu().features.Has(CpuFeature::kAmxTile)) GTEST_SKIP() << "this CPU has tiles";
  if (WantedTiles(CpuFeature::kAmxBf16) == TileMode::kEmulated) {
    GTEST_SKIP() << "KINGLET_TILES=emulated";
  }
  EXPECT_EQ(ActiveTiles(CpuFeature::kAmxBf16), TileMode::kOff);
}

TEST(TileMode, MayBeMadeUp) {
  const TileMode emulated = TileMode::kEmulated;
  MakeUpActiveTiles(&emulated);
  EXPECT_EQ(ActiveTiles(CpuFeature::kAmxInt8), TileMode::kEmulated);
  MakeUpActiveTiles(nullptr);
  EXPECT_EQ(ActiveTiles(CpuFeature::kAmxInt8) == TileMode::kEmulated,
            WantedTiles(CpuFeature::kAmxInt8) == TileMode::kEmulated);
}

}  // namespace
}  // namespace kinglet::kernels::mode_test
