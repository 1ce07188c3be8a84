// Networks that leave the size of their pictures free.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kinglet/error.h"
#include "measure/network/shapes.h"
#include "tests/support/graph_builder.h"

namespace kinglet::measure::shape_chooser_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::GraphBuilder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Attributes With(const std::string& name, Attribute value) {
  Attributes attributes;
  attributes.Set(name, std::move(value));
  return attributes;
}

// A convolution of 4 x 4 pixels without overlap.
ValueId Patches(GraphBuilder& b, ValueId x, std::int64_t channels) {
  const ValueId w = b.Floats({4, channels, 4, 4},
                             std::vector<float>(static_cast<std::size_t>(64 * channels), 0.1f));
  return b.Op("Conv", {x, w}, With("strides", std::vector<std::int64_t>{4, 4}));
}

// Columns of a line of text: only some heights make `depth` numbers of each.
Graph Reader(Shape input, std::int64_t depth = 48) {
  GraphBuilder b;
  const ValueId x = b.Input("x", std::move(input));
  const ValueId columns = b.Op("Reshape", {Patches(b, x, 3), b.Ints({0, depth, -1})});
  const ValueId rows =
      b.Op("Transpose", {columns}, With("perm", std::vector<std::int64_t>{0, 2, 1}));
  const std::vector<float> weights(static_cast<std::size_t>(depth * 7), 0.1f);
  b.Output(b.Op("MatMul", {rows, b.Floats({depth, 7}, weights)}), "y");
  return b.Take();
}

// Fully connected: runs at one size only.
Graph Flat(Shape input, std::int64_t channels, std::int64_t cells) {
  GraphBuilder b;
  const ValueId x = b.Input("x", std::move(input));
  const ValueId flat = b.Op("Flatten", {Patches(b, x, channels)});
  const std::vector<float> weights(static_cast<std::size_t>(4 * cells * 2), 0.1f);
  b.Output(b.Op("Gemm", {flat, b.Floats({4 * cells, 2}, weights)}), "y");
  return b.Take();
}

Shape Chosen(const Graph& graph, int batch = 0) {
  return ShapeChooser(graph, {}, {}).For(batch).at("x");
}

TEST(ShapeChooserTest, TheFirstSizeThatRuns) {
  EXPECT_THAT(Chosen(Reader({-1, 3, -1, -1})), ElementsAre(1, 3, 48, 320));
  EXPECT_THAT(Chosen(Reader({-1, 3, 48, -1}), 2), ElementsAre(2, 3, 48, 320));
  EXPECT_THAT(Chosen(Flat({-1, 3, -1, -1}, 3, 8 * 8)), ElementsAre(1, 3, 32, 32));
  EXPECT_THAT(Chosen(Flat({-1, 1, -1, -1}, 1, 7 * 7)), ElementsAre(1, 1, 28, 28));
  EXPECT_THAT(Chosen(Flat({-1, 3, -1, 256}, 3, 64 * 64)), ElementsAre(1, 3, 256, 256));
  EXPECT_THAT(Chosen(Flat({-1, 3, -1, -1}, 3, 8 * 25)), ElementsAre(1, 3, 32, 100));
}

TEST(ShapeChooserTest, GridsOfReshapesTellTheSize) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 3, -1, -1});
  b.Output(b.Op("Reshape", {Patches(b, x, 3), b.Ints({0, 4, 37, 53})}), "y");
  EXPECT_THAT(Chosen(b.Take()), ElementsAre(1, 3, 148, 212));
}

TEST(ShapeChooserTest, WhatIsAddedTellsTheSize) {
  GraphBuilder maps;
  ValueId x = maps.Input("x", {-1, 3, -1, -1});
  const ValueId grid = maps.Floats({1, 1, 19, 23}, std::vector<float>(19 * 23));
  maps.Output(maps.Op("Add", {Patches(maps, x, 3), grid}), "y");
  EXPECT_THAT(Chosen(maps.Take()), ElementsAre(1, 3, 76, 92));
  GraphBuilder rows;
  x = rows.Input("x", {-1, 3, -1, -1});
  const ValueId cells = rows.Op("Reshape", {Patches(rows, x, 3), rows.Ints({0, 4, -1})});
  const ValueId turned =
      rows.Op("Transpose", {cells}, With("perm", std::vector<std::int64_t>{0, 2, 1}));
  const ValueId positions = rows.Floats({1, 37 * 37, 4}, std::vector<float>(37 * 37 * 4));
  rows.Output(rows.Op("Add", {turned, positions}), "y");
  EXPECT_THAT(Chosen(rows.Take()), ElementsAre(1, 3, 148, 148));
}

TEST(ShapeChooserTest, ChannelsAreGuessedToo) {
  EXPECT_THAT(Chosen(Flat({-1, -1, -1, -1}, 1, 7 * 7)), ElementsAre(1, 1, 28, 28));
  EXPECT_THAT(Chosen(Flat({-1, -1, -1, -1}, 3, 56 * 56)), ElementsAre(1, 3, 224, 224));
}

TEST(ShapeChooserTest, APictureWithoutABatch) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {3, -1, -1});
  b.Output(Patches(b, b.Op("Unsqueeze", {x, b.Ints({0})}), 3), "y");
  const Graph graph = b.Take();
  const ShapeChooser chooser(graph, {}, {});
  EXPECT_THAT(chooser.For(0).at("x"), ElementsAre(3, 224, 224));
  EXPECT_EQ(chooser.Batch(chooser.For(1)), 1);
  EXPECT_THROW(chooser.For(2), Error);
}

TEST(ShapeChooserTest, WhatIsGuessedIsSaid) {
  const Graph reader = Reader({-1, 3, -1, -1});
  EXPECT_THAT(ShapeChooser(reader, {}, {}).note(),
              AllOf(HasSubstr("input 'x'"), HasSubstr("--shape x=Nx3x48x320")));
  EXPECT_THAT(ShapeChooser(reader, {"x=Nx3x48x64"}, {}).note(), IsEmpty());
  Descriptor descriptor;
  descriptor.preprocess.height = 48;
  descriptor.preprocess.width = 100;
  const ShapeChooser described(reader, {}, descriptor);
  EXPECT_THAT(described.note(), IsEmpty());
  EXPECT_THAT(described.For(0).at("x"), ElementsAre(1, 3, 48, 100));
  EXPECT_THAT(ShapeChooser(Flat({4, 3, 32, 32}, 3, 64), {}, {}).note(), IsEmpty());
}

std::string ErrorOf(const Graph& graph, int batch = 0) {
  try {
    ShapeChooser(graph, {}, {}, batch).For(batch);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ShapeChooserTest, WhereNothingRunsTheOptionIsNamed) {
  EXPECT_THAT(ErrorOf(Flat({-1, 3, -1, -1}, 3, 7919)),
              AllOf(HasSubstr("Gemm"), HasSubstr("give --shape x=Nx3x224x224")));
  EXPECT_THAT(ErrorOf(Flat({2, 3, -1, -1}, 3, 7919)), HasSubstr("give --shape x=2x3x224x224"));
  // Of another mistake nothing is said about sizes.
  EXPECT_EQ(ErrorOf(Flat({2, 3, -1, -1}, 3, 64), 8).find("--shape"), std::string::npos);
}

TEST(ShapeChooserTest, AFixedBatchIsTheModels) {
  const Graph graph = Flat({4, 3, 32, 32}, 3, 64);
  const ShapeChooser chooser(graph, {}, {});
  EXPECT_EQ(chooser.Batch(chooser.For(0)), 4);
  EXPECT_EQ(chooser.Batch(chooser.For(4)), 4);
  EXPECT_THROW(chooser.For(1), Error);
}

}  // namespace
}  // namespace kinglet::measure::shape_chooser_test
