// Linear resizing of codes: what it means, and the same codes in blocks and plain.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/graph/fusion.h"
#include "tests/support/quantized_op.h"

namespace kinglet::qlinear_resize_test {
namespace {

using testing::RandomBytes;
using testing::Single;

Node ResizeNode(Attributes attributes, std::int64_t opset = 13) {
  attributes.Set("mode", std::string("linear"));
  attributes.Set("opset", opset);
  Node node = testing::MakeNode("QLinearResize", 8, std::move(attributes), kKingletOpset, 1,
                                std::string(kKingletDomain));
  node.inputs[1] = node.inputs[3] = kNoValue;
  return node;
}

Tensor Scales(float rows, float columns) { return Tensor::From<float>({4}, {1, 1, rows, columns}); }

template <typename T>
std::vector<Tensor> Inputs(const Tensor& x, const Tensor& scales, T x_zero, T z_zero) {
  return {
      x, Tensor(), scales, Tensor(), Single(0.03f), Single(x_zero), Single(0.04f), Single(z_zero)};
}

Tensor RunResize(const Node& node, const std::vector<Tensor>& inputs) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(input.defined() ? &input : nullptr);
  return EvaluateNode(node, pointers)[0];
}

// Resize of the values, quantised.
template <typename T>
void ExpectDefinition(T x_zero, T z_zero) {
  for (const auto& [rows, columns] :
       std::vector<std::pair<float, float>>{{2, 2}, {1, 3.5f}, {0.5f, 1}, {1.7f, 0.3f}}) {
    for (const char* mode : {"half_pixel", "align_corners", "asymmetric"}) {
      Attributes attributes;
      attributes.Set("coordinate_transformation_mode", std::string(mode));
      const Tensor x = RandomBytes<T>({2, 3, 7, 9}, 1);
      const Tensor found =
          RunResize(ResizeNode(attributes), Inputs(x, Scales(rows, columns), x_zero, z_zero));
      attributes.Set("mode", std::string("linear"));
      Tensor values(DataType::kFloat64, x.shape());
      for (std::int64_t i = 0; i < x.size(); ++i) {
        values.data<double>()[i] = (x.data<T>()[i] - x_zero) * static_cast<double>(0.03f);
      }
      const Tensor exact = testing::RunNode("", "Resize", {values, Tensor(), Scales(rows, columns)},
                                            attributes, 13)[0];
      ASSERT_EQ(found.shape(), exact.shape());
      for (std::int64_t i = 0; i < exact.size(); ++i) {
        const double steps = exact.data<double>()[i] / static_cast<double>(0.04f) + z_zero;
        ASSERT_LE(std::abs(found.data<T>()[i] - testing::NearestOf<T>(steps)), 1) << mode;
        // Weights are parts of 2^14: no further than that from the middle between two codes.
        const bool inside =
            steps > testing::NearestOf<T>(-1e9) && steps < testing::NearestOf<T>(1e9);
        if (inside) {
          ASSERT_LE(std::abs(found.data<T>()[i] - steps), 0.55) << mode;
        }
      }
    }
  }
}

TEST(QLinearResize, IsResizeOfTheValues) {
  ExpectDefinition<std::uint8_t>(120, 77);
  ExpectDefinition<std::int8_t>(-8, 51);
}

TEST(QLinearResize, BlocksHoldTheSameCodes) {
  for (const std::int64_t channels : {1, 63, 64, 65, 130}) {
    for (const float scale : {2.0f, 0.6f}) {
      testing::ExpectBlockedEqualsPlain(
          ResizeNode({}), Inputs<std::uint8_t>(RandomBytes<std::uint8_t>({2, channels, 5, 6}, 1),
                                               Scales(scale, 1.5f), 120, 77));
    }
  }
}

TEST(QLinearResize, EmptyAndWrong) {
  const Tensor x = RandomBytes<std::uint8_t>({1, 2, 4, 4}, 1);
  const auto inputs = [&](const Tensor& scales) { return Inputs<std::uint8_t>(x, scales, 0, 0); };
  EXPECT_EQ(RunResize(ResizeNode({}), inputs(Scales(0.1f, 1))).size(), 0);
  const auto code = [&](const Node& node, const std::vector<Tensor>& in) {
    return testing::Catch([&] { RunResize(node, in); }).code;
  };
  EXPECT_EQ(code(ResizeNode({}), inputs(Tensor::From<float>({4}, {1, 2, 1, 1}))),
            ErrorCode::kInvalidModel);
  Attributes excluding;
  excluding.Set("exclude_outside", std::int64_t{1});
  EXPECT_EQ(code(ResizeNode(excluding), inputs(Scales(2, 2))), ErrorCode::kInvalidModel);
  auto wrong = inputs(Scales(2, 2));
  wrong[5] = Single<std::int8_t>(0);
  EXPECT_EQ(code(ResizeNode({}), wrong), ErrorCode::kInvalidModel);
}

}  // namespace
}  // namespace kinglet::qlinear_resize_test
