// Heads of detectors in every form: what is gathered from them is what plain boxes and scores give.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "kinglet/detect.h"
#include "kinglet/error.h"
#include "tests/support/graph_builder.h"

namespace kinglet::heads_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kWidth = 32;
constexpr int kHeight = 16;
constexpr std::int64_t kClasses = 3;

// A matrix of numbers of anchors.
struct Rows {
  std::int64_t anchors = 0, columns = 0;
  std::vector<float> values;

  float& at(std::int64_t a, std::int64_t c) {
    return values[static_cast<std::size_t>(a * columns + c)];
  }
  float at(std::int64_t a, std::int64_t c) const {
    return values[static_cast<std::size_t>(a * columns + c)];
  }
};

Rows Random(std::int64_t anchors, std::int64_t columns, std::uint32_t seed, float low, float high) {
  const Tensor tensor = testing::RandomTensor({anchors, columns}, seed);
  Rows rows{anchors, columns, {}};
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    rows.values.push_back(low + (high - low) * 0.5f * (tensor.data<float>()[i] + 1));
  }
  return rows;
}

Rows Beside(const std::vector<Rows>& parts) {
  Rows all{parts.front().anchors, 0, {}};
  for (const Rows& part : parts) all.columns += part.columns;
  for (std::int64_t a = 0; a < all.anchors; ++a) {
    for (const Rows& part : parts) {
      for (std::int64_t c = 0; c < part.columns; ++c) all.values.push_back(part.at(a, c));
    }
  }
  return all;
}

Rows Part(const Rows& rows, std::int64_t first, std::int64_t count) {
  Rows part{count, rows.columns, {}};
  for (std::int64_t a = first; a < first + count; ++a) {
    for (std::int64_t c = 0; c < rows.columns; ++c) part.values.push_back(rows.at(a, c));
  }
  return part;
}

Tensor AsRows(const Rows& rows, bool batch = true) {
  Shape shape = {rows.anchors, rows.columns};
  if (batch) shape.insert(shape.begin(), 1);
  return Tensor::From<float>(shape, rows.values);
}

Tensor AsPlanes(const Rows& rows) {
  std::vector<float> values;
  for (std::int64_t c = 0; c < rows.columns; ++c) {
    for (std::int64_t a = 0; a < rows.anchors; ++a) values.push_back(rows.at(a, c));
  }
  return Tensor::From<float>({1, rows.columns, rows.anchors}, values);
}

// {1, boxes * columns, height, width}: anchors go through the boxes of a position first.
Tensor AsMap(const Rows& rows, std::int64_t boxes, std::int64_t height, std::int64_t width) {
  std::vector<float> values;
  for (std::int64_t b = 0; b < boxes; ++b) {
    for (std::int64_t c = 0; c < rows.columns; ++c) {
      for (std::int64_t p = 0; p < height * width; ++p) values.push_back(rows.at(p * boxes + b, c));
    }
  }
  return Tensor::From<float>({1, boxes * rows.columns, height, width}, values);
}

Descriptor Base() {
  Descriptor descriptor;
  descriptor.task = Task::kDetect;
  descriptor.preprocess.width = kWidth;
  descriptor.preprocess.height = kHeight;
  descriptor.activation = ScoreActivation::kNone;
  DetectionSpec& spec = descriptor.detection;
  spec.boxes = "boxes";
  spec.scores = "scores";
  spec.unit = BoxUnit::kPixels;
  spec.score_threshold = 0.4f;
  spec.iou_threshold = 0.6f;
  spec.max_detections = 1000;
  return descriptor;
}

std::vector<Detection> Decode(const Descriptor& descriptor, const Tensors& outputs) {
  const PictureSize size = {kWidth, kHeight};
  return DetectionDecoder(descriptor).Decode(outputs, {&size, 1}).at(0);
}

// What the definition gives: corners and scores of all anchors by plain outputs.
std::vector<Detection> Plain(const Rows& corners, const Rows& scores) {
  return Decode(Base(), {{"boxes", AsRows(corners)}, {"scores", AsRows(scores)}});
}

void ExpectSame(const std::vector<Detection>& found, const std::vector<Detection>& wanted,
                const Rows* points = nullptr) {
  ASSERT_EQ(found.size(), wanted.size());
  ASSERT_FALSE(found.empty());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].index, wanted[i].index) << i;
    EXPECT_NEAR(found[i].score, wanted[i].score, 1e-5f) << i;
    EXPECT_NEAR(found[i].x1, wanted[i].x1, 2e-3f) << i;
    EXPECT_NEAR(found[i].y1, wanted[i].y1, 2e-3f) << i;
    EXPECT_NEAR(found[i].x2, wanted[i].x2, 2e-3f) << i;
    EXPECT_NEAR(found[i].y2, wanted[i].y2, 2e-3f) << i;
    EXPECT_EQ(found[i].landmarks.empty(), points == nullptr) << i;
  }
}

Rows CornersOf(const Rows& centers) {
  Rows corners = centers;
  for (std::int64_t a = 0; a < centers.anchors; ++a) {
    for (int k = 0; k < 2; ++k) {
      corners.at(a, k) = centers.at(a, k) - centers.at(a, k + 2) / 2;
      corners.at(a, k + 2) = centers.at(a, k) + centers.at(a, k + 2) / 2;
    }
  }
  return corners;
}

Rows RandomCenters(std::int64_t anchors, std::uint32_t seed) {
  Rows rows = Random(anchors, 4, seed, 4, 12);
  for (std::int64_t a = 0; a < anchors; ++a) rows.at(a, 0) *= 2;
  return rows;
}

float Sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

Rows Mapped(Rows rows, const std::function<float(float)>& f) {
  for (float& value : rows.values) value = f(value);
  return rows;
}

// Scores times objectness.
Rows Joined(Rows scores, const Rows& objectness, bool mean) {
  for (std::int64_t a = 0; a < scores.anchors; ++a) {
    for (std::int64_t c = 0; c < scores.columns; ++c) {
      const float product = scores.at(a, c) * objectness.at(a, 0);
      scores.at(a, c) = mean ? std::sqrt(product) : product;
    }
  }
  return scores;
}

AnchorSpec Grid(std::vector<double> strides, std::size_t boxes) {
  AnchorSpec anchors;
  anchors.generator = AnchorGenerator::kGrid;
  anchors.aspect_ratios = {{1}};
  for (const double stride : strides) anchors.sizes.emplace_back(boxes, stride);
  anchors.strides = std::move(strides);
  return anchors;
}

// The corner of the position of each anchor, and its stride.
struct Point {
  float x, y, stride;
};
std::vector<Point> Points(const std::vector<int>& strides, int boxes) {
  std::vector<Point> points;
  for (const int stride : strides) {
    for (int y = 0; y < kHeight / stride; ++y) {
      for (int x = 0; x < kWidth / stride; ++x) {
        for (int b = 0; b < boxes; ++b) {
          points.push_back({static_cast<float>(x * stride), static_cast<float>(y * stride),
                            static_cast<float>(stride)});
        }
      }
    }
  }
  return points;
}

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

// YOLOX: offsets from the corners of positions, in strides.
TEST(HeadsTest, CodesOfAGridAreDecoded) {
  const std::vector<Point> points = Points({4, 8}, 1);
  const auto anchors = static_cast<std::int64_t>(points.size());
  const Rows codes = Random(anchors, 4, 1, -0.5f, 1);
  const Rows scores = Random(anchors, kClasses, 2, 0, 1);
  const Rows objectness = Random(anchors, 1, 3, 0.5f, 1);
  Rows centers = codes;
  for (std::int64_t a = 0; a < anchors; ++a) {
    const auto& [x, y, stride] = points[static_cast<std::size_t>(a)];
    centers.at(a, 0) = codes.at(a, 0) * stride + x;
    centers.at(a, 1) = codes.at(a, 1) * stride + y;
    centers.at(a, 2) = std::exp(codes.at(a, 2)) * stride;
    centers.at(a, 3) = std::exp(codes.at(a, 3)) * stride;
  }
  Descriptor descriptor = Base();
  DetectionSpec& spec = descriptor.detection;
  spec.boxes = spec.scores = spec.objectness = "out";
  spec.box_columns = {0, 4};
  spec.objectness_columns = {4, 5};
  spec.score_columns = {5, 5 + kClasses};
  spec.box_coding = BoxCoding::kCenterSize;
  spec.anchors = Grid({4, 8}, 1);
  ExpectSame(Decode(descriptor, {{"out", AsRows(Beside({codes, objectness, scores}))}}),
             Plain(CornersOf(centers), Joined(scores, objectness, false)));
}

// Distances from the corners of positions, two boxes at each, in outputs of each map; without a
// batch axis, with one, and as the maps themselves. Landmarks lie relative to the positions.
TEST(HeadsTest, MapsHaveOutputsOfTheirOwn) {
  const std::vector<Point> points = Points({4, 8}, 2);
  const auto anchors = static_cast<std::int64_t>(points.size());
  const Rows codes = Random(anchors, 4, 1, 0.2f, 1.5f);
  const Rows scores = Random(anchors, 1, 2, 0, 1);
  const Rows marks = Random(anchors, 4, 3, -1, 1);
  Rows corners = codes;
  for (std::int64_t a = 0; a < anchors; ++a) {
    const auto& [x, y, stride] = points[static_cast<std::size_t>(a)];
    corners.at(a, 0) = x - codes.at(a, 0) * stride;
    corners.at(a, 1) = y - codes.at(a, 1) * stride;
    corners.at(a, 2) = x + codes.at(a, 2) * stride;
    corners.at(a, 3) = y + codes.at(a, 3) * stride;
  }
  Descriptor descriptor = Base();
  DetectionSpec& spec = descriptor.detection;
  spec.boxes = spec.scores = "";
  spec.levels = {{"b4", "s4", "", "m4"}, {"b8", "s8", "", "m8"}};
  spec.box_coding = BoxCoding::kPointOffset;
  spec.anchors = Grid({4, 8}, 2);
  const std::int64_t first = 2 * (kWidth / 4) * (kHeight / 4);
  const auto outputs = [&](const std::function<Tensor(const Rows&, std::int64_t stride)>& as) {
    Tensors all;
    for (const auto& [name, rows] :
         {std::pair<const char*, const Rows*>{"b", &codes}, {"s", &scores}, {"m", &marks}}) {
      all[std::string(name) + "4"] = as(Part(*rows, 0, first), 4);
      all[std::string(name) + "8"] = as(Part(*rows, first, anchors - first), 8);
    }
    return all;
  };
  const std::vector<Detection> wanted = Plain(corners, scores);
  const auto expect = [&](const Tensors& all) {
    const std::vector<Detection> found = Decode(descriptor, all);
    ExpectSame(found, wanted, &marks);
    for (const Detection& d : found) {
      ASSERT_THAT(d.landmarks, SizeIs(2));
      // The anchor is the one with this score.
      std::int64_t anchor = 0;
      while (anchor < anchors && scores.at(anchor, 0) != d.score) ++anchor;
      ASSERT_LT(anchor, anchors);
      const auto& [x, y, stride] = points[static_cast<std::size_t>(anchor)];
      EXPECT_NEAR(d.landmarks[0].x, x + marks.at(anchor, 0) * stride, 1e-3f);
      EXPECT_NEAR(d.landmarks[1].y, y + marks.at(anchor, 3) * stride, 1e-3f);
    }
  };
  expect(outputs([](const Rows& rows, std::int64_t) { return AsRows(rows, false); }));
  expect(outputs([](const Rows& rows, std::int64_t) { return AsRows(rows); }));
  spec.layout = OutputLayout::kPlanes;
  expect(outputs([](const Rows& rows, std::int64_t stride) {
    return AsMap(rows, 2, kHeight / stride, kWidth / stride);
  }));
  Tensors wrong = outputs([](const Rows& rows, std::int64_t stride) {
    return AsMap(rows, 2, kHeight / stride, kWidth / stride);
  });
  wrong["s8"] = wrong["s4"];
  EXPECT_THROW(Decode(descriptor, wrong), Error);
}

// The mean of bins, weighed by a softmax, is a distance in strides.
TEST(HeadsTest, DistancesAreMeansOfBins) {
  constexpr int kBins = 8;
  const std::vector<Point> points = Points({4, 8}, 1);
  const auto anchors = static_cast<std::int64_t>(points.size());
  const Rows logits = Random(anchors, 4 * kBins, 1, -4, 4);
  const Rows scores = Random(anchors, kClasses, 2, 0, 1);
  Rows corners{anchors, 4, std::vector<float>(static_cast<std::size_t>(anchors) * 4)};
  for (std::int64_t a = 0; a < anchors; ++a) {
    const auto& [x, y, stride] = points[static_cast<std::size_t>(a)];
    for (int k = 0; k < 4; ++k) {
      double sum = 0, mean = 0;
      for (int i = 0; i < kBins; ++i) {
        const double weight = std::exp(static_cast<double>(logits.at(a, k * kBins + i)));
        sum += weight;
        mean += weight * i;
      }
      const float reach = static_cast<float>(mean / sum) * stride;
      const float from = (k % 2 == 0 ? x : y) + stride / 2;
      corners.at(a, k) = k < 2 ? from - reach : from + reach;
    }
  }
  Descriptor descriptor = Base();
  DetectionSpec& spec = descriptor.detection;
  spec.boxes = spec.scores = "out";
  spec.score_columns = {0, kClasses};
  spec.box_columns = {kClasses, kClasses + 4 * kBins};
  spec.box_bins = kBins;
  spec.box_coding = BoxCoding::kPointOffset;
  spec.anchors.generator = AnchorGenerator::kSquares;
  spec.anchors.center_by_stride = true;
  spec.anchors.strides = {4, 8};
  spec.anchors.sizes = {{4}, {8}};
  ExpectSame(Decode(descriptor, {{"out", AsRows(Beside({scores, logits}))}}),
             Plain(corners, scores));
}

// Three boxes at each position, all numbers of a map in one output: as channels, and {1, P, H, W,
// K}.
TEST(HeadsTest, YoloMapsAreDecoded) {
  const std::vector<std::vector<double>> widths = {{3, 6, 9}, {7, 12, 16}};
  const std::vector<std::vector<double>> heights = {{4, 5, 8}, {6, 14, 10}};
  const std::vector<Point> points = Points({4, 8}, 3);
  const auto anchors = static_cast<std::int64_t>(points.size());
  const std::int64_t first = 3 * (kWidth / 4) * (kHeight / 4);
  const Rows codes = Random(anchors, 4, 1, -1, 1);
  const Rows logits = Random(anchors, 1 + kClasses, 2, -1, 4);
  for (const BoxCoding coding : {BoxCoding::kYoloV5, BoxCoding::kYoloV3}) {
    const bool v5 = coding == BoxCoding::kYoloV5;
    Rows centers = codes;
    Rows scores{anchors, kClasses, {}};
    for (std::int64_t a = 0; a < anchors; ++a) {
      const auto& [x, y, stride] = points[static_cast<std::size_t>(a)];
      const std::size_t map = a < first ? 0 : 1;
      const auto box = static_cast<std::size_t>(a % 3);
      const auto place = [&](float t) { return v5 ? 2 * Sigmoid(t) - 0.5f : Sigmoid(t); };
      const auto size = [&](float t, double of) {
        return static_cast<float>(of) * (v5 ? 4 * Sigmoid(t) * Sigmoid(t) : std::exp(t));
      };
      centers.at(a, 0) = place(codes.at(a, 0)) * stride + x;
      centers.at(a, 1) = place(codes.at(a, 1)) * stride + y;
      centers.at(a, 2) = size(codes.at(a, 2), widths[map][box]);
      centers.at(a, 3) = size(codes.at(a, 3), heights[map][box]);
      for (std::int64_t c = 0; c < kClasses; ++c) {
        scores.values.push_back(Sigmoid(logits.at(a, 0)) * Sigmoid(logits.at(a, 1 + c)));
      }
    }
    Descriptor descriptor = Base();
    DetectionSpec& spec = descriptor.detection;
    spec.boxes = spec.scores = "";
    spec.levels = {{"o4", "o4", "o4", ""}, {"o8", "o8", "o8", ""}};
    spec.layout = OutputLayout::kPlanes;
    spec.box_columns = {0, 4};
    spec.objectness_columns = {4, 5};
    spec.score_columns = {5, Columns::kOpen};
    spec.box_coding = coding;
    spec.anchors.generator = AnchorGenerator::kGrid;
    spec.anchors.strides = {4, 8};
    spec.anchors.widths = widths;
    spec.anchors.heights = heights;
    descriptor.activation = ScoreActivation::kSigmoid;
    const Rows all = Beside({codes, logits});
    const Rows fine = Part(all, 0, first), coarse = Part(all, first, anchors - first);
    const std::vector<Detection> wanted = Plain(CornersOf(centers), scores);
    ExpectSame(Decode(descriptor, {{"o4", AsMap(fine, 3, kHeight / 4, kWidth / 4)},
                                   {"o8", AsMap(coarse, 3, kHeight / 8, kWidth / 8)}}),
               wanted);
    const auto five = [](const Rows& rows, std::int64_t stride) {
      const std::int64_t height = kHeight / stride, width = kWidth / stride;
      std::vector<float> values;
      for (std::int64_t b = 0; b < 3; ++b) {
        for (std::int64_t p = 0; p < height * width; ++p) {
          for (std::int64_t c = 0; c < rows.columns; ++c) values.push_back(rows.at(p * 3 + b, c));
        }
      }
      return Tensor::From<float>({1, 3, height, width, rows.columns}, values);
    };
    spec.layout = OutputLayout::kRows;
    ExpectSame(Decode(descriptor, {{"o4", five(fine, 4)}, {"o8", five(coarse, 8)}}), wanted);
    spec.anchors.heights[1].pop_back();
    EXPECT_THROW(DetectionDecoder{descriptor}, Error);
  }
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
