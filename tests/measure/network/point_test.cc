// Points of small networks. What they take is the machine's affair; nothing here depends on it.
#include "measure/network/point.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kinglet/error.h"
#include "measure/network/shapes.h"

namespace kinglet::measure::point_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Point Demo(const std::string& network) {
  Point point;
  point.network = network;
  point.repeat = 2;
  point.compile.use_cache = false;
  return point;
}

TEST(PointTest, AClassifierHasNoStages) {
  Point point = Demo("demo");
  point.batch = 3;
  const PointRecord record = TimePoint(point);
  EXPECT_EQ(record.model, "demo");
  EXPECT_EQ(record.batch, 3);
  EXPECT_EQ(record.times.runs, 2u);
  EXPECT_GT(record.operations, 0);
  EXPECT_GT(record.peak_rss_mb, 1);
  EXPECT_FALSE(record.stages);
  EXPECT_EQ(record.machine, ThisMachine());
}

TEST(PointTest, ADetectorHasStages) {
  const PointRecord record = TimePoint(Demo("demo_detector"));
  ASSERT_TRUE(record.stages);
  EXPECT_GT(record.stages->decode, 0);
  EXPECT_GT(record.stages->preprocess, 0);
  EXPECT_GT(record.stages->postprocess, 0);
}

TEST(PointTest, TheAnswerIsARecordOrAnError) {
  const PointRecord record = ParseRecord(AnswerPoint(Demo("demo")), "answer");
  EXPECT_EQ(record.model, "demo");
  EXPECT_THAT(AnswerPoint(Demo("no/such.onnx")),
              AllOf(HasSubstr("\"code\":\"i/o\""), HasSubstr("no/such.onnx")));
  Point picture = Demo("demo");
  picture.picture = "a.jpg";
  EXPECT_THAT(AnswerPoint(picture),
              AllOf(HasSubstr("\"code\":\"invalid input\""), HasSubstr("is none")));
}

TensorInfo Input(const std::string& name, DataType type, Shape shape) {
  TensorInfo info{name, type, true, shape, {}};
  info.symbols.assign(shape.size(), "");
  return info;
}

TEST(ShapesTest, FreeSizesAreTheBatchAndThePicture) {
  const std::vector<TensorInfo> inputs = {Input("x", DataType::kFloat32, {-1, 3, -1, -1})};
  Descriptor descriptor;
  descriptor.preprocess.width = 40;
  descriptor.preprocess.height = 30;
  EXPECT_THAT(ChooseShapes(inputs, {4, {}}, descriptor).at("x"), ElementsAre(4, 3, 30, 40));
  EXPECT_THAT(ChooseShapes(inputs, {4, {}}, {}).at("x"), ElementsAre(4, 3, 224, 224));
  EXPECT_THAT(ChooseShapes(inputs, {4, {"x=Nx3x8x9"}}, {}).at("x"), ElementsAre(4, 3, 8, 9));
}

std::string ShapeError(const std::vector<TensorInfo>& inputs, const ShapeOptions& options) {
  try {
    ChooseShapes(inputs, options, {});
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
    return error.what();
  }
  return "no error";
}

TEST(ShapesTest, WhatDoesNotFitIsAnError) {
  const std::vector<TensorInfo> fixed = {Input("x", DataType::kFloat32, {1, 3, 8, 8})};
  EXPECT_THAT(ShapeError(fixed, {2, {}}), HasSubstr("fixed batch of 1"));
  const std::vector<TensorInfo> free = {Input("x", DataType::kFloat32, {-1, -1})};
  EXPECT_THAT(ShapeError(free, {1, {}}), HasSubstr("axis 1 is free"));
  EXPECT_THAT(ShapeError(free, {2, {"x=3x5"}}), HasSubstr("batch of 3"));
  for (const char* wrong : {"x", "=3", "x=3xx5", "x=3x", "x=-1", "x=99999999999999999999"}) {
    EXPECT_THAT(ShapeError(free, {1, {wrong}}), HasSubstr("expected NAME=")) << wrong;
  }
}

TEST(ShapesTest, RandomInputsAreTheSameEachTime) {
  const std::vector<TensorInfo> inputs = {Input("x", DataType::kFloat32, {2, 3}),
                                          Input("y", DataType::kInt64, {4})};
  const InputShapes shapes = {{"x", {2, 3}}, {"y", {4}}};
  const Tensors a = RandomInputs(inputs, shapes);
  const Tensors b = RandomInputs(inputs, shapes);
  const float* x = a.at("x").data<float>();
  EXPECT_TRUE(std::equal(x, x + 6, b.at("x").data<float>()));
  EXPECT_NE(x[0], x[1]);
  for (int i = 0; i < 6; ++i) EXPECT_LE(std::abs(x[i]), 1);
  EXPECT_EQ(a.at("y").data<std::int64_t>()[3], 0);
}

}  // namespace
}  // namespace kinglet::measure::point_test
