#include <cmath>

#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/op_test.h"

namespace kinglet::test::conv_test {
namespace {

using kinglet::testing::GraphBuilder;

// The definition on {N, C, D, H, W}; `pads` are those before.
struct Parameters {
  Ints strides{1, 1, 1}, dilations{1, 1, 1}, pads{0, 0, 0}, out;
  std::int64_t group = 1;
};

std::int64_t At(const Shape& shape, std::int64_t a, std::int64_t b, const Ints& p) {
  return (((a * shape[1] + b) * shape[2] + p[0]) * shape[3] + p[1]) * shape[4] + p[2];
}

template <typename F>
void ForEach(const Ints& sizes, F&& f) {
  for (std::int64_t z = 0; z < sizes[0]; ++z) {
    for (std::int64_t y = 0; y < sizes[1]; ++y) {
      for (std::int64_t x = 0; x < sizes[2]; ++x) f(Ints{z, y, x});
    }
  }
}

Tensor Naive(const Parameters& p, const Tensor& x, const Tensor& w, const Tensor& bias) {
  const Shape& in = x.shape();
  const Shape& filter = w.shape();
  const std::int64_t oc = filter[0] / p.group;
  Tensor y(DataType::kFloat32, {in[0], filter[0], p.out[0], p.out[1], p.out[2]});
  for (std::int64_t n = 0; n < in[0]; ++n) {
    for (std::int64_t o = 0; o < filter[0]; ++o) {
      ForEach(p.out, [&](const Ints& at) {
        double sum = bias.defined() ? bias.data<float>()[o] : 0.0f;
        ForEach({filter[2], filter[3], filter[4]}, [&](const Ints& tap) {
          Ints from(3);
          for (std::size_t d = 0; d < 3; ++d) {
            from[d] = at[d] * p.strides[d] + tap[d] * p.dilations[d] - p.pads[d];
            if (from[d] < 0 || from[d] >= in[d + 2]) return;
          }
          for (std::int64_t c = 0; c < filter[1]; ++c) {
            sum += double{x.data<float>()[At(in, n, o / oc * filter[1] + c, from)]} *
                   w.data<float>()[At(filter, o, c, tap)];
          }
        });
        y.data<float>()[At(y.shape(), n, o, at)] = static_cast<float>(sum);
      });
    }
  }
  return y;
}

TEST(Conv, OneDimension) {
  const Tensor x = Random({2, 6, 1, 1, 19}, 1);
  const Tensor w = Random({8, 3, 1, 1, 3}, 2);
  const Tensor bias = Random({8}, 3);
  const Tensor y = RunOp(
      "Conv", {x.Reshaped({2, 6, 19}), w.Reshaped({8, 3, 3}), bias},
      {{"group", Int(2)}, {"strides", Ints{2}}, {"pads", Ints{2, 1}}, {"dilations", Ints{2}}});
  const Tensor expected = Naive({.strides = {1, 1, 2},
                                 .dilations = {1, 1, 2},
                                 .pads = {0, 0, 2},
                                 .out = {1, 1, 9},
                                 .group = 2},
                                x, w, bias);
  ExpectNear(y, expected.Reshaped({2, 8, 9}), 1e-5f);
}

TEST(Conv, TwoDimensionsOfEveryKindOfGroups) {
  for (const std::int64_t group : {1, 2, 4, 12}) {
    const Tensor x = Random({1, 12, 1, 9, 7}, 1);
    const Tensor w = Random({24, 12 / group, 1, 3, 3}, 2);
    const Tensor y = RunOp("Conv", {x.Reshaped({1, 12, 9, 7}), w.Reshaped({24, 12 / group, 3, 3})},
                           {{"group", Int(group)}, {"auto_pad", Text("SAME_UPPER")}});
    const Tensor expected = Naive({.pads = {0, 1, 1}, .out = {1, 9, 7}, .group = group}, x, w, {});
    ExpectNear(y, expected.Reshaped({1, 24, 9, 7}), 1e-5f);
  }
}

TEST(Conv, ThreeDimensions) {
  const Tensor x = Random({2, 6, 5, 8, 7}, 1);
  const Tensor bias = Random({10}, 3);
  const Tensor w = Random({10, 3, 3, 3, 2}, 2);
  ExpectNear(RunOp("Conv", {x, w, bias},
                   {{"group", Int(2)},
                    {"strides", Ints{1, 2, 2}},
                    {"pads", Ints{1, 1, 0, 2, 1, 1}},
                    {"dilations", Ints{2, 1, 3}}}),
             Naive({.strides = {1, 2, 2},
                    .dilations = {2, 1, 3},
                    .pads = {1, 1, 0},
                    .out = {4, 4, 3},
                    .group = 2},
                   x, w, bias),
             1e-5f);
  const Tensor pointwise = Random({4, 6, 1, 1, 1}, 4);
  ExpectNear(RunOp("Conv", {x, pointwise}), Naive({.out = {5, 8, 7}}, x, pointwise, {}), 1e-5f);
  const Tensor depth = Random({4, 6, 3, 1, 1}, 5);
  ExpectNear(RunOp("Conv", {x, depth}), Naive({.out = {3, 8, 7}}, x, depth, {}), 1e-5f);
}

TEST(Conv, DoublesAndEmptyBatches) {
  EXPECT_EQ(ValuesOf<double>(RunOp("Conv", {Of<double>({1, 1, 1, 1, 3}, {1, 2, 3}),
                                            Of<double>({1, 1, 1, 1, 2}, {1, 10})})),
            (std::vector<double>{21, 32}));
  const Tensor none(DataType::kFloat32, {0, 2, 4, 4, 4});
  EXPECT_EQ(RunOp("Conv", {none, Random({3, 2, 3, 3, 3}, 1)}).shape(), (Shape{0, 3, 2, 2, 2}));
}

TEST(Conv, WrongInputs) {
  const Tensor x = Random({1, 4, 5, 5, 5}, 1);
  const auto expect = [&](const Tensor& w, const Tensor& bias, AttributeList list) {
    ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("Conv", {x, w, bias}, list); });
  };
  expect(Random({3, 2, 3, 3, 3}, 1), {}, {});
  expect(Random({3, 4, 3, 3}, 1), {}, {});
  expect(Random({3, 4, 3, 3, 3}, 1), Random({4}, 1), {});
  expect(Random({3, 2, 3, 3, 3}, 1), {}, {{"group", Int(2)}});
  expect(Random({3, 4, 7, 3, 3}, 1), {}, {});
  expect(Random({3, 4, 3, 3, 3}, 1), {}, {{"strides", Ints{1, 1}}});
}

// What is fused behind a convolution of any rank, weights being constants or not.
TEST(Conv, SumsAndActivationsOfEveryRank) {
  for (const bool constant : {true, false}) {
    for (std::size_t rank = 1; rank <= 3; ++rank) {
      SCOPED_TRACE(rank);
      Shape shape{1, 4};
      Shape filter{4, 4};
      shape.insert(shape.end(), rank, 6);
      filter.insert(filter.end(), rank, 3);
      Attributes same;
      same.Set("pads", Ints(2 * rank, 1));
      const auto run = [&](bool optimize) {
        GraphBuilder b;
        const ValueId x = b.Input("x", shape);
        const ValueId w = constant ? b.Constant(Random(filter, 2)) : b.Input("w", filter);
        const ValueId other = b.Op("Neg", {x});
        b.Output(b.Op("Relu", {b.Op("Add", {b.Op("Conv", {x, w}, same), other})}), "y");
        const Model model = Model::Compile(b.Take(), {.threads = 1, .optimize = optimize});
        Session session = model.NewSession();
        if (constant) return session.Run({{"x", Random(shape, 1)}}).at("y").Clone();
        return session.Run({{"x", Random(shape, 1)}, {"w", Random(filter, 2)}}).at("y").Clone();
      };
      ExpectNear(run(true), run(false), 1e-5f);
    }
  }
}

}  // namespace
}  // namespace kinglet::test::conv_test
