// Concat in place, against plain execution of the same graphs.
#include <gtest/gtest.h>

#include <functional>

#include "kinglet/model.h"
#include "tests/support/graph_builder.h"

namespace kinglet::slices_test {
namespace {

using testing::GraphBuilder;
using testing::RandomTensor;
using testing::RelativeDifference;

using Build = std::function<void(GraphBuilder&, ValueId x)>;

Attributes Axis(std::int64_t axis) {
  Attributes attributes;
  attributes.Set("axis", axis);
  return attributes;
}

// A convolution to `channels` of a value with `from` channels, then Relu.
ValueId Conv(GraphBuilder& b, ValueId x, std::int64_t from, std::int64_t channels) {
  const auto seed = static_cast<std::uint32_t>(b.ir().nodes.size() + 1);
  const ValueId w = b.Constant(RandomTensor({channels, from, 1, 1}, seed));
  return b.Op("Relu", {b.Op("Conv", {x, w})});
}
ValueId MaxPool(GraphBuilder& b, ValueId x) {
  Attributes attributes;
  attributes.Set("kernel_shape", std::vector<std::int64_t>{3, 3});
  attributes.Set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  return b.Op("MaxPool", {x}, attributes);
}

int CountSteps(const PlanInfo& plan, const std::string& op) {
  int count = 0;
  for (const StepInfo& step : plan.steps) count += step.op == op ? 1 : 0;
  return count;
}

// Runs the graph optimised and as written, and returns how many Concat steps are left at this
// batch, whose images go together: there are more threads. `build` gets a value of 32 channels.
int ConcatsLeft(const Build& build, std::int64_t batch) {
  const auto graph = [&] {
    GraphBuilder b;
    const ValueId w = b.Constant(RandomTensor({32, 3, 3, 3}, 99));
    build(b, b.Op("Conv", {b.Input("x", {-1, 3, 17, 19}), w}));
    return b.Take();
  };
  const Model plain_model = Model::Compile(graph(), {.threads = 1, .optimize = false});
  const Model fast_model = Model::Compile(graph(), {.threads = 4, .winograd = false});
  Session plain = plain_model.NewSession();
  Session fast = fast_model.NewSession({.share_cores = false});
  const Tensors inputs = {{"x", RandomTensor({batch, 3, 17, 19})}};
  const Tensors& wanted = plain.Run(inputs);
  const Tensors& found = fast.Run(inputs);
  for (const auto& [name, tensor] : wanted) {
    EXPECT_LE(RelativeDifference(found.at(name), tensor), 1e-5) << name << " at batch " << batch;
  }
  return CountSteps(fast_model.Describe({{"x", {batch, 3, 17, 19}}}), "Concat");
}

TEST(Slices, ConvolutionsAndPoolsWriteWhereTheirResultsBelong) {
  const Build build = [](GraphBuilder& b, ValueId x) {
    const ValueId stem = Conv(b, x, 32, 48);
    const ValueId joined =
        b.Op("Concat", {Conv(b, stem, 48, 16), MaxPool(b, stem), Conv(b, stem, 48, 32)}, Axis(1));
    b.Output(Conv(b, joined, 96, 20), "y");
  };
  EXPECT_EQ(ConcatsLeft(build, 1), 0);
  EXPECT_EQ(ConcatsLeft(build, 3), 0);
}

TEST(Slices, TheLastPartMayEndWithinABlock) {
  const Build build = [](GraphBuilder& b, ValueId x) {
    const ValueId joined = b.Op("Concat", {Conv(b, x, 32, 16), Conv(b, x, 32, 21)}, Axis(-3));
    b.Output(Conv(b, joined, 37, 20), "y");
  };
  EXPECT_EQ(ConcatsLeft(build, 1), 0);
  EXPECT_EQ(ConcatsLeft(build, 3), 0);
}

TEST(Slices, OddOffsetsAreCopied) {
  const Build build = [](GraphBuilder& b, ValueId x) {
    const ValueId joined =
        b.Op("Concat",
             {Conv(b, x, 32, 16), Conv(b, x, 32, 20), Conv(b, x, 32, 44), x, Conv(b, x, 32, 16)},
             Axis(1));
    b.Output(Conv(b, joined, 128, 20), "y");
  };
  EXPECT_EQ(ConcatsLeft(build, 1), 1);
  EXPECT_EQ(ConcatsLeft(build, 3), 1);
}

TEST(Slices, ConcatsOfConcatsResolve) {
  const Build build = [](GraphBuilder& b, ValueId x) {
    const ValueId inner = b.Op("Concat", {Conv(b, x, 32, 32), Conv(b, x, 32, 16)}, Axis(1));
    const ValueId outer = b.Op("Concat", {Conv(b, x, 32, 16), inner, Conv(b, x, 32, 32)}, Axis(1));
    b.Output(Conv(b, outer, 96, 20), "y");
  };
  EXPECT_EQ(ConcatsLeft(build, 1), 0);
  EXPECT_EQ(ConcatsLeft(build, 3), 0);
}

TEST(Slices, AStepThatWritesDenseImagesOnlyIsPlacedAtBatchOne) {
  const Build build = [](GraphBuilder& b, ValueId x) {
    const ValueId mean =
        b.Op("Sigmoid", {b.Op("Sub", {MaxPool(b, Conv(b, x, 32, 32)), Conv(b, x, 32, 32)})});
    const ValueId joined = b.Op("Concat", {mean, Conv(b, x, 32, 16)}, Axis(1));
    b.Output(Conv(b, joined, 48, 20), "y");
  };
  EXPECT_EQ(ConcatsLeft(build, 1), 0);
  EXPECT_EQ(ConcatsLeft(build, 3), 1);
}

TEST(Slices, PartsThatOthersReadToo) {
  const Build build = [](GraphBuilder& b, ValueId x) {
    const ValueId part = Conv(b, x, 32, 32);
    const ValueId joined = b.Op("Concat", {part, Conv(b, part, 32, 16)}, Axis(1));
    b.Output(b.Op("Add", {Conv(b, joined, 48, 32), b.Op("Neg", {part})}), "y");
    b.Output(b.Op("Exp", {part}), "exp");
    b.Output(part, "part");
  };
  EXPECT_EQ(ConcatsLeft(build, 1), 0);
  EXPECT_EQ(ConcatsLeft(build, 3), 1);
}

TEST(Slices, AValueTwiceInOneConcatOrInTwo) {
  const Build twice = [](GraphBuilder& b, ValueId x) {
    const ValueId part = Conv(b, x, 32, 32);
    const ValueId joined = b.Op("Concat", {part, Conv(b, x, 32, 16), part}, Axis(1));
    b.Output(Conv(b, joined, 80, 20), "y");
  };
  const Build dense = [](GraphBuilder& b, ValueId x) {
    const ValueId first = Conv(b, x, 32, 32);
    const ValueId two = b.Op("Concat", {first, Conv(b, first, 32, 16)}, Axis(1));
    const ValueId three = b.Op("Concat", {two, Conv(b, two, 48, 16)}, Axis(1));
    const ValueId other = b.Op("Concat", {Conv(b, three, 64, 16), first}, Axis(1));
    b.Output(b.Op("Softmax", {Conv(b, other, 48, 20)}), "y");
    b.Output(Conv(b, three, 64, 8), "z");
  };
  EXPECT_EQ(ConcatsLeft(twice, 1), 1);
  EXPECT_EQ(ConcatsLeft(twice, 3), 1);
  ConcatsLeft(dense, 1);
  ConcatsLeft(dense, 3);
}

// The residual sum is added from a slice's memory, and the result may not be written over it.
TEST(Slices, NothingIsWrittenOverAPart) {
  const Build build = [](GraphBuilder& b, ValueId x) {
    const ValueId left = Conv(b, x, 32, 32);
    const ValueId right = b.Op("Add", {Conv(b, left, 32, 32), left});
    const ValueId changed = b.Op("Relu", {b.Op("Abs", {left})});
    const ValueId joined = b.Op("Concat", {left, right, changed}, Axis(1));
    b.Output(Conv(b, joined, 96, 20), "y");
  };
  EXPECT_EQ(ConcatsLeft(build, 1), 0);
  ConcatsLeft(build, 3);
}

TEST(Slices, AResultOfOnePixelThatIsAnOutput) {
  const Build build = [](GraphBuilder& b, ValueId x) {
    const ValueId one = b.Op("GlobalAveragePool", {Conv(b, x, 32, 32)});
    const ValueId joined = b.Op("Concat", {Conv(b, one, 32, 16), Conv(b, one, 32, 32)}, Axis(1));
    b.Output(joined, "joined");
    b.Output(b.Op("Flatten", {joined}), "flat");
  };
  ConcatsLeft(build, 1);
  ConcatsLeft(build, 3);
}

}  // namespace
}  // namespace kinglet::slices_test
