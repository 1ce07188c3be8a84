// The team and the layers that kernel benchmarks run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "measure/kernels/layers.h"
#include "measure/kernels/team.h"

namespace kinglet::measure::team_and_layers_test {
namespace {

TEST(TeamTest, EveryUnitIsDoneOnceWithScratchOfItsOwn) {
  for (const int threads : {1, 2, 3}) {
    Team team(threads);
    EXPECT_EQ(team.size(), threads);
    for (const int64_t units : {1, 7, 1000}) {
      std::vector<std::atomic<int>> done(static_cast<std::size_t>(units));
      team.Run(units, 64, [&](int64_t begin, int64_t end, void* scratch) {
        static_cast<char*>(scratch)[63] = 1;
        for (int64_t i = begin; i < end; ++i) ++done[static_cast<std::size_t>(i)];
      });
      for (const auto& count : done) ASSERT_EQ(count, 1);
    }
  }
}

const NetworkLayers& LayersOf(const std::string& network) {
  for (const NetworkLayers& layers : AllNetworkLayers()) {
    if (layers.network == network) return layers;
  }
  throw std::runtime_error("no layers of " + network);
}

TEST(LayersTest, MobileNetHasTheLayersOfItsPaper) {
  const NetworkLayers& layers = LayersOf("mobilenet_v1");
  EXPECT_EQ(NameOf(layers.input), "3x224x224");
  std::vector<std::string> names;
  for (const kernels::ConvShape& shape : layers.convs) names.push_back(NameOf(shape));
  EXPECT_THAT(names, ::testing::Contains(::testing::HasSubstr("3x224x224_32x112x112_k3x3_s2")));
  EXPECT_THAT(names, ::testing::Contains("512x14x14_512x14x14_k1x1"));
  EXPECT_THAT(names, ::testing::Contains("512x14x14_512x14x14_k3x3_p1_g512"));
  EXPECT_FALSE(layers.chains.empty());
  const kernels::ConvShape& first = layers.convs.front();
  EXPECT_EQ(Operations(WithBatch(first, 8)), 8 * Operations(first));
}

}  // namespace
}  // namespace kinglet::measure::team_and_layers_test
