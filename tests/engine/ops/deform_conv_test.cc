#include <cmath>

#include "engine/op/context.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"
#include "tests/support/targets.h"

namespace kinglet::test::deform_conv_test {
namespace {

struct Case {
  Shape x, w;
  std::int64_t offset_groups = 1;
  Ints strides{1, 1}, pads{0, 0, 0, 0}, dilations{1, 1};
  bool mask = false, bias = false;

  std::int64_t Output(std::size_t d) const {
    return (x[2 + d] + pads[d] + pads[2 + d] - ((w[2 + d] - 1) * dilations[d] + 1)) / strides[d] +
           1;
  }
  std::int64_t groups() const { return x[1] / w[1]; }
  Shape Offsets(std::int64_t each) const {
    return {x[0], offset_groups * w[2] * w[3] * each, Output(0), Output(1)};
  }
  Attributes attributes() const {
    return MakeAttributes({{"group", Int(groups())},
                           {"offset_group", Int(offset_groups)},
                           {"strides", Attribute(strides)},
                           {"pads", Attribute(pads)},
                           {"dilations", Attribute(dilations)},
                           {"kernel_shape", Attribute(Ints{w[2], w[3]})}});
  }
  // Images, filters, offsets, bias, mask; the last two undefined where they are not there.
  std::vector<Tensor> Inputs() const {
    std::vector<Tensor> inputs{Random(x, 1), Random(w, 2), Random(Offsets(2), 3, -2.5f, 2.5f)};
    inputs.push_back(bias ? Random({w[0]}, 4) : Tensor());
    inputs.push_back(mask ? Random(Offsets(1), 5, 0, 1) : Tensor());
    return inputs;
  }
};

// Bilinear, zero outside.
double Pixel(const float* map, std::int64_t h, std::int64_t w, double y, double x) {
  double sum = 0;
  for (const double r : {std::floor(y), std::floor(y) + 1}) {
    for (const double c : {std::floor(x), std::floor(x) + 1}) {
      if (r < 0 || c < 0 || r >= static_cast<double>(h) || c >= static_cast<double>(w)) continue;
      sum +=
          (1 - std::abs(y - r)) * (1 - std::abs(x - c)) *
          static_cast<double>(map[static_cast<std::int64_t>(r) * w + static_cast<std::int64_t>(c)]);
    }
  }
  return sum;
}

Tensor Naive(const Case& c, const std::vector<Tensor>& in) {
  const std::int64_t h = c.x[2], width = c.x[3], oh = c.Output(0), ow = c.Output(1);
  const std::int64_t kh = c.w[2], kw = c.w[3], own = c.w[1], filters = c.w[0] / c.groups();
  Tensor y(DataType::kFloat32, {c.x[0], c.w[0], oh, ow});
  for (std::int64_t i = 0; i < y.size(); ++i) {
    const std::int64_t ox = i % ow, oy = i / ow % oh, m = i / (ow * oh) % c.w[0];
    const std::int64_t n = i / (ow * oh * c.w[0]);
    double sum = c.bias ? static_cast<double>(in[3].data<float>()[m]) : 0;
    for (std::int64_t k = 0; k < own * kh * kw; ++k) {
      const std::int64_t channel = m / filters * own + k / (kh * kw), tap = k % (kh * kw);
      const std::int64_t group = channel / (c.x[1] / c.offset_groups);
      const std::int64_t map = (n * c.offset_groups + group) * kh * kw + tap;
      const float* offset = in[2].data<float>() + map * 2 * oh * ow + oy * ow + ox;
      const double at_y =
          static_cast<double>(oy * c.strides[0] - c.pads[0] + tap / kw * c.dilations[0]) +
          static_cast<double>(offset[0]);
      const double at_x =
          static_cast<double>(ox * c.strides[1] - c.pads[1] + tap % kw * c.dilations[1]) +
          static_cast<double>(offset[oh * ow]);
      const double factor =
          c.mask ? static_cast<double>(in[4].data<float>()[map * oh * ow + oy * ow + ox]) : 1.0;
      sum += factor * static_cast<double>(in[1].data<float>()[m * own * kh * kw + k]) *
             Pixel(in[0].data<float>() + (n * c.x[1] + channel) * h * width, h, width, at_y, at_x);
    }
    y.data<float>()[i] = static_cast<float>(sum);
  }
  return y;
}

// EvaluateNode, which knows absent inputs.
Tensor Apply(const Case& c, const std::vector<Tensor>& inputs) {
  Node node = MakeNode("DeformConv", 5, {}, 19);
  node.attributes = c.attributes();
  std::vector<const Tensor*> pointers;
  for (std::size_t i = 0; i < 5; ++i) {
    pointers.push_back(inputs[i].defined() ? &inputs[i] : nullptr);
    if (!inputs[i].defined()) node.inputs[i] = kNoValue;
  }
  return EvaluateNode(node, pointers)[0];
}

TEST(DeformConv, AsDefined) {
  const Case cases[] = {
      {.x = {1, 3, 6, 6}, .w = {4, 3, 3, 3}},
      {.x = {2, 3, 6, 7}, .w = {4, 3, 3, 3}, .pads = {1, 1, 1, 1}, .bias = true},
      {.x = {1, 4, 9, 8}, .w = {6, 2, 3, 2}, .offset_groups = 2, .strides = {2, 1}, .mask = true},
      {.x = {2, 4, 9, 8},
       .w = {4, 1, 2, 3},
       .pads = {0, 1, 2, 0},
       .dilations = {2, 2},
       .mask = true,
       .bias = true},
      {.x = {1, 6, 12, 13},
       .w = {5, 6, 3, 3},
       .offset_groups = 3,
       .pads = {1, 1, 1, 1},
       .mask = true},
      {.x = {1, 2, 3, 3}, .w = {1, 2, 1, 1}},
      {.x = {1, 64, 40, 30}, .w = {8, 64, 3, 3}, .pads = {1, 1, 1, 1}, .bias = true}};
  testing::ForEachTarget([&] {
    for (const Case& c : cases) {
      const std::vector<Tensor> inputs = c.Inputs();
      ExpectNear(Apply(c, inputs), Naive(c, inputs),
                 2e-6f * static_cast<float>(c.w[1] * c.w[2] * c.w[3] + 16));
    }
  });
}

TEST(DeformConv, WithoutOffsetsAConvolution) {
  const Case c{.x = {1, 4, 8, 9}, .w = {6, 2, 3, 3}, .strides = {2, 2}, .pads = {1, 1, 1, 1}};
  std::vector<Tensor> inputs = c.Inputs();
  inputs[2] = Tensor(DataType::kFloat32, c.Offsets(2));
  ExpectNear(
      Apply(c, inputs),
      RunOp("Conv", {inputs[0], inputs[1]},
            {{"group", Int(2)}, {"strides", Attribute(c.strides)}, {"pads", Attribute(c.pads)}}),
      1e-5f);
}

TEST(DeformConv, Doubles) {
  const Case c{.x = {2, 4, 6, 7},
               .w = {4, 2, 3, 3},
               .offset_groups = 2,
               .pads = {1, 1, 1, 1},
               .mask = true,
               .bias = true};
  std::vector<Tensor> inputs = c.Inputs();
  const Tensor expected = Naive(c, inputs);
  for (Tensor& input : inputs) input = RunOp("Cast", {input}, {{"to", Int(11)}});
  const Tensor y = Apply(c, inputs);
  ASSERT_EQ(y.type(), DataType::kFloat64);
  ExpectNear(RunOp("Cast", {y}, {{"to", Int(1)}}), expected, 1e-6f);
}

TEST(DeformConv, InANetworkOfAnyBatch) {
  const Case c{
      .x = {3, 4, 7, 6}, .w = {4, 4, 3, 3}, .pads = {1, 1, 1, 1}, .mask = true, .bias = true};
  const std::vector<Tensor> inputs = c.Inputs();
  testing::GraphBuilder b(19);
  const ValueId x = b.Input("x", {-1, 4, 7, 6});
  const ValueId offset = b.Input("offset", {-1, 18, 7, 6});
  const ValueId mask = b.Input("mask", {-1, 9, 7, 6});
  b.Output(b.Op("DeformConv", {x, b.Constant(inputs[1]), offset, b.Constant(inputs[3]), mask},
                c.attributes()),
           "y");
  const Model model = Model::Compile(b.Take(), {.threads = 2});
  Session session = model.NewSession();
  const Tensors& outputs =
      session.Run({{"x", inputs[0]}, {"offset", inputs[2]}, {"mask", inputs[4]}});
  ExpectNear(outputs.at("y"), Naive(c, inputs), 1e-4f);
}

// Offsets of any kind read nothing that is not there.
TEST(DeformConv, OddOffsets) {
  const Case c{.x = {1, 1, 3, 3}, .w = {1, 1, 1, 1}};
  std::vector<Tensor> inputs = c.Inputs();
  const float odd[] = {HUGE_VALF, -HUGE_VALF, std::nanf(""), 1e30f, -1e30f, 3e9f};
  for (std::int64_t i = 0; i < inputs[2].size(); ++i) inputs[2].data<float>()[i] = odd[i % 6];
  for (const float y : ValuesOf<float>(Apply(c, inputs))) EXPECT_EQ(y, 0.0f);
}

TEST(DeformConv, EmptyAndWrong) {
  const Case empty{.x = {0, 3, 6, 6}, .w = {4, 3, 3, 3}};
  EXPECT_EQ(Apply(empty, empty.Inputs()).shape(), (Shape{0, 4, 4, 4}));
  const Case c{.x = {1, 4, 6, 6}, .w = {4, 4, 3, 3}, .mask = true, .bias = true};
  for (std::size_t i = 0; i < 5; ++i) {
    std::vector<Tensor> inputs = c.Inputs();
    Shape shape = inputs[i].shape();
    shape[i == 0 ? 1 : 0] += 1;
    inputs[i] = Random(shape, 1);
    ExpectError(ErrorCode::kInvalidModel, [&] { Apply(c, inputs); });
  }
  const auto wrong = [&](const char* name, std::int64_t value) {
    const std::vector<Tensor> in = c.Inputs();
    ExpectError(ErrorCode::kInvalidModel, [&] {
      RunOp("DeformConv", {in[0], in[1], in[2]}, {{name, Int(value)}}, 19);
    });
  };
  wrong("group", 3);
  wrong("group", 0);
  wrong("offset_group", 3);
  wrong("offset_group", -1);
  wrong("offset_group", std::int64_t{1} << 62);
  ExpectError(ErrorCode::kUnsupported, [] {
    const auto ints = [](Shape shape) { return testing::Iota(DataType::kInt32, shape); };
    RunOp("DeformConv", {ints({1, 1, 2, 2}), ints({1, 1, 1, 1}), ints({1, 2, 2, 2})}, {}, 19);
  });
}

}  // namespace
}  // namespace kinglet::test::deform_conv_test
