#include <cmath>

#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test {
namespace {

// The padded sequence: what was remembered, then the input.
double At(const Tensor& x, const Tensor& past, std::int64_t plane, std::int64_t t,
          std::int64_t kernel) {
  if (t >= 0) return static_cast<double>(x.data<float>()[plane * x.shape()[2] + t]);
  if (!past.defined()) return 0;
  return static_cast<double>(past.data<float>()[plane * (kernel - 1) + t + kernel - 1]);
}

void ExpectAsDefined(std::int64_t length, std::int64_t kernel, bool with_bias, bool with_past,
                     const char* activation) {
  const Tensor x = Random({2, 3, length}, 1), w = Random({3, 1, kernel}, 2);
  const Tensor bias = with_bias ? Random({3}, 3) : Tensor();
  const Tensor past = with_past ? Random({2, 3, kernel - 1}, 4) : Tensor();
  Node node = MakeNode("CausalConvWithState", 4, {{"activation", Text(activation)}}, 27, 2);
  if (!with_bias) node.inputs[2] = kNoValue;
  if (!with_past) node.inputs[3] = kNoValue;
  const Tensor* const inputs[] = {&x, &w, with_bias ? &bias : nullptr, with_past ? &past : nullptr};
  const auto outputs = EvaluateNode(node, inputs);
  ASSERT_EQ(outputs[0].shape(), x.shape());
  ASSERT_EQ(outputs[1].shape(), (Shape{2, 3, kernel - 1}));
  for (std::int64_t i = 0; i < outputs[0].size(); ++i) {
    const std::int64_t plane = i / length, t = i % length, channel = plane % 3;
    double sum = with_bias ? static_cast<double>(bias.data<float>()[channel]) : 0;
    for (std::int64_t k = 0; k < kernel; ++k) {
      sum += static_cast<double>(w.data<float>()[channel * kernel + k]) *
             At(x, past, plane, t + k + 1 - kernel, kernel);
    }
    if (std::string(activation) != "none") sum /= 1 + std::exp(-sum);
    EXPECT_NEAR(outputs[0].data<float>()[i], sum, 1e-5);
  }
  for (std::int64_t i = 0; i < outputs[1].size(); ++i) {
    const std::int64_t plane = i / (kernel - 1), k = i % (kernel - 1);
    EXPECT_EQ(static_cast<double>(outputs[1].data<float>()[i]),
              At(x, past, plane, length + k + 1 - kernel, kernel));
  }
}

TEST(CausalConvWithState, AsDefined) {
  for (const std::int64_t length : {1, 2, 9}) {
    for (const std::int64_t kernel : {1, 2, 4}) {
      for (const bool bias : {false, true}) {
        for (const bool past : {false, true}) {
          for (const char* activation : {"none", "silu", "swish"}) {
            ExpectAsDefined(length, kernel, bias, past, activation);
          }
        }
      }
    }
  }
}

TEST(CausalConvWithState, OneOutputDoublesEmptyAndWrong) {
  EXPECT_EQ(ValuesOf<double>(
                RunOp("CausalConvWithState",
                      {Of<double>({1, 1, 3}, {1, 2, 3}), Of<double>({1, 1, 2}, {10, 1})}, {}, 27)),
            (std::vector<double>{1, 12, 23}));
  const Tensor w = Random({3, 1, 2}, 1);
  EXPECT_EQ(RunOp("CausalConvWithState", {Random({0, 3, 4}, 1), w}, {}, 27).shape(),
            (Shape{0, 3, 4}));
  EXPECT_EQ(RunOp("CausalConvWithState", {Random({1, 3, 0}, 1), w}, {}, 27).shape(),
            (Shape{1, 3, 0}));
  const Tensor x = Random({1, 3, 4}, 1);
  const auto wrong = [](const std::vector<Tensor>& inputs, AttributeList list = {}) {
    ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("CausalConvWithState", inputs, list, 27); });
  };
  wrong({Random({3, 4}, 1), w});
  wrong({x, Random({3, 2}, 1)});
  wrong({x, Random({3, 2, 2}, 1)});
  wrong({x, Random({3, 1, 0}, 1)});
  wrong({x, w, Random({2}, 1)});
  wrong({x, w, Random({3}, 1), Random({1, 3, 2}, 1)});
  wrong({x, w}, {{"activation", Text("relu")}});
}

}  // namespace
}  // namespace kinglet::test
