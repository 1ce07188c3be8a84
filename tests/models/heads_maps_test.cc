// Heads of detectors that are grids and maps, decoded position by position.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "kinglet/detect.h"
#include "kinglet/error.h"
#include "tests/models/heads.h"

namespace kinglet::heads_maps_test {
namespace {

using namespace heads;  // NOLINT: the file is about them
using ::testing::SizeIs;

// YOLOX: offsets from the corners of positions, in strides.
TEST(HeadsMapsTest, CodesOfAGridAreDecoded) {
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
TEST(HeadsMapsTest, MapsHaveOutputsOfTheirOwn) {
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
TEST(HeadsMapsTest, DistancesAreMeansOfBins) {
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
TEST(HeadsMapsTest, YoloMapsAreDecoded) {
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

}  // namespace
}  // namespace kinglet::heads_maps_test
