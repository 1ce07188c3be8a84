// Networks that a descriptor lists block by block, and cells of NAS-Bench-101.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "kinglet/descriptor.h"
#include "kinglet/error.h"
#include "kinglet/model.h"
#include "kinglet/onnx.h"
#include "kinglet/outline.h"
#include "models/architectures/block_spec.h"
#include "models/architectures/cell.h"
#include "tests/models/graph_shapes.h"

namespace kinglet::blocks_test {
namespace {

using ::testing::HasSubstr;

Graph Build(std::vector<std::string> blocks, int resolution = 32) {
  Architecture architecture;
  architecture.family = "blocks";
  architecture.resolution = resolution;
  architecture.classes = 10;
  architecture.blocks = std::move(blocks);
  return BuildArchitecture(architecture, {.seed = 1, .weights = false});
}

std::string ErrorOf(std::vector<std::string> blocks, int resolution = 32) {
  try {
    Build(std::move(blocks), resolution);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
    return error.what();
  }
  return "no error";
}

std::int64_t MacsOf(const Graph& graph) { return testing::CountGraph(graph.ir(), 1).macs; }

TEST(Blocks, HaveTheMultiplyAddsOfTheirDefinitions) {
  constexpr std::int64_t kPixels = 32 * 32;
  const auto macs = [](std::vector<std::string> blocks) {
    return MacsOf(Build(std::move(blocks)));
  };
  EXPECT_EQ(macs({"conv 16"}), kPixels * 3 * 16 * 9 + 160);
  EXPECT_EQ(macs({"conv 16 stride=2 kernel=5"}), kPixels / 4 * 3 * 16 * 25 + 160);
  EXPECT_EQ(macs({"separable 16 stride=2"}), kPixels / 4 * (3 * 9 + 3 * 16) + 160);
  const std::int64_t stem = kPixels * 3 * 16;
  EXPECT_EQ(macs({"conv 16 kernel=1", "inverted 16 expand=48"}),
            stem + kPixels * (16 * 48 + 48 * 9 + 48 * 16) + 160);
  EXPECT_EQ(macs({"conv 16 kernel=1", "basic 16"}), stem + kPixels * 2 * 16 * 16 * 9 + 160);
  EXPECT_EQ(macs({"conv 16 kernel=1", "bottleneck 32 inner=8 groups=2"}),
            stem + kPixels * (16 * 8 + 8 * 4 * 9 + 8 * 32 + 16 * 32) + 320);
  // Half of the channels pass by; with a stride all are computed.
  const auto planned = [](std::vector<std::string> blocks) {
    const Outline outline(Build(std::move(blocks)), {.threads = 1, .use_cache = false});
    return outline.At({{"input", {1, 3, 32, 32}}}, 1).plan.macs;
  };
  EXPECT_EQ(planned({"conv 16 kernel=1", "shuffle 16"}),
            stem + kPixels * (8 * 8 + 8 * 9 + 8 * 8) + 160);
  EXPECT_EQ(planned({"conv 16 kernel=1", "shuffle 24 stride=2"}),
            stem + kPixels * 16 * 12 + kPixels / 4 * (16 * 9 + 16 * 12 + 12 * 9 + 12 * 12) + 240);
  EXPECT_EQ(macs({"conv 16 kernel=1", "mixed branches=1,2,3,4,5,6"}),
            stem + kPixels * (16 * (1 + 2 + 4 + 6) + 2 * 3 * 9 + 4 * 5 * 25) + 150);
}

TEST(Blocks, OfEveryKindRunAndAreWrittenAsOnnx) {
  Architecture architecture;
  architecture.family = "blocks";
  architecture.resolution = 32;
  architecture.classes = 5;
  architecture.blocks = {"conv 8 stride=2 act=hard_swish",
                         "separable 12 kernel=5 act=relu",
                         "inverted 12 expand=24 excite=1",
                         "cell 18 edges=0-1,0-2,1-3,2-3,0-3 ops=conv3x3,maxpool3x3",
                         "cell 17 edges=0-1,1-2,1-4,2-3,3-4,0-4 ops=conv1x1,conv3x3,conv3x3",
                         "cell 8 edges=0-1",
                         "basic 10 stride=2",
                         "bottleneck 16 inner=4",
                         "average_pool kernel=2 stride=1",
                         "mixed branches=2,2,4,2,4,3 pool=average",
                         "reduce branches=2,3,2,4",
                         "shuffle 14 stride=2",
                         "shuffle 14",
                         "conv 6 kernel=1 act=silu",
                         "max_pool stride=1"};
  const std::string file = ::testing::TempDir() + "kinglet_blocks_test.onnx";
  WriteOnnx(file, BuildArchitecture(architecture));
  Tensor input(DataType::kFloat32, {2, 3, 32, 32});
  for (std::int64_t i = 0; i < input.size(); ++i) {
    input.data<float>()[i] = static_cast<float>(i % 37) / 37.0f - 0.5f;
  }
  const auto run = [&](Graph graph) {
    const Model model = Model::Compile(std::move(graph), {.threads = 1, .use_cache = false});
    Session session = model.NewSession();
    return Tensor(session.Run({{"input", input}}).at("output"));
  };
  const Tensor built = run(BuildArchitecture(architecture));
  const Tensor read = run(ReadOnnx(file));
  EXPECT_EQ(built.shape(), (Shape{2, 5}));
  EXPECT_TRUE(std::equal(built.data<float>(), built.data<float>() + 10, read.data<float>()));
  EXPECT_NE(built.data<float>()[0], built.data<float>()[5]);
}

TEST(Blocks, WithHeadsAreDetectors) {
  const Graph graph = Build(
      {"conv 8 stride=2", "head anchors=3 kind=separable", "conv 8 stride=2", "head anchors=6"});
  ASSERT_EQ(graph.outputs().size(), 2u);
  EXPECT_EQ(graph.outputs()[0].name, "box_encodings");
  EXPECT_EQ(graph.outputs()[1].shape.at(1), 16 * 16 * 3 + 8 * 8 * 6);
}

TEST(Blocks, MistakesAreNamed) {
  EXPECT_THAT(ErrorOf({}), HasSubstr("1 to 256 blocks, found 0"));
  EXPECT_THAT(ErrorOf({"convolution 8"}), HasSubstr("expected one of conv, separable"));
  EXPECT_THAT(ErrorOf({""}), HasSubstr("expected a block"));
  EXPECT_THAT(ErrorOf({"conv"}), HasSubstr("channels behind the name"));
  EXPECT_THAT(ErrorOf({"conv 0"}), HasSubstr("channels from 1 to 8192"));
  EXPECT_THAT(ErrorOf({"conv 8 kernel=3x"}), HasSubstr("kernel from 1 to 15, found '3x'"));
  EXPECT_THAT(ErrorOf({"conv 8 kernel=3 kernel=5"}), HasSubstr("one kernel, found two"));
  EXPECT_THAT(ErrorOf({"conv 8 anchors=3"}), HasSubstr("kernel stride groups act"));
  EXPECT_THAT(ErrorOf({"conv 9 groups=2"}), HasSubstr("groups that divide 9"));
  EXPECT_THAT(ErrorOf({"conv 8 groups=2"}), HasSubstr("do not divide the 3 channels"));
  EXPECT_THAT(ErrorOf({"inverted 8"}), HasSubstr("expand="));
  EXPECT_THAT(ErrorOf({"mixed branches=1,2"}), HasSubstr("6 branches, found 2"));
  EXPECT_THAT(ErrorOf({"head"}), HasSubstr("anchors="));
  EXPECT_THAT(ErrorOf({"conv 8", "shuffle 7 stride=2"}), HasSubstr("an even number of channels"));
  EXPECT_THAT(ErrorOf({"conv 8", "shuffle 6"}), HasSubstr("keeps the 8 channels before it"));
  EXPECT_THAT(ErrorOf({"conv 8 act=gelu"}), HasSubstr("none, relu, relu6, hard_swish"));
  EXPECT_THAT(ErrorOf({"conv 1 stride=8", "conv 1 stride=8", "max_pool kernel=2"}),
              HasSubstr("smaller than its window"));
  EXPECT_THAT(ErrorOf({"conv 8192 kernel=15", "conv 8192 kernel=15"}), HasSubstr("weights"));
  EXPECT_THAT(ErrorOf({"cell 8 edges=0-1,1-2"}), HasSubstr("between vertices 0 to 1"));
  EXPECT_THAT(ErrorOf({"cell 8 edges=1-0"}), HasSubstr("lead forwards"));
  EXPECT_THAT(ErrorOf({"cell 8 edges=0-2 ops=conv1x1"}), HasSubstr("on a way from the input"));
  EXPECT_THAT(ErrorOf({"cell 8 edges=0-1,1-2 ops=conv2x2"}), HasSubstr("conv1x1, conv3x3"));
}

TEST(Blocks, AreOfTheirFamilyOnly) {
  Architecture architecture;
  architecture.family = "mobilenet_v1";
  architecture.resolution = 64;
  architecture.blocks = {"conv 8"};
  EXPECT_THROW(BuildArchitecture(architecture), Error);
}

// Channels as the published code computes them: vertex 1 and 3 share 17 at the output, the first
// having what does not divide; vertex 2 leads to vertex 3 alone.
TEST(Cell, SharesChannelsAsPublished) {
  const Graph cut = Build({"cell 17 edges=0-1,1-2,1-4,2-3,3-4 ops=conv1x1,conv3x3,maxpool3x3"});
  const auto count = testing::CountGraph(
      Build({"cell 17 edges=0-1,1-4,0-2,2-3,3-4 ops=conv1x1,conv3x3,conv3x3"}).ir(), 1);
  // Projections 3 to 9 and 3 to 8, a 1x1 of 9, two 3x3 of 8, and ten classes of 17.
  EXPECT_EQ(count.macs, 1024 * (3 * 9 + 3 * 8 + 9 * 9 + 2 * 8 * 8 * 9) + 170);
  const auto slices = std::count_if(cut.ir().nodes.begin(), cut.ir().nodes.end(),
                                    [](const Node& node) { return node.op == "Slice"; });
  EXPECT_EQ(slices, 1);  // 9 channels of vertex 1 become the 8 of vertex 2
}

Cell CellOfBits(std::size_t vertices, unsigned edges, unsigned ops) {
  std::vector<CellOp> list;
  for (std::size_t v = 2; v < vertices; ++v, ops /= 3) list.push_back(static_cast<CellOp>(ops % 3));
  Cell cell(std::move(list));
  for (std::size_t v = 0; v < vertices; ++v) {
    for (std::size_t w = v + 1; w < vertices; ++w, edges /= 2) {
      if (edges % 2 == 1) cell.AddEdge(v, w);
    }
  }
  return cell;
}

// Of the 423,624 cells that the paper counts, these have 2 to 5 vertices.
TEST(Cell, HashesTellAsManyApartAsThePaperCounts) {
  constexpr std::size_t kKnown[] = {1, 6, 84, 2441};
  for (std::size_t vertices = 2; vertices <= 5; ++vertices) {
    std::set<std::uint64_t> hashes;
    unsigned ops = 1;
    for (std::size_t v = 2; v < vertices; ++v) ops *= 3;
    for (unsigned edges = 0; edges < 1u << (vertices * (vertices - 1) / 2); ++edges) {
      for (unsigned labels = 0; labels < ops; ++labels) {
        const Cell cell = CellOfBits(vertices, edges, labels);
        if (cell.edges() > kMaxCellEdges || cell.edges() == 0) continue;
        if (cell.Pruned().vertices() == vertices) hashes.insert(cell.Hash());
      }
    }
    EXPECT_EQ(hashes.size(), kKnown[vertices - 2]) << vertices;
  }
}

TEST(Cell, OfTheSameGraphHasTheSameHash) {
  const Cell cell = ParseCell("0-1,0-2,1-3,2-3,2-4,3-4", "conv1x1,conv3x3,maxpool3x3");
  const Cell turned = ParseCell("0-1,0-2,1-3,2-3,1-4,3-4", "conv3x3,conv1x1,maxpool3x3");
  const Cell other = ParseCell("0-1,0-2,1-3,2-3,1-4,3-4", "conv1x1,conv3x3,maxpool3x3");
  EXPECT_EQ(cell.Hash(), turned.Hash());
  EXPECT_NE(cell.Hash(), other.Hash());
}

TEST(Cell, PruningDropsWhatIsOnNoWay) {
  Cell cell({CellOp::kConv1x1, CellOp::kConv3x3, CellOp::kMaxPool3x3});
  cell.AddEdge(0, 1);
  cell.AddEdge(1, 4);
  cell.AddEdge(0, 2);  // leads nowhere
  cell.AddEdge(3, 4);  // comes from nowhere
  const Cell pruned = cell.Pruned();
  EXPECT_EQ(pruned.EdgesText(), "0-1,1-2");
  EXPECT_EQ(pruned.OpsText(), "conv1x1");
  EXPECT_EQ(Cell({CellOp::kConv1x1}).Pruned().edges(), 0u);
}

}  // namespace
}  // namespace kinglet::blocks_test
