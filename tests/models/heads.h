// Outputs of detectors' heads, and the plain boxes and scores that they have to give.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "kinglet/detect.h"
#include "tests/support/graph_builder.h"

namespace kinglet::heads {

inline constexpr int kWidth = 32;
inline constexpr int kHeight = 16;
inline constexpr std::int64_t kClasses = 3;

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

inline Rows Random(std::int64_t anchors, std::int64_t columns, std::uint32_t seed, float low,
                   float high) {
  const Tensor tensor = testing::RandomTensor({anchors, columns}, seed);
  Rows rows{anchors, columns, {}};
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    rows.values.push_back(low + (high - low) * 0.5f * (tensor.data<float>()[i] + 1));
  }
  return rows;
}

inline Rows Beside(const std::vector<Rows>& parts) {
  Rows all{parts.front().anchors, 0, {}};
  for (const Rows& part : parts) all.columns += part.columns;
  for (std::int64_t a = 0; a < all.anchors; ++a) {
    for (const Rows& part : parts) {
      for (std::int64_t c = 0; c < part.columns; ++c) all.values.push_back(part.at(a, c));
    }
  }
  return all;
}

inline Rows Part(const Rows& rows, std::int64_t first, std::int64_t count) {
  Rows part{count, rows.columns, {}};
  for (std::int64_t a = first; a < first + count; ++a) {
    for (std::int64_t c = 0; c < rows.columns; ++c) part.values.push_back(rows.at(a, c));
  }
  return part;
}

inline Tensor AsRows(const Rows& rows, bool batch = true) {
  Shape shape = {rows.anchors, rows.columns};
  if (batch) shape.insert(shape.begin(), 1);
  return Tensor::From<float>(shape, rows.values);
}

inline Tensor AsPlanes(const Rows& rows) {
  std::vector<float> values;
  for (std::int64_t c = 0; c < rows.columns; ++c) {
    for (std::int64_t a = 0; a < rows.anchors; ++a) values.push_back(rows.at(a, c));
  }
  return Tensor::From<float>({1, rows.columns, rows.anchors}, values);
}

// {1, boxes * columns, height, width}: anchors go through the boxes of a position first.
inline Tensor AsMap(const Rows& rows, std::int64_t boxes, std::int64_t height, std::int64_t width) {
  std::vector<float> values;
  for (std::int64_t b = 0; b < boxes; ++b) {
    for (std::int64_t c = 0; c < rows.columns; ++c) {
      for (std::int64_t p = 0; p < height * width; ++p) values.push_back(rows.at(p * boxes + b, c));
    }
  }
  return Tensor::From<float>({1, boxes * rows.columns, height, width}, values);
}

inline Descriptor Base() {
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

inline std::vector<Detection> Decode(const Descriptor& descriptor, const Tensors& outputs) {
  const PictureSize size = {kWidth, kHeight};
  return DetectionDecoder(descriptor).Decode(outputs, {&size, 1}).at(0);
}

// What the definition gives: corners and scores of all anchors by plain outputs.
inline std::vector<Detection> Plain(const Rows& corners, const Rows& scores) {
  return Decode(Base(), {{"boxes", AsRows(corners)}, {"scores", AsRows(scores)}});
}

inline void ExpectSame(const std::vector<Detection>& found, const std::vector<Detection>& wanted,
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

inline Rows CornersOf(const Rows& centers) {
  Rows corners = centers;
  for (std::int64_t a = 0; a < centers.anchors; ++a) {
    for (int k = 0; k < 2; ++k) {
      corners.at(a, k) = centers.at(a, k) - centers.at(a, k + 2) / 2;
      corners.at(a, k + 2) = centers.at(a, k) + centers.at(a, k + 2) / 2;
    }
  }
  return corners;
}

inline Rows RandomCenters(std::int64_t anchors, std::uint32_t seed) {
  Rows rows = Random(anchors, 4, seed, 4, 12);
  for (std::int64_t a = 0; a < anchors; ++a) rows.at(a, 0) *= 2;
  return rows;
}

inline float Sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

inline Rows Mapped(Rows rows, const std::function<float(float)>& f) {
  for (float& value : rows.values) value = f(value);
  return rows;
}

// Scores times objectness.
inline Rows Joined(Rows scores, const Rows& objectness, bool mean) {
  for (std::int64_t a = 0; a < scores.anchors; ++a) {
    for (std::int64_t c = 0; c < scores.columns; ++c) {
      const float product = scores.at(a, c) * objectness.at(a, 0);
      scores.at(a, c) = mean ? std::sqrt(product) : product;
    }
  }
  return scores;
}

inline AnchorSpec Grid(std::vector<double> strides, std::size_t boxes) {
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
inline std::vector<Point> Points(const std::vector<int>& strides, int boxes) {
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

}  // namespace kinglet::heads
