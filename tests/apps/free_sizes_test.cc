// Models that leave sizes free, have a batch of their own, or wait for data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kinglet/onnx.h"
#include "tests/apps/command.h"
#include "tests/support/graph_builder.h"

namespace kinglet::testing::free_sizes_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

Attributes With(const std::string& name, Attribute value) {
  Attributes attributes;
  attributes.Set(name, std::move(value));
  return attributes;
}

// Reads lines of text that are 48 pixels high: `rows` numbers for each column of cells.
Graph Reader(Shape input, std::int64_t rows) {
  GraphBuilder b;
  const ValueId x = b.Input("x", std::move(input));
  const ValueId w = b.Floats({4, 3, 4, 4}, std::vector<float>(4 * 3 * 4 * 4, 0.1f));
  const ValueId cells = b.Op("Conv", {x, w}, With("strides", std::vector<std::int64_t>{4, 4}));
  const ValueId columns = b.Op("Reshape", {cells, b.Ints({0, rows, -1})});
  const ValueId turned =
      b.Op("Transpose", {columns}, With("perm", std::vector<std::int64_t>{0, 2, 1}));
  const std::vector<float> weights(static_cast<std::size_t>(rows * 7), 0.1f);
  b.Output(b.Op("MatMul", {turned, b.Floats({rows, 7}, weights)}), "y");
  return b.Take();
}

TEST(FreeSizesTest, EveryCommandFindsASizeThatRuns) {
  const TemporaryFolder folder;
  const std::string model = folder.Path("reader.onnx");
  WriteOnnx(model, Reader({-1, 3, -1, -1}, 48));
  const CommandResult info = Kinglet({"info", model, "--json"});
  ASSERT_EQ(info.status, 0) << info.err;
  EXPECT_EQ(info.OutJson().at("inputs").at(0).at("planned"), (std::vector<int>{1, 3, 48, 320}));
  EXPECT_THAT(info.err, HasSubstr("note: input 'x'"));
  EXPECT_EQ(Kinglet({"info", model, "--quiet"}).err, "");
  const CommandResult bench =
      Kinglet({"bench", model, "--json", "--batch", "1,2", "--threads", "1", "--repeat", "1"});
  EXPECT_EQ(bench.status, 0) << bench.err;
  EXPECT_THAT(bench.OutLines(), SizeIs(2));
  EXPECT_EQ(Kinglet({"tune", model, "-q", "--threads", "1", "-o", folder.Path("tuning")}).status,
            0);
  // The size is found, and what comes out of it is no form that is known.
  const CommandResult describe = Kinglet({"describe", model});
  EXPECT_EQ(describe.status, 3) << describe.out;
  EXPECT_THAT(describe.err, HasSubstr("float32 1x80x7"));
}

TEST(FreeSizesTest, WhereNoneRunsTheOptionIsNamed) {
  const TemporaryFolder folder;
  const std::string model = folder.Path("odd.onnx");
  WriteOnnx(model, Reader({-1, 3, -1, -1}, 7919));
  for (const char* command : {"info", "bench", "tune"}) {
    const CommandResult result = Kinglet({command, model});
    EXPECT_EQ(result.status, 3) << command;
    EXPECT_THAT(result.ErrLines(), SizeIs(1)) << result.err;
    EXPECT_THAT(result.err, HasSubstr("give --shape x=Nx3x224x224"));
  }
  // 4 channels of 4 * 4 x 7919 * 4 pixels.
  EXPECT_EQ(Kinglet({"info", model, "-q", "--shape", "x=Nx3x16x31676"}).status, 0);
}

TEST(FixedBatchTest, IsUsedWhereNoneIsGiven) {
  const TemporaryFolder folder;
  const std::string model = folder.Path("four.onnx");
  WriteOnnx(model, Reader({4, 3, 48, 64}, 48));
  const CommandResult bench =
      Kinglet({"bench", model, "--json", "--threads", "1", "--repeat", "1"});
  ASSERT_EQ(bench.status, 0) << bench.err;
  EXPECT_EQ(bench.OutJson().at("batch"), 4);
  EXPECT_EQ(Kinglet({"bench", model, "-q", "--batch", "4", "--repeat", "1"}).status, 0);
  EXPECT_EQ(Kinglet({"bench", model, "--batch", "1"}).status, 2);
  const CommandResult info = Kinglet({"info", model, "--kernels"});
  EXPECT_EQ(info.status, 0);
  const CommandResult tune =
      Kinglet({"tune", model, "--json", "--threads", "1", "-o", folder.Path("tuning")});
  EXPECT_EQ(tune.OutJson().at("points").at(0).at("batch"), 4);
}

// A convolution of what NonZero finds: its shape depends on the picture.
TEST(WaitingTest, WhatIsNotKnownIsNotCounted) {
  const TemporaryFolder folder;
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 3, 8, 8});
  const ValueId w = b.Floats({2, 3, 1, 1}, std::vector<float>(6, 0.5f));
  const ValueId known = b.Op("Conv", {x, w});
  const ValueId found =
      b.Op("Cast", {b.Op("NonZero", {known})}, With("to", std::int64_t{1}));  // 4 x n, float32
  b.Output(b.Op("MatMul", {b.Floats({2, 4}, std::vector<float>(8, 1.0f)), found}), "y");
  WriteOnnx(folder.Path("a.onnx"), b.Take());
  const auto json = Kinglet({"info", folder.Path("a.onnx"), "--json"}).OutJson();
  EXPECT_EQ(json.at("multiply_adds").get<int>(), 2 * 3 * 64);
  EXPECT_GE(json.at("waiting_steps").get<int>(), 2);
  const CommandResult table = Kinglet({"info", folder.Path("a.onnx"), "--threads", "1"});
  EXPECT_THAT(table.out, AllOf(HasSubstr("wait for data"), HasSubstr("at least 384"),
                               HasSubstr("predicted       at least")));
  EXPECT_THAT(Kinglet({"info", "demo"}).out, Not(HasSubstr("at least")));
  const CommandResult bench =
      Kinglet({"bench", folder.Path("a.onnx"), "--json", "--threads", "1", "--repeat", "1"});
  EXPECT_TRUE(bench.OutJson().at("gflops").is_null()) << bench.out;
  EXPECT_EQ(bench.OutJson().at("waiting_steps"), json.at("waiting_steps"));
  EXPECT_EQ(Kinglet({"bench", folder.Path("a.onnx"), "--threads", "1", "--repeat", "1"}).status, 0);
}

}  // namespace
}  // namespace kinglet::testing::free_sizes_test
