// Concat of codes in networks: in place where parts have whole blocks, and the same codes in any
// case.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph/contrib.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/quantized_op.h"

namespace kinglet::code_slices_test {
namespace {

using testing::GraphBuilder;
using testing::RandomBytes;
using testing::Single;

using Build = std::function<void(GraphBuilder&, ValueId x)>;

struct Scale {
  float scale = 0.05f;
  std::uint8_t zero = 99;
};

Attributes Axis(std::int64_t axis) {
  Attributes attributes;
  attributes.Set("axis", axis);
  return attributes;
}

// A 1x1 convolution of a value with `from` channels and the scale {}.
ValueId Conv(GraphBuilder& b, ValueId x, std::int64_t from, std::int64_t channels,
             const Scale& to = {}) {
  const auto seed = static_cast<unsigned>(b.ir().nodes.size() + 1);
  return b.Op(
      "QLinearConv",
      {x, b.Constant(Single(Scale{}.scale)), b.Constant(Single(Scale{}.zero)),
       b.Constant(RandomBytes<std::int8_t>({channels, from, 1, 1}, seed)),
       b.Constant(Single(0.3f / static_cast<float>(from))), b.Constant(Single<std::int8_t>(0)),
       b.Constant(Single(to.scale)), b.Constant(Single(to.zero))});
}
ValueId MaxPool(GraphBuilder& b, ValueId x) {
  Attributes attributes;
  attributes.Set("kernel_shape", std::vector<std::int64_t>{3, 3});
  attributes.Set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  return b.Op("MaxPool", {x}, attributes);
}
using Part = std::pair<ValueId, Scale>;
ValueId Join(GraphBuilder& b, const std::vector<Part>& parts) {
  std::vector<ValueId> inputs = {b.Constant(Single(Scale{}.scale)),
                                 b.Constant(Single(Scale{}.zero))};
  for (const auto& [id, scale] : parts) {
    inputs.push_back(id);
    inputs.push_back(b.Constant(Single(scale.scale)));
    inputs.push_back(b.Constant(Single(scale.zero)));
  }
  const ValueId made = b.Op("QLinearConcat", inputs, Axis(1));
  b.ir().nodes.back().domain = kContribDomain;
  b.ir().nodes.back().opset = kContribOpset;
  return made;
}

// Runs the graph as it is written and optimised; returns how many Concat steps are left at this
// batch, whose images go together. `build` gets a value of 70 channels.
int ConcatsLeft(const Build& build, std::int64_t batch) {
  const auto graph = [&] {
    GraphBuilder b;
    build(b, b.Input("x", {-1, 70, 7, 9}, DataType::kUInt8));
    return b.Take();
  };
  const Model plain_model =
      Model::Compile(graph(), {.threads = 1, .optimize = false, .use_cache = false});
  const Model model = Model::Compile(graph(), {.threads = 4, .use_cache = false});
  Session plain = plain_model.NewSession();
  Session session = model.NewSession({.share_cores = false});
  const Tensors inputs = {{"x", RandomBytes<std::uint8_t>({batch, 70, 7, 9}, 5)}};
  const Tensors& wanted = plain.Run(inputs);
  const Tensors& found = session.Run(inputs);
  for (const auto& [name, tensor] : wanted) {
    EXPECT_TRUE(testing::SameTensor(tensor, found.at(name))) << name << " at batch " << batch;
  }
  int count = 0;
  for (const StepInfo& step : model.Describe({{"x", {batch, 70, 7, 9}}}).steps) {
    if (step.op != "Concat") continue;
    ++count;
    EXPECT_EQ(step.kernel, "layout/concat_channels_u8");
  }
  return count;
}

TEST(CodeSlices, ConvolutionsPoolsAndTablesWriteWhereTheirResultsBelong) {
  const Build build = [](GraphBuilder& b, ValueId x) {
    const ValueId stem = Conv(b, x, 70, 128);
    const Scale other{0.07f, 120};
    const ValueId joined = Join(b, {{Conv(b, stem, 128, 64), {}},
                                    {MaxPool(b, stem), {}},
                                    {Conv(b, stem, 128, 64, other), other},
                                    {Conv(b, stem, 128, 24), {}}});
    b.Output(Conv(b, joined, 280, 20), "y");
  };
  EXPECT_EQ(ConcatsLeft(build, 1), 0);
  EXPECT_EQ(ConcatsLeft(build, 3), 0);
}

TEST(CodeSlices, OddOffsetsAreCopied) {
  const Build build = [](GraphBuilder& b, ValueId x) {
    const Scale other{0.03f, 0};
    const ValueId joined = Join(b, {{Conv(b, x, 70, 64), {}},
                                    {Conv(b, x, 70, 32), {}},
                                    {Conv(b, x, 70, 32, other), other},
                                    {Conv(b, x, 70, 21), {}}});
    b.Output(Conv(b, joined, 149, 20), "y");
    b.Output(joined, "joined");
  };
  EXPECT_EQ(ConcatsLeft(build, 1), 1);
  EXPECT_EQ(ConcatsLeft(build, 3), 1);
}

// With scales that are known when it runs alone, the operator itself joins.
TEST(CodeSlices, ScalesThatAreInputs) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 70, 3, 3}, DataType::kUInt8);
  const ValueId scale = b.Input("scale", {}, DataType::kFloat32);
  const ValueId zero = b.Constant(Single<std::uint8_t>(7));
  const ValueId made =
      b.Op("QLinearConcat", {scale, zero, x, scale, zero, x, scale, zero}, Axis(1));
  b.ir().nodes.back().domain = kContribDomain;
  b.ir().nodes.back().opset = kContribOpset;
  b.Output(made, "y");
  const Model model = Model::Compile(b.Take(), {.threads = 1, .use_cache = false});
  Session session = model.NewSession();
  const Tensor codes = RandomBytes<std::uint8_t>({1, 70, 3, 3}, 1);
  const Tensor wanted = EvaluateOp("Concat", {codes, codes}, Axis(1))[0];
  EXPECT_TRUE(
      testing::SameTensor(wanted, session.Run({{"x", codes}, {"scale", Single(0.5f)}}).at("y")));
}

}  // namespace
}  // namespace kinglet::code_slices_test
