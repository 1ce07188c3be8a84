#include "kinglet/model.h"
#include "tests/support/blocked_op.h"
#include "tests/support/graph_builder.h"
#include "tests/support/op_test.h"

namespace kinglet::test::conv_transpose_test {
namespace {

struct Parameters {
  std::int64_t group, kh, kw, sh, sw, dh, dw, top, left, out_h, out_w;
};

Tensor Naive(const Parameters& p, const Tensor& x, const Tensor& w, const Tensor& bias) {
  const Shape& s = x.shape();
  const std::int64_t per_group = w.shape()[1];
  const std::int64_t channels = per_group * p.group;
  Tensor y(DataType::kFloat32, {s[0], channels, p.out_h, p.out_w});
  const auto at = [&](std::int64_t n, std::int64_t m, std::int64_t oy, std::int64_t ox) -> float& {
    return y.data<float>()[((n * channels + m) * p.out_h + oy) * p.out_w + ox];
  };
  const float* in = x.data<float>();
  for (std::int64_t n = 0; n < s[0]; ++n) {
    for (std::int64_t m = 0; m < channels && bias.defined(); ++m) {
      for (std::int64_t i = 0; i < p.out_h * p.out_w; ++i) {
        at(n, m, i / p.out_w, i % p.out_w) = bias.data<float>()[m];
      }
    }
    for (std::int64_t c = 0; c < s[1]; ++c) {
      const std::int64_t first = c / (s[1] / p.group) * per_group;
      for (std::int64_t iy = 0; iy < s[2]; ++iy) {
        for (std::int64_t ix = 0; ix < s[3]; ++ix, ++in) {
          for (std::int64_t m = 0; m < per_group; ++m) {
            for (std::int64_t ky = 0; ky < p.kh; ++ky) {
              for (std::int64_t kx = 0; kx < p.kw; ++kx) {
                const std::int64_t oy = iy * p.sh + ky * p.dh - p.top;
                const std::int64_t ox = ix * p.sw + kx * p.dw - p.left;
                if (oy < 0 || ox < 0 || oy >= p.out_h || ox >= p.out_w) continue;
                at(n, first + m, oy, ox) +=
                    *in * w.data<float>()[((c * per_group + m) * p.kh + ky) * p.kw + kx];
              }
            }
          }
        }
      }
    }
  }
  return y;
}

void Check(const Parameters& p, AttributeList list, bool with_bias) {
  const Tensor x = Random({2, 4, 5, 6}, 1);
  const Tensor w = Random({4, 3, p.kh, p.kw}, 2);
  const Tensor bias = with_bias ? Random({3 * p.group}, 3) : Tensor();
  ExpectNear(RunOp("ConvTranspose", {x, w, bias}, list), Naive(p, x, w, bias), 1e-5f);
}

TEST(ConvTranspose, AgainstTheNaiveLoops) {
  Check({1, 3, 3, 1, 1, 1, 1, 0, 0, 7, 8}, {}, true);
  Check({1, 3, 2, 2, 3, 1, 1, 0, 0, 11, 17}, {{"strides", Ints{2, 3}}}, false);
  Check({2, 4, 4, 2, 2, 1, 1, 1, 1, 10, 12},
        {{"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}, {"group", Int(2)}}, true);
  Check({4, 3, 3, 2, 2, 2, 2, 1, 0, 11, 16},
        {{"strides", Ints{2, 2}},
         {"pads", Ints{1, 0, 2, 0}},
         {"dilations", Ints{2, 2}},
         {"output_padding", Ints{1, 1}},
         {"group", Int(4)}},
        true);
  Check({1, 3, 3, 3, 3, 1, 1, 0, 0, 16, 20},
        {{"strides", Ints{3, 3}}, {"output_shape", Ints{16, 20}}}, true);
  Check({1, 3, 3, 2, 2, 1, 1, 0, 0, 10, 12},
        {{"strides", Ints{2, 2}}, {"auto_pad", Text("SAME_UPPER")}}, true);
  Check({1, 3, 3, 2, 2, 1, 1, 1, 1, 10, 12},
        {{"strides", Ints{2, 2}}, {"auto_pad", Text("SAME_LOWER")}}, true);
}

// A node as it stands in a network: weights and bias are constants, the input may be blocked.
TEST(ConvTranspose, BlockedAndPlainAsInANetwork) {
  for (const std::int64_t channels : {4, 16, 20}) {
    for (const std::int64_t per_group : {3, 18, 32}) {
      const Parameters p{1, 4, 4, 2, 2, 1, 1, 1, 1, 10, 12};
      const Tensor x = Random({2, channels, 5, 6}, 1);
      const Tensor w = Random({channels, per_group, 4, 4}, 2);
      const Tensor bias = Random({per_group}, 3);
      const Tensor expected = Naive(p, x, w, bias);
      const Node node =
          MakeNode("ConvTranspose", 3, {{"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}});
      for (const Given given : {Given::kPlain, Given::kBlocked}) {
        const BlockedResult result =
            EvaluateBlocked(node, {x, w, bias}, {given, Given::kConstant, Given::kConstant});
        ExpectNear(result.outputs[0], expected, 1e-5f);
      }
    }
  }
}

TEST(ConvTranspose, DeepInputsAreBlocked) {
  const Node node = MakeNode("ConvTranspose", 2, {{"strides", Ints{2, 2}}});
  const BlockedResult result =
      EvaluateBlocked(node, {Random({1, 64, 20, 20}, 1), Random({64, 64, 2, 2}, 2)},
                      {Given::kBlocked, Given::kConstant});
  EXPECT_EQ(result.kernel, "conv/transposed_blocks_f32");
  EXPECT_EQ(result.layouts[0], Layout::kBlocked);
}

// What is fused behind it in any rank, weights being constants or not.
TEST(ConvTranspose, SumsActivationsAndScalesOfEveryRank) {
  for (const bool constant : {true, false}) {
    for (std::size_t rank = 1; rank <= 3; ++rank) {
      SCOPED_TRACE(rank);
      Shape shape{1, 4};
      Shape filter{4, 3};
      shape.insert(shape.end(), rank, 5);
      filter.insert(filter.end(), rank, 3);
      Attributes attributes;
      attributes.Set("strides", Ints(rank, 2));
      attributes.Set("group", std::int64_t{2});
      const auto run = [&](bool optimize) {
        testing::GraphBuilder b;
        const ValueId x = b.Input("x", shape);
        const ValueId w = constant ? b.Constant(Random(filter, 2)) : b.Input("w", filter);
        Shape per_channel(rank + 1, 1);
        per_channel[0] = 6;
        ValueId y = b.Op("ConvTranspose", {x, w}, attributes);
        y = b.Op("Mul", {y, b.Constant(Random(per_channel, 3))});
        const ValueId other =
            b.Op("ConvTranspose", {b.Op("Neg", {x}), b.Constant(Random(filter, 4))}, attributes);
        y = b.Op("Add", {y, other});
        b.Output(b.Op("Relu", {y}), "y");
        const Model model = Model::Compile(b.Take(), {.threads = 1, .optimize = optimize});
        Session session = model.NewSession();
        if (constant) return session.Run({{"x", Random(shape, 1)}}).at("y").Clone();
        return session.Run({{"x", Random(shape, 1)}, {"w", Random(filter, 2)}}).at("y").Clone();
      };
      ExpectNear(run(true), run(false), 1e-5f);
    }
  }
}

TEST(ConvTranspose, OtherRanksAndTypes) {
  ExpectNear(
      RunOp("ConvTranspose", {Of<float>({1, 1, 3}, {1, 2, 3}), Of<float>({1, 1, 2}, {1, 10})},
            {{"strides", Ints{2}}}),
      Of<float>({1, 1, 6}, {1, 10, 2, 20, 3, 30}));
  ExpectNear(RunOp("ConvTranspose",
                   {Of<float>({1, 1, 1, 1, 2}, {1, 2}), Of<float>({1, 1, 2, 1, 1}, {1, 10})}),
             Of<float>({1, 1, 2, 1, 2}, {1, 2, 10, 20}));
  EXPECT_EQ(ValuesOf<double>(RunOp(
                "ConvTranspose",
                {Of<double>({1, 1, 1}, {2}), Of<double>({1, 1, 2}, {1, 3}), Of<double>({1}, {5})})),
            (std::vector<double>{7, 11}));
}

TEST(ConvTranspose, WrongInputs) {
  const Tensor x = Random({1, 4, 5, 5}, 1);
  const auto expect = [&](const Tensor& w, const Tensor& bias, AttributeList list) {
    ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("ConvTranspose", {x, w, bias}, list); });
  };
  expect(Random({3, 2, 3, 3}, 1), {}, {});
  expect(Random({4, 2, 3}, 1), {}, {});
  expect(Random({4, 2, 3, 3}, 1), Random({3}, 1), {});
  expect(Random({4, 2, 3, 3}, 1), {}, {{"group", Int(3)}});
  expect(Random({4, 2, 3, 3}, 1), {}, {{"group", Int(0)}});
  expect(Random({4, 2, 3, 3}, 1), {}, {{"kernel_shape", Ints{2, 2}}});
  expect(Random({4, 2, 3, 3}, 1), {}, {{"strides", Ints{0, 1}}});
  expect(Of<double>({4, 1, 1, 1}, {1, 2, 3, 4}), {}, {});
}

}  // namespace
}  // namespace kinglet::test::conv_transpose_test
