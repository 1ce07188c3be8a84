// What kinglet describe makes of the outputs that detectors of today are exported with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kinglet/descriptor.h"
#include "kinglet/detect.h"
#include "kinglet/error.h"
#include "tests/support/graph_builder.h"

namespace kinglet::draft_heads_test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Output {
  const char* name;
  Shape shape;
  std::vector<std::string> ops{};  // behind the last layer with weights
  DataType type = DataType::kFloat32;
};

// A network whose outputs have these shapes; what it computes does not matter.
Graph Network(const std::vector<Output>& outputs, int width = 640, int height = 640) {
  testing::GraphBuilder builder;
  const ValueId input = builder.Input("images", {1, 3, height, width});
  for (const Output& output : outputs) {
    ValueId id = builder.Op("Conv", {input});  // without weights, so that nothing follows from it
    for (const std::string& op : output.ops) id = builder.Op(op, {id});
    builder.Output(id, output.name);
    Value& value = builder.ir().value(id);
    value.type = output.type;
    value.has_shape = true;
    value.symbols.assign(output.shape.size(), "");
    value.dims = output.shape;
  }
  return builder.Take();
}

// The draft, which can be written and read, makes as many anchors as the outputs have.
Descriptor Drafted(const std::vector<Output>& outputs, int width = 640, int height = 640) {
  const Graph graph = Network(outputs, width, height);
  const Descriptor draft = DraftDescriptor(graph, "net");
  EXPECT_EQ(draft.task, Task::kDetect);
  EXPECT_THAT(draft.notes, Not(IsEmpty()));
  const std::string text = DescriptorToJson(draft);
  const Descriptor read = ParseDescriptor(text, "net.json");
  EXPECT_EQ(DescriptorToJson(read), text);
  const Descriptor fitted = FitDescriptor(read, graph);
  EXPECT_NO_THROW(DetectionDecoder(fitted).CheckOutputs(graph.outputs())) << text;
  EXPECT_EQ(fitted.detection.levels, draft.detection.levels);
  EXPECT_EQ(fitted.detection.boxes, draft.detection.boxes);
  return draft;
}

TEST(DraftHeadsTest, PlanesAreYolo8) {
  const Descriptor draft = Drafted({{"output0", {1, 84, 8400}, {"Softmax", "Sub", "Sigmoid"}}});
  const DetectionSpec& spec = draft.detection;
  EXPECT_EQ(spec.layout, OutputLayout::kPlanes);
  EXPECT_EQ(spec.score_columns, (Columns{4, 84}));
  EXPECT_TRUE(spec.objectness_columns.empty());
  EXPECT_EQ(spec.box_coding, BoxCoding::kCenters);
  EXPECT_EQ(spec.unit, BoxUnit::kPixels);
  EXPECT_EQ(draft.activation, ScoreActivation::kNone);
  EXPECT_EQ(draft.labels, "coco80");
  EXPECT_EQ(draft.preprocess.max_value, 1.0f);
  EXPECT_EQ(draft.preprocess.fit, FitRule::kLetterbox);
  // With masks, and with the points of people.
  const Descriptor masks =
      Drafted({{"output0", {1, 116, 8400}, {"Sigmoid"}}, {"output1", {1, 32, 160, 160}}});
  EXPECT_EQ(masks.detection.score_columns, (Columns{4, 84}));
  const Descriptor pose = Drafted({{"output0", {1, 56, 8400}, {"Sigmoid"}}});
  EXPECT_EQ(pose.detection.score_columns, (Columns{4, 5}));
  EXPECT_EQ(pose.detection.landmark_columns, (Columns{5, 56}));
  EXPECT_EQ(pose.detection.landmark_size, 3);
}

TEST(DraftHeadsTest, RowsWithObjectness) {
  const Descriptor v5 = Drafted({{"output0", {1, 25200, 85}, {"Sigmoid", "Mul"}}});
  EXPECT_EQ(v5.detection.objectness_columns, (Columns{4, 5}));
  EXPECT_EQ(v5.detection.score_columns, (Columns{5, 85}));
  EXPECT_EQ(v5.detection.box_coding, BoxCoding::kCenters);
  const Descriptor x = Drafted({{"y", {1, 64, 8}}}, 64, 64);
  EXPECT_EQ(x.detection.box_coding, BoxCoding::kCenterSize);
  EXPECT_EQ(x.detection.score_columns, (Columns{5, 8}));
  EXPECT_THAT(x.detection.anchors.strides, ElementsAre(8));
  EXPECT_EQ(x.detection.unit, BoxUnit::kPixels);
  EXPECT_EQ(x.activation, ScoreActivation::kSigmoid);
  const Descriptor decoded = Drafted({{"output", {1, 8400, 85}, {"Sigmoid", "Exp"}}});
  EXPECT_EQ(decoded.detection.box_coding, BoxCoding::kCenters);
  EXPECT_EQ(decoded.preprocess.color_order, ColorOrder::kBgr);
}

// As many rows as the maps of 320 x 48 have positions, when those that are cut count: what a text
// recogniser of few letters says of 80 places.
TEST(DraftHeadsTest, RowsOfATextRecogniser) {
  EXPECT_EQ(Drafted({{"y", {1, 100, 7}}}, 320, 64).detection.objectness_columns, (Columns{4, 5}));
  EXPECT_THROW(DraftDescriptor(Network({{"y", {1, 80, 7}}}, 320, 48), "net"), Error);
}

TEST(DraftHeadsTest, MapsOfYolo) {
  const Descriptor maps =
      Drafted({{"a", {1, 255, 80, 80}}, {"b", {1, 255, 40, 40}}, {"c", {1, 255, 20, 20}}});
  EXPECT_THAT(maps.detection.levels, SizeIs(3));
  EXPECT_EQ(maps.detection.box_coding, BoxCoding::kYoloV5);
  EXPECT_EQ(maps.detection.layout, OutputLayout::kPlanes);
  EXPECT_EQ(maps.detection.anchors.widths[2], (std::vector<double>{116, 156, 373}));
  const Descriptor five = Drafted({{"a", {1, 3, 80, 80, 7}}, {"b", {1, 3, 40, 40, 7}}});
  EXPECT_EQ(five.detection.layout, OutputLayout::kRows);
  EXPECT_EQ(five.detection.score_columns, (Columns{5, 7}));
  const Descriptor bins = Drafted({{"a", {1, 144, 80, 80}}, {"b", {1, 144, 40, 40}}});
  EXPECT_EQ(bins.detection.box_bins, 16);
  EXPECT_EQ(bins.detection.score_columns, (Columns{64, 144}));
  const Descriptor v2 = Drafted({{"grid", {1, 125, 13, 13}}}, 416, 416);
  EXPECT_EQ(v2.detection.box_coding, BoxCoding::kYoloV3);
  EXPECT_EQ(v2.activation, ScoreActivation::kSoftmax);
  EXPECT_EQ(v2.labels, "voc");
}

TEST(DraftHeadsTest, OutputsOfEachMap) {
  // Without a batch axis, scores first, in the order of the kinds: as SCRFD is exported.
  const Descriptor scrfd = Drafted({{"score_8", {12800, 1}, {"Sigmoid"}},
                                    {"score_16", {3200, 1}, {"Sigmoid"}},
                                    {"score_32", {800, 1}, {"Sigmoid"}},
                                    {"bbox_8", {12800, 4}},
                                    {"bbox_16", {3200, 4}},
                                    {"bbox_32", {800, 4}},
                                    {"kps_8", {12800, 10}},
                                    {"kps_16", {3200, 10}},
                                    {"kps_32", {800, 10}}});
  EXPECT_THAT(scrfd.detection.levels,
              ElementsAre(HeadOutputs{"bbox_8", "score_8", "", "kps_8"},
                          HeadOutputs{"bbox_16", "score_16", "", "kps_16"},
                          HeadOutputs{"bbox_32", "score_32", "", "kps_32"}));
  EXPECT_EQ(scrfd.detection.box_coding, BoxCoding::kPointOffset);
  EXPECT_EQ(scrfd.detection.anchors.sizes[0], (std::vector<double>{8, 8}));
  EXPECT_EQ(scrfd.labels, "face");
  const Descriptor one = Drafted({{"score_8", {128, 1}}, {"bbox_8", {128, 4}}}, 64, 64);
  EXPECT_EQ(one.detection.boxes, "bbox_8");
  EXPECT_EQ(one.detection.box_coding, BoxCoding::kPointOffset);
  const Descriptor yunet = Drafted({{"cls_8", {1, 6400, 1}, {"Sigmoid"}},
                                    {"cls_16", {1, 1600, 1}, {"Sigmoid"}},
                                    {"obj_8", {1, 6400, 1}, {"Sigmoid"}},
                                    {"obj_16", {1, 1600, 1}, {"Sigmoid"}},
                                    {"bbox_8", {1, 6400, 4}},
                                    {"bbox_16", {1, 1600, 4}},
                                    {"kps_8", {1, 6400, 10}},
                                    {"kps_16", {1, 1600, 10}}});
  EXPECT_EQ(yunet.detection.levels[1], (HeadOutputs{"bbox_16", "cls_16", "obj_16", "kps_16"}));
  EXPECT_EQ(yunet.detection.score_rule, ScoreRule::kGeometricMean);
  EXPECT_EQ(yunet.detection.box_coding, BoxCoding::kCenterSize);
  const Descriptor fcos = Drafted({{"cls0", {1, 20, 80, 80}},
                                   {"reg0", {1, 4, 80, 80}, {"Relu"}},
                                   {"centerness0", {1, 1, 80, 80}},
                                   {"cls1", {1, 20, 40, 40}},
                                   {"reg1", {1, 4, 40, 40}, {"Relu"}},
                                   {"centerness1", {1, 1, 40, 40}}});
  EXPECT_EQ(fcos.detection.levels[1], (HeadOutputs{"reg1", "cls1", "centerness1", ""}));
  EXPECT_EQ(fcos.detection.layout, OutputLayout::kPlanes);
  EXPECT_EQ(fcos.labels, "voc");
  const Descriptor nanodet = Drafted({{"cls_pred_stride_8", {1, 1600, 80}, {"Sigmoid"}},
                                      {"dis_pred_stride_8", {1, 1600, 32}},
                                      {"cls_pred_stride_16", {1, 400, 80}, {"Sigmoid"}},
                                      {"dis_pred_stride_16", {1, 400, 32}}},
                                     320, 320);
  EXPECT_EQ(nanodet.detection.box_bins, 8);
  EXPECT_EQ(nanodet.detection.levels[0],
            (HeadOutputs{"dis_pred_stride_8", "cls_pred_stride_8", "", ""}));
  const Descriptor retinanet = Drafted({{"s8", {1, 720, 80, 80}},
                                        {"b8", {1, 36, 80, 80}},
                                        {"s16", {1, 720, 40, 40}},
                                        {"b16", {1, 36, 40, 40}}});
  EXPECT_EQ(retinanet.detection.box_coding, BoxCoding::kCenterSize);
  EXPECT_THAT(retinanet.detection.anchors.sizes[0], SizeIs(3));
}

TEST(DraftHeadsTest, FacesInOneList) {
  const Descriptor face =
      Drafted({{"loc", {16800, 4}}, {"conf", {16800, 2}, {"Softmax"}}, {"landms", {16800, 10}}});
  EXPECT_EQ(face.detection.box_coding, BoxCoding::kCenterSize);
  EXPECT_EQ(face.detection.background, Background::kFirst);
  EXPECT_EQ(face.detection.landmarks, "landms");
  EXPECT_EQ(face.detection.anchors.sizes[2], (std::vector<double>{256, 512}));
  EXPECT_EQ(face.labels, "face");
  const Descriptor blaze =
      Drafted({{"regressors", {1, 896, 16}}, {"classificators", {1, 896, 1}}}, 128, 128);
  EXPECT_EQ(blaze.detection.box_coding, BoxCoding::kCenterLinear);
  EXPECT_EQ(blaze.detection.landmark_columns, (Columns{4, 16}));
  EXPECT_EQ(blaze.activation, ScoreActivation::kSigmoid);
  const Descriptor plus = Drafted({{"output", {1, 3598, 112}, {"Sigmoid"}}}, 416, 416);
  EXPECT_EQ(plus.detection.score_columns, (Columns{0, 80}));
  EXPECT_EQ(plus.detection.box_columns, (Columns{80, 112}));
}

// Whatever their number: a hundred are also the positions of a map of 320 x 320.
TEST(DraftHeadsTest, QueriesOfATransformer) {
  for (const int side : {320, 800}) {
    const Descriptor draft =
        Drafted({{"logits", {1, 100, 92}}, {"pred_boxes", {1, 100, 4}, {"Sigmoid"}}}, side, side);
    EXPECT_EQ(draft.detection.box_coding, BoxCoding::kCenters);
    EXPECT_EQ(draft.detection.unit, BoxUnit::kPicture);
    EXPECT_EQ(draft.detection.background, Background::kLast);
    EXPECT_EQ(draft.activation, ScoreActivation::kSoftmax);
  }
}

TEST(DraftHeadsTest, FinishedRows) {
  const Descriptor rows = Drafted({{"output0", {1, 300, 6}, {"TopK"}}});
  EXPECT_EQ(rows.detection.nms, NmsKind::kNone);
  EXPECT_EQ(rows.detection.class_columns, (Columns{5, 6}));
  EXPECT_EQ(Drafted({{"output", {1, 8400, 6}, {"Sigmoid"}}}).detection.nms, NmsKind::kPerClass);
  const Descriptor scored =
      Drafted({{"dets", {1, 100, 5}}, {"labels", {1, 100}, {}, DataType::kInt64}});
  EXPECT_EQ(scored.detection.classes, "labels");
  const Descriptor apart = Drafted(
      {{"bboxes", {1, -1, 4}}, {"labels", {1, -1}, {}, DataType::kInt64}, {"scores", {1, -1}}});
  EXPECT_EQ(apart.detection.boxes, "bboxes");
  EXPECT_EQ(apart.detection.classes, "labels");
}

TEST(DraftHeadsTest, WhatIsNotKnownIsNoClassifier) {
  const auto message = [](const std::vector<Output>& outputs) -> std::string {
    try {
      DraftDescriptor(Network(outputs), "net");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message({{"mask", {1, 21, 640, 640}}}),
              AllOf(HasSubstr("'mask' float32 1x21x640x640"), HasSubstr("no form of detector")));
  EXPECT_THAT(message({{"hm", {1, 80, 160, 160}}, {"wh", {1, 2, 160, 160}}}), HasSubstr("'hm'"));
  EXPECT_THAT(message({{"prob", {1, 2}}, {"box", {1, 4}}}), HasSubstr("looks like a box"));
  EXPECT_THAT(message({{"features", {1, 256, 80, 80}}, {"more", {1, 256, 40, 40}}}),
              HasSubstr("'features'"));
  EXPECT_THAT(message({{"best", {1, 1000}, {}, DataType::kInt64}}), HasSubstr("int64"));
  EXPECT_EQ(message({{"scores", {1, 1000}}}), "");
  EXPECT_EQ(message({{"scores", {1, 1000, 1, 1}}}), "");
}

TEST(FitHeadsTest, OutputsOfOtherNamesAreTakenWithANote) {
  Descriptor fitted =
      FitDescriptor(FindDescriptor("yolov8"), Network({{"out", {1, 84, 8400}, {"Sigmoid"}}}));
  EXPECT_EQ(fitted.detection.boxes, "out");
  EXPECT_EQ(fitted.detection.scores, "out");
  EXPECT_THAT(fitted.notes, Contains(HasSubstr("found by their shapes")));
  fitted = FitDescriptor(FindDescriptor("retinaface"),
                         Network({{"1", {16800, 4}}, {"2", {16800, 2}}, {"3", {16800, 10}}}));
  EXPECT_EQ(fitted.detection.landmarks, "3");
  EXPECT_EQ(fitted.activation, ScoreActivation::kSoftmax);
  EXPECT_THROW(FitDescriptor(FindDescriptor("scrfd"), Network({{"out", {1, 84, 8400}}})), Error);
}

TEST(FitHeadsTest, YoloxIsDecodedOnce) {
  const Descriptor descriptor = FindDescriptor("yolox");
  const Descriptor raw =
      FitDescriptor(descriptor, Network({{"output", {1, 8400, 85}, {"Sigmoid"}}}));
  EXPECT_EQ(raw.detection.box_coding, BoxCoding::kCenterSize);
  const Descriptor decoded =
      FitDescriptor(descriptor, Network({{"output", {1, 8400, 85}, {"Exp"}}}));
  EXPECT_EQ(decoded.detection.box_coding, BoxCoding::kCenters);
}

}  // namespace
}  // namespace kinglet::draft_heads_test
