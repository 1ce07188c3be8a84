#include "characterize/generate/space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "kinglet/error.h"
#include "kinglet/model.h"
#include "kinglet/network.h"
#include "models/anchors/anchors.h"
#include "models/architectures/block_spec.h"

namespace kinglet::characterize::space_test {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(const std::string& space, const DrawOptions& options) {
  try {
    DrawNetworks(space, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
    return error.what();
  }
  return "";
}

Graph Build(const Descriptor& network) {
  return BuildArchitecture(network.architecture, {.seed = 1, .weights = false});
}

TEST(Space, EveryNetworkBuildsAndIsWrittenAndReadBack) {
  for (const std::string& space : SpaceNames()) {
    for (const Descriptor& network : DrawNetworks(space, {.count = 12, .seed = 3})) {
      SCOPED_TRACE(DescriptorToJson(network));
      const Descriptor read = ParseDescriptor(DescriptorToJson(network), network.name);
      EXPECT_EQ(read.architecture.blocks, network.architecture.blocks);
      const Graph graph = Build(read);
      EXPECT_EQ(graph.inputs().at(0).shape.at(2), network.architecture.resolution);
      if (network.task == Task::kClassify) continue;
      const std::size_t anchors =
          CountAnchors(read.detection.anchors, read.preprocess.width, read.preprocess.height);
      for (const TensorInfo& output : graph.outputs()) {
        EXPECT_EQ(output.shape.at(1), static_cast<std::int64_t>(anchors)) << output.name;
      }
    }
  }
}

TEST(Space, NetworksAreDifferentAndTheSameForASeed) {
  for (const std::string& space : SpaceNames()) {
    SCOPED_TRACE(space);
    const auto first = DrawNetworks(space, {.count = 20, .seed = 5});
    const auto fewer = DrawNetworks(space, {.count = 10, .seed = 5});
    const auto others = DrawNetworks(space, {.count = 10, .seed = 6});
    std::set<std::pair<int, std::vector<std::string>>> all;
    for (const Descriptor& network : first) {
      all.insert({10000 * network.architecture.classes + network.architecture.resolution,
                  network.architecture.blocks});
    }
    EXPECT_EQ(all.size(), 20u);
    EXPECT_EQ(first[9].architecture.blocks, fewer[9].architecture.blocks);
    EXPECT_EQ(first[9].name, fewer[9].name);
    EXPECT_NE(others[0].architecture.blocks, fewer[0].architecture.blocks);
  }
}

TEST(Space, SmallOnesRun) {
  for (const std::string& space : SpaceNames()) {
    SCOPED_TRACE(space);
    DrawOptions options{.count = 2, .seed = 9, .size = 32};
    if (space == "nasbench101") options.width = 16;
    for (const Descriptor& network : DrawNetworks(space, options)) {
      const Model model = Model::Compile(BuildArchitecture(network.architecture),
                                         {.threads = 1, .use_cache = false});
      Session session = model.NewSession();
      Tensor input(DataType::kFloat32, {1, 3, 32, 32});
      std::fill_n(input.data<float>(), input.size(), 0.5f);
      for (const auto& [name, output] : session.Run({{"input", input}})) {
        EXPECT_TRUE(std::isfinite(output.data<float>()[0])) << name;
      }
    }
  }
}

TEST(Space, CellsHaveTheirSizeAndSkeleton) {
  const auto cells =
      DrawNetworks("nasbench101", {.count = 5, .seed = 1, .size = 48, .width = 24, .classes = 7});
  std::set<std::uint64_t> hashes;
  for (const Descriptor& network : cells) {
    const Architecture& architecture = network.architecture;
    ASSERT_EQ(architecture.blocks.size(), 12u);  // a stem, three stacks of three, two pools
    EXPECT_EQ(architecture.blocks[0], "conv 24");
    EXPECT_EQ(architecture.blocks[4], "max_pool kernel=2 stride=2");
    EXPECT_THAT(architecture.blocks[11], HasSubstr("cell 96 "));
    EXPECT_EQ(architecture.resolution, 48);
    EXPECT_EQ(architecture.classes, 7);
    hashes.insert(ParseBlock(architecture.blocks[1]).cell->Hash());
  }
  EXPECT_EQ(hashes.size(), 5u);
}

TEST(Space, MistakesAreNamed) {
  EXPECT_THAT(ErrorOf("nets", {}), HasSubstr("inception, layers, mobilenet"));
  EXPECT_THAT(ErrorOf("ssd", {.count = 0}), HasSubstr("--count"));
  EXPECT_THAT(ErrorOf("ssd", {.size = 4}), HasSubstr("--size: expected 16 to 1024"));
  EXPECT_THAT(ErrorOf("resnet", {.width = 4}), HasSubstr("--width"));
  EXPECT_THAT(ErrorOf("resnet", {.classes = -1}), HasSubstr("--classes"));
}

TEST(Space, FilesAreNetworks) {
  const std::string folder = ::testing::TempDir() + "kinglet_space_test";
  std::filesystem::remove_all(folder);
  const auto networks = DrawNetworks("layers", {.count = 3, .seed = 2});
  WriteNetworks(networks, folder);
  for (const Descriptor& network : networks) {
    EXPECT_GT(OpenNetwork(folder + "/" + network.name + ".json").graph.node_count(), 2u);
  }
  std::filesystem::remove_all(folder);
  std::ofstream(folder) << "no folder";
  EXPECT_THROW(WriteNetworks(networks, folder), Error);
  std::filesystem::remove(folder);
}

}  // namespace
}  // namespace kinglet::characterize::space_test
