// Heads of detectors in every form: what is gathered from them is what plain boxes and scores give.
#include "tests/models/heads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kinglet/detect.h"
#include "kinglet/error.h"

namespace kinglet::heads_test {
namespace {

using namespace heads;  // NOLINT: the file is about them
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(HeadsTest, PlanesOfBoxesAndScores) {
  const Rows boxes = RandomCenters(40, 1);
  const Rows scores = Random(40, kClasses, 2, 0, 1);
  Descriptor descriptor = Base();
  DetectionSpec& spec = descriptor.detection;
  spec.boxes = spec.scores = "out";
  spec.layout = OutputLayout::kPlanes;
  spec.box_columns = {0, 4};
  spec.score_columns = {4, Columns::kOpen};
  spec.box_coding = BoxCoding::kCenters;
  const std::vector<Detection> wanted = Plain(CornersOf(boxes), scores);
  ExpectSame(Decode(descriptor, {{"out", AsPlanes(Beside({boxes, scores}))}}), wanted);
  // Numbers behind the scores, as masks have them.
  spec.score_columns = {4, 4 + kClasses};
  const Rows masks = Random(40, 5, 3, -1, 1);
  ExpectSame(Decode(descriptor, {{"out", AsPlanes(Beside({boxes, scores, masks}))}}), wanted);
  spec.layout = OutputLayout::kRows;
  ExpectSame(Decode(descriptor, {{"out", AsRows(Beside({boxes, scores}), false)}}), wanted);
}

TEST(HeadsTest, ObjectnessMultipliesScores) {
  const Rows boxes = RandomCenters(40, 1);
  const Rows logits = Random(40, kClasses, 2, -3, 3);
  const Rows objectness = Random(40, 1, 3, -1, 4);
  Descriptor descriptor = Base();
  DetectionSpec& spec = descriptor.detection;
  spec.boxes = spec.scores = spec.objectness = "out";
  spec.box_columns = {0, 4};
  spec.objectness_columns = {4, 5};
  spec.score_columns = {5, Columns::kOpen};
  spec.box_coding = BoxCoding::kCenters;
  descriptor.activation = ScoreActivation::kSigmoid;
  const Tensors outputs = {{"out", AsRows(Beside({boxes, objectness, logits}))}};
  const Rows scores = Mapped(logits, Sigmoid);
  const Rows factors = Mapped(objectness, Sigmoid);
  ExpectSame(Decode(descriptor, outputs), Plain(CornersOf(boxes), Joined(scores, factors, false)));
  spec.score_rule = ScoreRule::kGeometricMean;
  ExpectSame(Decode(descriptor, outputs), Plain(CornersOf(boxes), Joined(scores, factors, true)));
}

// BlazeFace: boxes and landmarks in one output, relative to points, without exponentials.
TEST(HeadsTest, LinearCodesWithLandmarks) {
  const std::int64_t anchors = 2 * 8 * 4;
  const Rows codes = Random(anchors, 8, 1, 2, 8);
  const Rows logits = Random(anchors, 1, 2, -3, 3);
  Rows centers{anchors, 4, {}};
  Rows marks{anchors, 4, {}};
  for (std::int64_t a = 0; a < anchors; ++a) {
    const float x = static_cast<float>(a / 2 % 8) * 4 + 2;
    const float y = static_cast<float>(a / 16) * 4 + 2;
    centers.values.insert(centers.values.end(),
                          {codes.at(a, 0) + x, codes.at(a, 1) + y, codes.at(a, 2), codes.at(a, 3)});
    for (int k = 0; k < 4; ++k) marks.values.push_back(codes.at(a, 4 + k) + (k % 2 == 0 ? x : y));
  }
  Descriptor descriptor = Base();
  DetectionSpec& spec = descriptor.detection;
  spec.boxes = spec.landmarks = "regressors";
  spec.box_columns = {0, 4};
  spec.landmark_columns = {4, 8};
  spec.box_coding = BoxCoding::kCenterLinear;
  spec.box_scales = {8, 8, 8, 8};
  spec.anchors.generator = AnchorGenerator::kSquares;
  spec.anchors.strides = {4};
  spec.anchors.sizes = {{8, 8}};
  descriptor.activation = ScoreActivation::kSigmoid;
  const std::vector<Detection> found =
      Decode(descriptor, {{"regressors", AsRows(codes)}, {"scores", AsRows(logits)}});
  ExpectSame(found, Plain(CornersOf(centers), Mapped(logits, Sigmoid)), &marks);
  for (const Detection& d : found) ASSERT_THAT(d.landmarks, SizeIs(2));
  // Landmarks that are no numbers are left out, the box stays.
  Rows broken = codes;
  for (std::int64_t a = 0; a < anchors; ++a) broken.at(a, 5) = std::nanf("");
  const auto without =
      Decode(descriptor, {{"regressors", AsRows(broken)}, {"scores", AsRows(logits)}});
  ASSERT_EQ(without.size(), found.size());
  for (const Detection& d : without) EXPECT_THAT(d.landmarks, IsEmpty());
}

// RetinaFace without a batch axis: softmax, background first, landmarks coded as centres are.
TEST(HeadsTest, OutputsWithoutABatchAxis) {
  const std::int64_t anchors = 2 * 8 * 4;
  const Rows codes = Random(anchors, 4, 1, -2, 2);
  const Rows logits = Random(anchors, 2, 2, -3, 3);
  const Rows points = Random(anchors, 10, 3, -5, 5);
  Descriptor descriptor = Base();
  DetectionSpec& spec = descriptor.detection;
  spec.landmarks = "landmarks";
  spec.unit = BoxUnit::kPicture;
  spec.background = Background::kFirst;
  spec.box_coding = BoxCoding::kCenterSize;
  spec.box_scales = {10, 10, 5, 5};
  spec.anchors.generator = AnchorGenerator::kSquares;
  spec.anchors.strides = {4};
  spec.anchors.sizes = {{8, 16}};
  descriptor.activation = ScoreActivation::kSoftmax;
  const Tensors flat = {{"boxes", AsRows(codes, false)},
                        {"scores", AsRows(logits, false)},
                        {"landmarks", AsRows(points, false)}};
  const std::vector<Detection> found = Decode(descriptor, flat);
  Descriptor plain = descriptor;
  plain.detection.landmarks = "";
  const std::vector<Detection> wanted =
      Decode(plain, {{"boxes", AsRows(codes)}, {"scores", AsRows(logits)}});
  ExpectSame(found, wanted, &points);
  for (const Detection& d : found) {
    ASSERT_THAT(d.landmarks, SizeIs(5));
    bool explained = false;  // by one of the anchors
    for (std::int64_t a = 0; a < anchors && !explained; ++a) {
      const float size = a % 2 == 0 ? 8 : 16;
      const float x = static_cast<float>(a / 2 % 8) * 4 + 2 + points.at(a, 0) / 10 * size;
      const float y = static_cast<float>(a / 16) * 4 + 2 + points.at(a, 1) / 10 * size;
      explained = std::abs(d.landmarks[0].x - x) < 1e-3f && std::abs(d.landmarks[0].y - y) < 1e-3f;
    }
    EXPECT_TRUE(explained);
  }
  const DetectionDecoder decoder(descriptor);
  std::vector<TensorInfo> infos;
  for (const auto& [name, tensor] : flat) {
    infos.push_back({name, tensor.type(), true, tensor.shape(), {}});
  }
  EXPECT_NO_THROW(decoder.CheckOutputs(infos));
  EXPECT_FALSE(decoder.TakesBatches(infos));
  EXPECT_EQ(CountDetectorClasses(descriptor, infos), 1u);
}

TEST(HeadsTest, RowsOfFinishedDetections) {
  Descriptor descriptor = Base();
  DetectionSpec& spec = descriptor.detection;
  spec.nms = NmsKind::kNone;
  spec.boxes = spec.scores = spec.classes = spec.landmarks = "out";
  spec.box_columns = {0, 4};
  spec.score_columns = {4, 5};
  spec.class_columns = {5, 6};
  spec.landmark_columns = {6, 9};
  spec.landmark_size = 3;
  const Tensor rows = Tensor::From<float>(
      {1, 3, 9},
      {1, 2, 3, 4, 0.5f, 7, 2, 3, 1, 0, 0, 9, 9, 0.3f, 1, 0, 0, 1, 5, 5, 8, 9, 0.9f, 2, 6, 7, 0});
  const std::vector<Detection> found = Decode(descriptor, {{"out", rows}});
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].index, 2u);
  EXPECT_EQ(found[0].y2, 9.0f);
  ASSERT_THAT(found[1].landmarks, SizeIs(1));
  EXPECT_EQ(found[1].landmarks[0].y, 3.0f);
  EXPECT_THROW(Decode(descriptor, {{"out", Tensor(DataType::kFloat32, {1, 3, 5})}}), Error);
}

TEST(HeadsTest, WhatDoesNotFitIsAnError) {
  Descriptor descriptor = Base();
  DetectionSpec& spec = descriptor.detection;
  spec.boxes = spec.scores = "out";
  spec.box_columns = {0, 4};
  spec.score_columns = {4, 7};
  spec.box_coding = BoxCoding::kCenters;
  const auto message = [&](Shape shape) -> std::string {
    try {
      Decode(descriptor, {{"out", Tensor(DataType::kFloat32, std::move(shape))}});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message({1, 5, 7}), "");
  EXPECT_EQ(message({1, 0, 7}), "");
  EXPECT_THAT(message({1, 5, 6}), HasSubstr("output 'out'"));
  EXPECT_THAT(message({2, 5, 7}), HasSubstr("1 pictures"));
  EXPECT_THAT(message({5}), HasSubstr("2 to 5 axes"));
  spec.layout = OutputLayout::kPlanes;
  EXPECT_THAT(message({1, 6, 5}), HasSubstr("output 'out'"));
  spec.levels = {{"out", "out", "", ""}, {"none", "none", "", ""}};
  EXPECT_THAT(message({1, 7, 5}), HasSubstr("'none' is missing"));
  spec.levels.clear();
  spec.box_coding = BoxCoding::kYoloV5;
  spec.anchors = {};
  spec.anchors.generator = AnchorGenerator::kSquares;
  spec.anchors.strides = {8};
  spec.anchors.sizes = {{8}};
  EXPECT_THROW(DetectionDecoder{descriptor}, Error);  // their anchors are a grid
  for (const int bins : {0, -1}) {
    descriptor = Base();
    descriptor.detection.box_bins = bins;
    EXPECT_THROW(DetectionDecoder{descriptor}, Error);
    descriptor = Base();
    descriptor.detection.landmark_size = bins;
    EXPECT_THROW(DetectionDecoder{descriptor}, Error);
  }
}

}  // namespace
}  // namespace kinglet::heads_test
