#include <cmath>

#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::causal_conv_test {
namespace {

constexpr int kOpset = 27;

// By a convolution of what stands before and now: {images, channels, past + length}.
std::vector<Tensor> ByConv(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& past,
                           bool swish) {
  const Shape& s = x.shape();
  const std::int64_t before = w.shape()[2] - 1;
  const Tensor zeros(DataType::kFloat32, {s[0], s[1], before});
  const Tensor all = RunOp("Concat", {past.defined() ? past : zeros, x}, {{"axis", Int(2)}});
  std::vector<Tensor> operands{all, w};
  if (bias.defined()) operands.push_back(bias);
  Tensor y = RunOp("Conv", operands, {{"group", Int(s[1])}});
  if (swish) y = RunOp("Mul", {y, RunOp("Sigmoid", {y})});
  return {y, RunOp("Slice", {all, Of<std::int64_t>({1}, {s[2]}),
                             Of<std::int64_t>({1}, {s[2] + before}), Of<std::int64_t>({1}, {2})})};
}

TEST(CausalConvWithState, EveryForm) {
  for (const std::int64_t taps : {1, 2, 4}) {
    for (const std::int64_t length : {1, 2, 3, 9}) {
      for (int form = 0; form < 8; ++form) {
        const Tensor x = Random({2, 3, length}, 1), w = Random({3, 1, taps}, 2);
        const Tensor bias = (form & 1) != 0 ? Random({3}, 3) : Tensor();
        const Tensor past = (form & 2) != 0 ? Random({2, 3, taps - 1}, 4) : Tensor();
        const bool swish = (form & 4) != 0;
        const std::vector<Tensor> expected = ByConv(x, w, bias, past, swish);
        for (const char* name : {"silu", "swish"}) {
          const std::vector<Tensor> found =
              EvaluateOp("CausalConvWithState", {x, w, bias, past},
                         MakeAttributes({{"activation", Text(swish ? name : "none")}}), kOpset, 2);
          SCOPED_TRACE(std::to_string(taps) + " " + std::to_string(length) + " " +
                       std::to_string(form));
          ExpectNear(found[0], expected[0], 1e-5f);
          ExpectNear(found[1], expected[1], 0);
        }
      }
    }
  }
}

TEST(CausalConvWithState, Float64EmptyAndWrong) {
  const Tensor y =
      RunOp("CausalConvWithState",
            {Of<double>({1, 1, 3}, {1, 2, 4}), Of<double>({1, 1, 2}, {10, 1})}, {}, kOpset);
  EXPECT_EQ(ValuesOf<double>(y), (std::vector<double>{1, 12, 24}));
  EXPECT_EQ(
      RunOp("CausalConvWithState", {Random({2, 3, 0}, 1), Random({3, 1, 2}, 1)}, {}, kOpset).size(),
      0);
  const auto run = [](const Shape& x, const Shape& w, const Shape& bias, const Shape& past,
                      AttributeList more = {}) {
    return RunOp("CausalConvWithState",
                 {Random(x, 1), Random(w, 1), Random(bias, 1), Random(past, 1)}, more, kOpset);
  };
  EXPECT_NO_THROW(run({2, 3, 4}, {3, 1, 2}, {3}, {2, 3, 1}));
  ExpectError(ErrorCode::kInvalidModel, [&] { run({2, 3}, {3, 1, 2}, {3}, {2, 3, 1}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run({2, 3, 4}, {2, 1, 2}, {3}, {2, 3, 1}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run({2, 3, 4}, {3, 1, 0}, {3}, {2, 3, 1}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run({2, 3, 4}, {3, 1, 2}, {2}, {2, 3, 1}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run({2, 3, 4}, {3, 1, 2}, {3}, {2, 3, 2}); });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    run({2, 3, 4}, {3, 1, 2}, {3}, {2, 3, 1}, {{"activation", Text("relu")}});
  });
}

}  // namespace
}  // namespace kinglet::test::causal_conv_test
