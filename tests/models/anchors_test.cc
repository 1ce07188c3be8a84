#include "models/anchors/anchors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "kinglet/descriptor.h"
#include "kinglet/error.h"
#include "tests/vision/npy.h"
#include "tests/vision/shared_data.h"

namespace kinglet::anchors_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Pointwise;

// (x1, y1, x2, y2) of all boxes.
std::vector<float> Corners(const std::vector<AnchorBox>& anchors) {
  std::vector<float> corners;
  for (const AnchorBox& a : anchors) {
    corners.insert(corners.end(), {a.cx - a.w / 2, a.cy - a.h / 2, a.cx + a.w / 2, a.cy + a.h / 2});
  }
  return corners;
}

void ExpectBox(const AnchorBox& box, double cy, double cx, double h, double w) {
  EXPECT_NEAR(box.cy, cy, 1e-6);
  EXPECT_NEAR(box.cx, cx, 1e-6);
  EXPECT_NEAR(box.h, h, 1e-6);
  EXPECT_NEAR(box.w, w, 1e-6);
}

TEST(AnchorsTest, SsdHasTheScalesOfTensorFlow) {
  AnchorSpec spec;
  spec.generator = AnchorGenerator::kSsd;
  spec.maps = {{2, 2}, {1, 1}};
  spec.aspect_ratios = {{1, 4}};
  const auto anchors = MakeAnchors(spec, 300, 300, BoxUnit::kPicture);
  ASSERT_EQ(anchors.size(), 4u * 3 + 3);
  ExpectBox(anchors[0], 0.25, 0.25, 0.1, 0.1);
  ExpectBox(anchors[4], 0.25, 0.75, 0.2 / std::sqrt(2.0), 0.2 * std::sqrt(2.0));
  ExpectBox(anchors[8], 0.75, 0.25, 0.2 * std::sqrt(2.0), 0.2 / std::sqrt(2.0));
  ExpectBox(anchors[12], 0.5, 0.5, 0.95, 0.95);
  ExpectBox(anchors[13], 0.5, 0.5, 0.475, 1.9);
  ExpectBox(anchors[14], 0.5, 0.5, std::sqrt(0.95), std::sqrt(0.95));
  spec.reduce_lowest = false;
  spec.interpolated_ratio = 0;
  EXPECT_EQ(MakeAnchors(spec, 300, 300, BoxUnit::kPicture).size(), 4u * 2 + 2);
}

// The numbers of torchvision's own tests (test_models_detection_anchor_utils.py).
TEST(AnchorsTest, DefaultBoxesAreTorchvisions) {
  AnchorSpec spec;
  spec.generator = AnchorGenerator::kDefaultBoxes;
  spec.maps = {{1, 1}};
  spec.scales = {0.15, 0.9};
  spec.aspect_ratios = {{2}};
  spec.clip = true;
  EXPECT_THAT(Corners(MakeAnchors(spec, 15, 15, BoxUnit::kPixels)),
              Pointwise(::testing::FloatNear(1e-4f),
                        {6.3750f, 6.3750f, 8.6250f, 8.6250f, 4.7443f, 4.7443f, 10.2557f, 10.2557f,
                         5.9090f, 6.7045f, 9.0910f, 8.2955f, 6.7045f, 5.9090f, 8.2955f, 9.0910f}));
}

TEST(AnchorsTest, GridIsTorchvisions) {
  AnchorSpec spec;
  spec.generator = AnchorGenerator::kGrid;
  spec.maps = {{2, 2}};
  spec.sizes = {{10}};
  spec.aspect_ratios = {{1}};
  spec.round = true;
  EXPECT_THAT(Corners(MakeAnchors(spec, 15, 15, BoxUnit::kPixels)),
              Pointwise(::testing::FloatEq(), {-5.f, -5.f, 5.f, 5.f, 2.f, -5.f, 12.f, 5.f,  //
                                               -5.f, 2.f, 5.f, 12.f, 2.f, 2.f, 12.f, 12.f}));
  spec.sizes = {{32, 64}};
  spec.aspect_ratios = {{0.5, 2}};
  const auto boxes = MakeAnchors(spec, 15, 15, BoxUnit::kPicture);
  ASSERT_EQ(boxes.size(), 16u);
  ExpectBox(boxes[0], 0, 0, 22.0 / 15,
            46.0 / 15);  // 32 sqrt(0.5) / 2 = 11.3, 32 sqrt(2) / 2 = 22.6
  ExpectBox(boxes[3], 0, 0, 90.0 / 15, 46.0 / 15);
}

TEST(AnchorsTest, CentersByStrideLeaveTheMapAside) {
  AnchorSpec spec;
  spec.generator = AnchorGenerator::kDefaultBoxes;
  spec.strides = {8};
  spec.center_by_stride = true;
  const auto anchors = MakeAnchors(spec, 300, 300, BoxUnit::kPicture);
  ASSERT_EQ(anchors.size(), 38u * 38 * 2);  // 300 / 8 rounded up
  EXPECT_NEAR(anchors.back().cx, 37.5 * 8 / 300, 1e-6);
}

// torchvision's SSD300 has steps of 100 and 300 pixels for the last two maps of 300.
TEST(AnchorsTest, UnpaddedMapsShrinkByTwo) {
  AnchorSpec spec;
  spec.generator = AnchorGenerator::kDefaultBoxes;
  spec.strides = {64};
  spec.unpadded_maps = 2;
  spec.center_by_stride = true;
  using Maps = std::vector<std::array<int, 2>>;
  EXPECT_EQ(AnchorMaps(spec, 300, 300), (Maps{{5, 5}, {3, 3}, {1, 1}}));
  EXPECT_EQ(AnchorMaps(spec, 512, 128), (Maps{{2, 8}, {2, 8}, {2, 8}}));
  const auto anchors = MakeAnchors(spec, 300, 300, BoxUnit::kPicture);
  ASSERT_EQ(anchors.size(), 2u * (25 + 9 + 1));
  EXPECT_EQ(CountAnchors(spec, 300, 300), anchors.size());
  EXPECT_FLOAT_EQ(anchors[0].cx, 0.5f * 64 / 300);
  EXPECT_FLOAT_EQ(anchors[2 * 25].cx, 0.5f * 100 / 300);
  EXPECT_FLOAT_EQ(anchors[2 * 25 + 2].cx, 1.5f * 100 / 300);
  EXPECT_FLOAT_EQ(anchors.back().cy, 0.5f);
}

TEST(AnchorsTest, ListsMustFitEachOther) {
  const auto message = [](const AnchorSpec& spec) -> std::string {
    try {
      MakeAnchors(spec, 300, 300, BoxUnit::kPicture);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  AnchorSpec spec;
  spec.generator = AnchorGenerator::kSsd;
  EXPECT_THAT(message(spec), HasSubstr("anchors.strides: expected a number for each map"));
  spec.strides = {8, 16, 32};
  spec.scales = {0.1, 0.2};
  EXPECT_THAT(message(spec), HasSubstr("anchors.scales: expected 4 numbers"));
  spec.scales.clear();
  spec.aspect_ratios = {{1}, {2}};
  EXPECT_THAT(message(spec), HasSubstr("anchors.aspect_ratios"));
  spec.generator = AnchorGenerator::kGrid;
  spec.aspect_ratios = {{1}};
  EXPECT_THAT(message(spec), HasSubstr("anchors.sizes"));
  spec.generator = AnchorGenerator::kSsd;
  spec.unpadded_maps = 1;
  spec.maps = {{2, 2}};
  EXPECT_THAT(message(spec), HasSubstr("anchors.unpadded_maps"));
  spec.unpadded_maps = 0;
  spec.maps = {{8192, 8192}, {1, 1}, {1, 1}};
  EXPECT_THAT(message(spec), HasSubstr("more than 4194304 anchors"));
}

// The file's anchors were rounded to the steps of eight bits, 0.00645 apart.
TEST(AnchorsTest, SsdMobileNetAgreesWithTheModelsFile) {
  KINGLET_NEEDS_SHARED_DATA();
  std::ifstream stream(testing::SharedData() /
                       "models/ssd_mobilenet_v1_0.75_300_coco.anchors.json");
  const auto file = nlohmann::json::parse(stream).at("anchors");
  const auto anchors = MakeAnchors(FindDescriptor("ssd_mobilenet_v1").detection.anchors, 300, 300,
                                   BoxUnit::kPicture);
  ASSERT_EQ(anchors.size(), file.size());
  constexpr double kHalfStep = 0.00323;
  for (std::size_t i = 0; i < anchors.size(); ++i) {
    const AnchorBox& a = anchors[i];
    const double found[] = {a.cy, a.cx, a.h, a.w};
    for (std::size_t k = 0; k < 4; ++k) ASSERT_NEAR(found[k], file[i][k], kHalfStep) << i;
  }
}

TEST(AnchorsTest, UltraFaceAgreesWithItsPriors) {
  KINGLET_NEEDS_SHARED_DATA();
  const auto file = testing::ReadNpy(testing::SharedData() / "golden/ultraface_priors.npy");
  const auto anchors =
      MakeAnchors(FindDescriptor("ultraface").detection.anchors, 320, 240, BoxUnit::kPicture);
  ASSERT_EQ(anchors.size() * 4, file.values.size());
  for (std::size_t i = 0; i < anchors.size(); ++i) {
    const AnchorBox& a = anchors[i];
    const float found[] = {a.cx, a.cy, a.w, a.h};
    for (std::size_t k = 0; k < 4; ++k) ASSERT_NEAR(found[k], file.values[4 * i + k], 1e-6) << i;
  }
}

}  // namespace
}  // namespace kinglet::anchors_test
