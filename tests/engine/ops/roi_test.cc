#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::roi_test {
namespace {

const Tensor kMap = testing::Iota(DataType::kFloat32, {1, 2, 4, 4});

// On a map that is linear in both coordinates, the mean of a bin is the value at its centre.
TEST(RoiAlign, VersionsAndModes) {
  const auto run = [](int opset, AttributeList attributes) {
    return ValuesOf<float>(RunOp(
        "RoiAlign", {kMap, Of<float>({1, 4}, {0.5f, 0.5f, 2.5f, 2.5f}), Of<std::int64_t>({1}, {0})},
        attributes, opset));
  };
  EXPECT_EQ(run(10, {}), (Floats{7.5f, 23.5f}));
  EXPECT_EQ(run(16, {}), (Floats{5, 21}));
  EXPECT_EQ(run(16, {{"coordinate_transformation_mode", Text("output_half_pixel")}}),
            (Floats{7.5f, 23.5f}));
  EXPECT_EQ(run(16, {{"output_width", Int(2)}, {"sampling_ratio", Int(2)}}),
            (Floats{4.5f, 5.5f, 20.5f, 21.5f}));
  // The largest pixel times its weight, a quarter.
  EXPECT_EQ(run(16, {{"mode", Text("max")}}), (Floats{2.5f, 6.5f}));
  // Samples at 1, 2, 3, and 4, which is clamped to 3.
  EXPECT_EQ(run(16, {{"spatial_scale", Float(2)}}), (Floats{11.25f, 27.25f}));
}

TEST(RoiAlign, NoRegions) {
  const Tensor found =
      RunOp("RoiAlign", {kMap, Tensor(DataType::kFloat32, {0, 4}), Tensor(DataType::kInt64, {0})},
            {{"output_height", Int(3)}});
  EXPECT_EQ(found.shape(), (Shape{0, 2, 3, 1}));
}

TEST(RoiAlign, WrongInputs) {
  const Tensor region = Of<float>({1, 4}, {0, 0, 2, 2});
  const auto run = [&](std::int64_t image, AttributeList attributes = {}) {
    RunOp("RoiAlign", {kMap, region, Of<std::int64_t>({1}, {image})}, attributes);
  };
  ExpectError(ErrorCode::kInvalidInput, [&] { run(1); });
  ExpectError(ErrorCode::kInvalidInput, [&] { run(-1); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(0, {{"mode", Text("sum")}}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(0, {{"output_height", Int(0)}}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(0, {{"sampling_ratio", Int(-1)}}); });
  ExpectError(ErrorCode::kUnsupported, [&] { run(0, {{"sampling_ratio", Int(1 << 30)}}); });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("RoiAlign", {kMap, region, Of<std::int64_t>({2}, {0, 0})});
  });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("RoiAlign",
          {Tensor(DataType::kFloat32, {1, 2, 0, 4}), region, Of<std::int64_t>({1}, {0})});
  });
}

TEST(MaxRoiPool, Bins) {
  const auto run = [](Floats region, std::int64_t h, std::int64_t w, float scale = 1) {
    return ValuesOf<float>(
        RunOp("MaxRoiPool", {kMap, Of<float>({1, 5}, region)},
              {{"pooled_shape", Attribute(Ints{h, w})}, {"spatial_scale", Float(scale)}}));
  };
  EXPECT_EQ(run({0, 0, 0, 3, 3}, 2, 2), (Floats{5, 7, 13, 15, 21, 23, 29, 31}));
  EXPECT_EQ(run({0, 2, 2, 2, 4}, 1, 1, 0.5f), (Floats{9, 25}));
  // Bins overlap where they cut pixels; what lies outside is empty.
  EXPECT_EQ(run({0, 0, 0, 2, 0}, 1, 2), (Floats{1, 2, 17, 18}));
  EXPECT_EQ(run({0, 9, 9, 12, 12}, 1, 1), (Floats{0, 0}));
  EXPECT_EQ(run({0, -1e30f, -1e30f, 1e30f, 1e30f}, 1, 1), (Floats{15, 31}));
  EXPECT_EQ(run({0, std::nanf(""), 0, 1, 1}, 1, 1).size(), 2u);
}

TEST(MaxRoiPool, WrongInputs) {
  const auto run = [](float image, Ints pooled) {
    RunOp("MaxRoiPool", {kMap, Of<float>({1, 5}, {image, 0, 0, 1, 1})},
          {{"pooled_shape", Attribute(pooled)}});
  };
  ExpectError(ErrorCode::kInvalidInput, [&] { run(1, {1, 1}); });
  ExpectError(ErrorCode::kInvalidInput, [&] { run(-1, {1, 1}); });
  ExpectError(ErrorCode::kInvalidInput, [&] { run(std::nanf(""), {1, 1}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(0, {1}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(0, {0, 1}); });
}

}  // namespace
}  // namespace kinglet::test::roi_test
