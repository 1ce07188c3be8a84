#include "kinglet/detect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kinglet/error.h"
#include "tests/support/graph_builder.h"

namespace kinglet::detect_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

// Boxes (x1, y1, x2, y2) of the unit square as they are, scores of probabilities, no background.
Descriptor Plain(int width = 10, int height = 10) {
  Descriptor descriptor;
  descriptor.task = Task::kDetect;
  descriptor.preprocess.width = width;
  descriptor.preprocess.height = height;
  descriptor.activation = ScoreActivation::kNone;
  descriptor.detection.boxes = "boxes";
  descriptor.detection.scores = "scores";
  descriptor.detection.score_threshold = 0.5f;
  return descriptor;
}

Tensors Outputs(std::int64_t images, const std::vector<float>& boxes,
                const std::vector<float>& scores) {
  const auto anchors = static_cast<std::int64_t>(boxes.size()) / 4 / images;
  const auto classes = static_cast<std::int64_t>(scores.size()) / images / anchors;
  return {{"boxes", Tensor::From<float>({images, anchors, 4}, boxes)},
          {"scores", Tensor::From<float>({images, anchors, classes}, scores)}};
}

std::vector<Detection> DetectOne(const Descriptor& descriptor, const Tensors& outputs,
                                 PictureSize picture = {100, 200}) {
  return DetectionDecoder(descriptor).Decode(outputs, {{picture}}).at(0);
}

void ExpectDetection(const Detection& d, std::size_t index, double score,
                     const std::vector<double>& box) {
  EXPECT_EQ(d.index, index);
  EXPECT_NEAR(d.score, score, 1e-5);
  const double found[] = {d.x1, d.y1, d.x2, d.y2};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(found[i], box[i], 1e-3) << i;
}

std::string MessageOf(const Descriptor& descriptor, const Tensors& outputs,
                      std::vector<PictureSize> pictures = {{100, 200}}) {
  try {
    DetectionDecoder(descriptor).Decode(outputs, pictures);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(DetectTest, BoxesComeInPixelsOfThePicture) {
  const auto found = DetectOne(
      Plain(),
      Outputs(1, {0.1f, 0.2f, 0.5f, 0.6f, -0.5f, 0.9f, 0.3f, 7.0f}, {0, 0.9f, 0.6f, 0.1f}));
  ASSERT_THAT(found, SizeIs(2));
  ExpectDetection(found[0], 1, 0.9, {10, 40, 50, 120});
  ExpectDetection(found[1], 0, 0.6, {0, 180, 30, 200});
}

TEST(DetectTest, CropsAndLetterboxesAreUndone) {
  Descriptor descriptor = Plain();
  descriptor.preprocess.central_crop = 0.5;
  const Tensors outputs = Outputs(1, {0, 0.5f, 1, 1}, {0.9f});
  ExpectDetection(DetectOne(descriptor, outputs).at(0), 0, 0.9, {25, 100, 75, 150});
  descriptor.preprocess.central_crop = 1.0;
  descriptor.preprocess.fit = FitRule::kLetterbox;  // 100x200 lies in columns 2.5 to 7.5 of 10x10
  descriptor.preprocess.width = descriptor.preprocess.height = 20;
  ExpectDetection(DetectOne(descriptor, outputs).at(0), 0, 0.9, {0, 100, 100, 200});
}

TEST(DetectTest, CodesAreRelativeToAnchors) {
  Descriptor descriptor = Plain(32, 32);
  DetectionSpec& spec = descriptor.detection;
  spec.box_coding = BoxCoding::kCenterSize;
  spec.box_order = BoxOrder::kYx;
  spec.box_scales = {10, 10, 5, 5};
  spec.anchors.generator = AnchorGenerator::kSquares;
  spec.anchors.maps = {{1, 2}};
  spec.anchors.sizes = {{8}};  // a quarter of the input, centred at (0.5, 0.25) and (0.5, 0.75)
  const float log2 = 5 * std::log(2.0f);
  const Tensors outputs = Outputs(1, {0, 0, 0, 0, 4, -4, log2, 0}, {0.8f, 0.9f});
  auto found = DetectOne(descriptor, outputs, {100, 100});
  ASSERT_THAT(found, SizeIs(2));
  ExpectDetection(found[0], 0, 0.9, {52.5, 35, 77.5, 85});
  ExpectDetection(found[1], 0, 0.8, {12.5, 37.5, 37.5, 62.5});

  spec.box_coding = BoxCoding::kPointOffset;
  spec.box_order = BoxOrder::kXy;
  spec.box_scales = {1, 1, 1, 1};
  found =
      DetectOne(descriptor, Outputs(1, {0.5f, 1, 0.25f, 0, 1, 0, 0, 1}, {0.8f, 0.9f}), {100, 100});
  ASSERT_THAT(found, SizeIs(2));
  ExpectDetection(found[0], 0, 0.9, {50, 50, 75, 75});
  ExpectDetection(found[1], 0, 0.8, {12.5, 25, 31.25, 50});

  EXPECT_THAT(MessageOf(descriptor, Outputs(1, {0, 0, 1, 1}, {0.9f})),
              HasSubstr("output 'boxes': expected 2 boxes, as the descriptor makes anchors"));
}

TEST(DetectTest, PixelsOfTheInputAndCenters) {
  Descriptor descriptor = Plain();
  descriptor.detection.unit = BoxUnit::kPixels;
  descriptor.detection.box_coding = BoxCoding::kCenters;
  ExpectDetection(DetectOne(descriptor, Outputs(1, {5, 2, 2, 4}, {0.9f})).at(0), 0, 0.9,
                  {40, 0, 60, 80});
  descriptor.picture_size = true;
  ExpectDetection(DetectOne(descriptor, Outputs(1, {5, 2, 2, 4}, {0.9f})).at(0), 0, 0.9,
                  {4, 0, 6, 4});
}

TEST(DetectTest, ActivationAndBackground) {
  Descriptor descriptor = Plain();
  descriptor.detection.background = Background::kFirst;
  descriptor.activation = ScoreActivation::kSoftmax;
  const std::vector<float> box = {0, 0, 1, 1};
  const double e = std::exp(1.0);
  auto found = DetectOne(descriptor, Outputs(1, box, {0, 1, 2}));
  ASSERT_THAT(found, SizeIs(1));
  ExpectDetection(found[0], 1, e * e / (1 + e + e * e), {0, 0, 100, 200});
  EXPECT_THAT(DetectOne(descriptor, Outputs(1, box, {9, 1, 2})), IsEmpty());
  descriptor.detection.background = Background::kLast;
  found = DetectOne(descriptor, Outputs(1, box, {1, 2, 0}));
  ASSERT_THAT(found, SizeIs(1));
  ExpectDetection(found[0], 1, e * e / (1 + e + e * e), {0, 0, 100, 200});
  descriptor.activation = ScoreActivation::kSigmoid;
  found = DetectOne(descriptor, Outputs(1, box, {1, 2, 9}));
  ASSERT_THAT(found, SizeIs(2));
  ExpectDetection(found[0], 1, 1 / (1 + std::exp(-2.0)), {0, 0, 100, 200});
  ExpectDetection(found[1], 0, 1 / (1 + std::exp(-1.0)), {0, 0, 100, 200});
}

TEST(DetectTest, PerClassAndFastDiffer) {
  Descriptor descriptor = Plain();
  const Tensors outputs = Outputs(1, {0, 0, 1, 1, 0, 0, 1, 0.99f}, {0.9f, 0.6f, 0.8f, 0.7f});
  EXPECT_THAT(DetectOne(descriptor, outputs), SizeIs(2));  // one of each class
  descriptor.detection.nms = NmsKind::kFast;
  const auto found = DetectOne(descriptor, outputs);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].index, 0u);
  descriptor.detection.iou_threshold = 0.999f;
  EXPECT_THAT(DetectOne(descriptor, outputs), SizeIs(2));
  descriptor.detection.max_detections = 1;
  EXPECT_THAT(DetectOne(descriptor, outputs), SizeIs(1));
}

TEST(DetectTest, PicturesOfABatchAreIndependent) {
  const Descriptor descriptor = Plain();
  const std::vector<float> boxes = {0, 0, 1, 1, 0, 0, 0.5f, 0.5f, 0.2f, 0.2f, 1, 1};
  const std::vector<float> scores = {0.9f, 0.3f, 0.7f};
  const Tensors outputs = Outputs(3, boxes, scores);
  for (const int threads : {1, 2, 5}) {
    const std::vector<PictureSize> sizes = {{100, 100}, {1, 1}, {10, 20}};
    const auto found = DetectionDecoder(descriptor, {threads, ""}).Decode(outputs, sizes);
    ASSERT_THAT(found, SizeIs(3));
    ExpectDetection(found[0].at(0), 0, 0.9, {0, 0, 100, 100});
    EXPECT_THAT(found[1], IsEmpty());
    ExpectDetection(found[2].at(0), 0, 0.7, {2, 4, 10, 20});
  }
}

TEST(DetectTest, TimesOfThePartsAreAddedUp) {
  const Descriptor descriptor = Plain();
  const Tensors outputs =
      Outputs(1, {0.1f, 0.2f, 0.5f, 0.6f, 0.5f, 0.9f, 0.6f, 1.0f}, {0, 0.9f, 0.6f, 0.1f});
  DetectionDecoder decoder(descriptor);
  DecodeTimes times;
  EXPECT_THAT(decoder.Decode(outputs, {{{100, 200}}}, &times).at(0), SizeIs(2));
  const DecodeTimes once = times;
  for (const double part : {once.choose, once.decode, once.suppress, once.other}) {
    EXPECT_GT(part, 0);
    EXPECT_LT(part, 1);
  }
  decoder.Decode(outputs, {{{100, 200}}}, &times);
  EXPECT_GT(times.choose, once.choose);
  EXPECT_GT(times.suppress, once.suppress);
  EXPECT_THAT(decoder.Decode(outputs, {{{100, 200}}}).at(0), SizeIs(2));
}

TEST(DetectTest, MalformedBoxesAreLeftOut) {
  const std::vector<float> boxes = {kNan,  0,     1,    1,     //
                                    0,     0,     kInf, 1,     // clipped
                                    0.5f,  0.5f,  0.2f, 0.9f,  // negative width
                                    2,     0,     3,    1,     // beside the picture
                                    -kInf, -kInf, kInf, kInf, 0, 0, 0, 0};
  const std::vector<float> scores = {0.9f, 0.8f, 0.7f, 0.65f, 0.6f, 0.6f};
  for (const NmsKind nms : {NmsKind::kPerClass, NmsKind::kFast}) {
    Descriptor descriptor = Plain();
    descriptor.detection.nms = nms;
    const auto found = DetectOne(descriptor, Outputs(1, boxes, scores), {1, 1});
    ASSERT_THAT(found, SizeIs(2));
    ExpectDetection(found[0], 0, 0.8, {0, 0, 1, 1});
    ExpectDetection(found[1], 0, 0.6, {0, 0, 1, 1});
    EXPECT_THAT(DetectOne(descriptor, Outputs(1, {0, 0, 1, 1}, {kNan})), IsEmpty());
    EXPECT_THAT(DetectOne(descriptor, Outputs(1, {0, 0, 1, 1}, {0.1f})), IsEmpty());
  }
}

TEST(DetectTest, NoBoxesAtAll) {
  const Tensors outputs = {{"boxes", Tensor(DataType::kFloat32, {1, 0, 4})},
                           {"scores", Tensor(DataType::kFloat32, {1, 0, 3})}};
  EXPECT_THAT(DetectOne(Plain(), outputs), IsEmpty());
}

TEST(DetectTest, OutputsMustFitEachOther) {
  const auto tensor = [](Shape shape) { return Tensor(DataType::kFloat32, std::move(shape)); };
  const auto message = [&](Shape boxes, Shape scores) {
    return MessageOf(Plain(),
                     {{"boxes", tensor(std::move(boxes))}, {"scores", tensor(std::move(scores))}});
  };
  EXPECT_THAT(message({1, 5, 5}, {1, 5, 3}), HasSubstr("boxes as NxAx4, found 1x5x5"));
  EXPECT_THAT(message({1, 5, 4}, {1, 6, 3}), HasSubstr("output 'scores'"));
  EXPECT_THAT(message({2, 5, 4}, {2, 5, 3}), HasSubstr("1 pictures"));
  EXPECT_THAT(message({1, 5, 4}, {1, 5, 0}), HasSubstr("at least one class"));
  EXPECT_THAT(message({1, 5, 2, 4}, {1, 5, 3}), HasSubstr("one for each class"));
  EXPECT_THAT(MessageOf(Plain(), {{"boxes", tensor({1, 5, 4})}}), HasSubstr("'scores' is missing"));
}

Descriptor FinishedDescriptor() {
  Descriptor descriptor = Plain();
  DetectionSpec& spec = descriptor.detection;
  spec.nms = NmsKind::kNone;
  spec.classes = "classes";
  spec.background = Background::kFirst;
  return descriptor;
}

TEST(DetectTest, FinishedDetectionsAreTakenAsTheyAre) {
  Descriptor descriptor = FinishedDescriptor();
  descriptor.detection.count = "count";
  descriptor.detection.box_order = BoxOrder::kYx;
  const Tensors outputs = {{"boxes", Tensor::From<float>({1, 4, 4}, {0, 0, 1, 1, 0, 0, 0.5f, 1, 0,
                                                                     0, 1, 1, 0, 0, 1, 1})},
                           {"scores", Tensor::From<float>({1, 4}, {0.6f, 0.9f, 0.3f, 0.8f})},
                           {"classes", Tensor::From<float>({1, 4}, {17, 1, 1, 2})},
                           {"count", Tensor::From<float>({1}, {3})}};
  const auto found = DetectOne(descriptor, outputs);
  ASSERT_THAT(found, SizeIs(2));
  ExpectDetection(found[0], 0, 0.9, {0, 0, 100, 100});
  ExpectDetection(found[1], 16, 0.6, {0, 0, 100, 200});
}

TEST(DetectTest, FinishedDetectionsOfOnePictureNeedNoBatch) {
  Descriptor descriptor = FinishedDescriptor();
  descriptor.detection.unit = BoxUnit::kPixels;
  Tensors outputs = {{"boxes", Tensor::From<float>({2, 4}, {1, 2, 3, 4, kNan, 0, 1, 1})},
                     {"scores", Tensor::From<float>({2}, {0.6f, 0.9f})},
                     {"classes", Tensor::From<std::int64_t>({2}, {3, 4})}};
  const auto found = DetectOne(descriptor, outputs);
  ASSERT_THAT(found, SizeIs(1));
  ExpectDetection(found[0], 2, 0.6, {10, 40, 30, 80});
  outputs["classes"] = Tensor::From<std::int64_t>({3}, {1, 2, 3});
  EXPECT_THAT(MessageOf(descriptor, outputs), HasSubstr("output 'classes': expected 2"));
  outputs = {{"boxes", Tensor(DataType::kFloat32, {0, 4})},
             {"scores", Tensor(DataType::kFloat32, {0})},
             {"classes", Tensor(DataType::kInt64, {0})}};
  EXPECT_THAT(DetectOne(descriptor, outputs), IsEmpty());
}

// A detector {1, 3, 10, 10} whose boxes and scores come from convolutions through these operators.
Graph TwoHeads(const std::vector<std::string>& boxes, const std::vector<std::string>& scores) {
  testing::GraphBuilder builder;
  const ValueId input = builder.Input("input", {1, 3, 10, 10});
  const auto chain = [&](const std::vector<std::string>& ops) {
    ValueId value = builder.Node("Conv", {input}, 1)[0];
    for (const std::string& op : ops) value = builder.Node(op, {value}, 1)[0];
    return value;
  };
  const ValueId box = chain(boxes);
  const ValueId score = chain(scores);
  Graph graph = builder.Take();
  graph.ir().outputs = {box, score};
  const auto declare = [&](ValueId id, const char* name, Shape shape) {
    Value& value = graph.ir().value(id);
    value.name = name;
    value.type = DataType::kFloat32;
    value.has_shape = true;
    value.symbols.assign(shape.size(), "");
    value.dims = std::move(shape);
  };
  declare(box, "my_boxes", {1, 12, 4});
  declare(score, "my_scores", {1, 12, 3});
  return graph;
}

Descriptor Coded() {
  Descriptor descriptor = Plain();
  DetectionSpec& spec = descriptor.detection;
  spec.boxes = spec.scores = "";
  spec.box_coding = BoxCoding::kCenterSize;
  spec.anchors.generator = AnchorGenerator::kSquares;
  spec.anchors.maps = {{3, 4}};
  spec.anchors.sizes = {{8}};
  spec.background = Background::kFirst;
  descriptor.activation = ScoreActivation::kSoftmax;
  return descriptor;
}

TEST(DraftDetectionTest, RawOutputsAreRecognised) {
  const Graph unknown = TwoHeads({"Reshape"}, {"Reshape"});
  Descriptor draft = DraftDescriptor(unknown, "net");
  EXPECT_EQ(draft.task, Task::kDetect);
  EXPECT_EQ(draft.detection.boxes, "my_boxes");
  EXPECT_EQ(draft.preprocess.central_crop, 1.0);
  EXPECT_THAT(draft.notes.back(), HasSubstr("nothing is known about their anchors"));
  EXPECT_EQ(ParseDescriptor(DescriptorToJson(draft), "net.json").detection.scores, "my_scores");
  const Descriptor known = FindDescriptor("ssd_mobilenet_v1");
  draft = DraftDescriptor(BuildArchitecture(known.architecture, {1, false}), "net");
  EXPECT_THAT(draft.notes.front(),
              HasSubstr("As many boxes as 'ssd_inception_v2', 'ssd_mobilenet_v1', "
                        "'ssd_mobilenet_v2' and 'ssdlite' have anchors: all but names and sizes "
                        "is a guess after 'ssd_inception_v2'."));
  EXPECT_EQ(draft.detection.anchors, known.detection.anchors);
  EXPECT_EQ(draft.detection.box_coding, BoxCoding::kCenterSize);
  EXPECT_EQ(draft.labels, "coco");
  EXPECT_EQ(draft.preprocess.mean, known.preprocess.mean);
}

TEST(DraftDetectionTest, FinishedOutputsAreRecognised) {
  testing::GraphBuilder builder;
  const ValueId input = builder.Input("image", {-1, -1, -1, 3}, DataType::kUInt8);
  for (const char* name :
       {"detection_scores:0", "detection_boxes:0", "num_detections:0", "detection_classes:0"}) {
    builder.Output(builder.Op("Cast", {input}), name);
  }
  const Descriptor draft = DraftDescriptor(builder.Take(), "tf");
  EXPECT_EQ(draft.task, Task::kDetect);
  EXPECT_TRUE(draft.picture_size);
  EXPECT_EQ(draft.preprocess.layout, ImageLayout::kNhwc);
  EXPECT_EQ(draft.preprocess.stddev[0], 1.0f);
  EXPECT_EQ(draft.detection.nms, NmsKind::kNone);
  EXPECT_EQ(draft.detection.boxes, "detection_boxes:0");
  EXPECT_EQ(draft.detection.count, "num_detections:0");
  EXPECT_EQ(draft.detection.box_order, BoxOrder::kYx);
}

TEST(FitDetectionTest, OutputsAreFoundByTheirShapes) {
  const Descriptor fitted = FitDescriptor(Coded(), TwoHeads({"Reshape"}, {"Reshape"}));
  EXPECT_EQ(fitted.detection.boxes, "my_boxes");
  EXPECT_EQ(fitted.detection.scores, "my_scores");
  EXPECT_EQ(fitted.detection.box_coding, BoxCoding::kCenterSize);
  EXPECT_EQ(fitted.activation, ScoreActivation::kSoftmax);
  EXPECT_THAT(fitted.notes, IsEmpty());
}

TEST(FitDetectionTest, WhatTheGraphAppliesIsNotAppliedAgain) {
  Descriptor fitted =
      FitDescriptor(Coded(), TwoHeads({"Exp", "Sub", "Concat"}, {"Sigmoid", "Transpose"}));
  EXPECT_EQ(fitted.detection.box_coding, BoxCoding::kNone);
  EXPECT_EQ(fitted.activation, ScoreActivation::kNone);
  EXPECT_THAT(fitted.notes, SizeIs(1));
  fitted = FitDescriptor(Coded(), TwoHeads({"Sigmoid", "Exp", "Conv"}, {"Softmax", "Conv"}));
  EXPECT_EQ(fitted.detection.box_coding, BoxCoding::kCenterSize);
  EXPECT_EQ(fitted.activation, ScoreActivation::kSoftmax);
}

TEST(FitDetectionTest, AutomaticActivationDependsOnTheBackground) {
  Descriptor descriptor = Coded();
  descriptor.activation = ScoreActivation::kAuto;
  EXPECT_EQ(FitDescriptor(descriptor, TwoHeads({}, {})).activation, ScoreActivation::kSoftmax);
  descriptor.detection.background = Background::kNone;
  EXPECT_EQ(FitDescriptor(descriptor, TwoHeads({}, {})).activation, ScoreActivation::kSigmoid);
}

TEST(FitDetectionTest, SuppressionInTheGraphIsReported) {
  try {
    FitDescriptor(Coded(), TwoHeads({"NonMaxSuppression", "Gather"}, {}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("output.nms: the network does non-maximum suppression"));
  }
}

// torchvision's exports take one picture, scale it themselves and name their outputs so.
TEST(FitDetectionTest, FinishedOutputsOfOtherNamesAreBelieved) {
  testing::GraphBuilder builder;
  const ValueId input = builder.Input("image", {3, -1, -1});
  const auto output = [&](const char* name, DataType type, Shape shape) {
    const ValueId id = builder.Op("Cast", {input});
    builder.Output(id, name);
    Value& value = builder.ir().value(id);
    value.type = type;
    value.has_shape = true;
    value.symbols.assign(shape.size(), "");
    value.dims = std::move(shape);
  };
  output("boxes", DataType::kFloat32, {-1, 4});
  output("labels", DataType::kInt64, {-1});
  output("scores", DataType::kFloat32, {-1});
  const Descriptor descriptor = FindDescriptor("faster_rcnn");
  const Descriptor fitted = FitDescriptor(descriptor, builder.Take());
  EXPECT_EQ(fitted.detection.boxes, "boxes");
  EXPECT_EQ(fitted.detection.classes, "labels");
  EXPECT_EQ(fitted.detection.count, "");
  EXPECT_EQ(fitted.detection.box_order, BoxOrder::kXy);
  EXPECT_EQ(fitted.detection.unit, BoxUnit::kPixels);
  EXPECT_EQ(fitted.detection.score_threshold, descriptor.detection.score_threshold);
  EXPECT_EQ(fitted.preprocess.mean[0], 0.0f);
  EXPECT_EQ(fitted.preprocess.max_value, 1.0f);
  EXPECT_TRUE(fitted.picture_size);
  EXPECT_THAT(fitted.notes, SizeIs(2));
}

TEST(FitDetectionTest, OutputsOfOtherNamesAreTakenWithANote) {
  Descriptor descriptor = Coded();
  descriptor.detection.boxes = "box_encodings";
  descriptor.detection.scores = "my_scores";
  const Descriptor fitted = FitDescriptor(descriptor, TwoHeads({"Reshape"}, {"Reshape"}));
  EXPECT_EQ(fitted.detection.boxes, "my_boxes");
  EXPECT_EQ(fitted.detection.scores, "my_scores");
  EXPECT_THAT(fitted.notes, ElementsAre(HasSubstr("boxes are 'my_boxes' (descriptor: "
                                                  "'box_encodings').")));
}

TEST(FitDetectionTest, MissingOutputsAreNamed) {
  Descriptor descriptor = Coded();
  descriptor.detection.nms = NmsKind::kNone;
  descriptor.detection.classes = "labels";
  try {
    FitDescriptor(descriptor, TwoHeads({}, {}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("output.boxes: the network has no output that looks like "
                                        "it; it has 'my_boxes' float32 1x12x4"));
  }
}

}  // namespace
}  // namespace kinglet::detect_test
