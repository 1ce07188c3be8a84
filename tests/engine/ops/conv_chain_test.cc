// Chains of convolutions as single steps, against plain execution of the same graphs. The maps are
// so small that beginning a step costs more than the step: chains are worthwhile on any machine.
#include "engine/ops/conv_chain.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "kinglet/model.h"
#include "tests/support/graph_builder.h"

namespace kinglet::conv_chain_test {
namespace {

using testing::GraphBuilder;
using testing::RandomTensor;
using testing::RelativeDifference;

using Build = std::function<void(GraphBuilder&, ValueId x)>;

constexpr const char* kPair = "conv/chain_dw_pw_f32";
constexpr const char* kTriple = "conv/chain_expand_dw_project_f32";

std::uint32_t Seed(GraphBuilder& b) { return static_cast<std::uint32_t>(b.ir().values.size() + 1); }

ValueId Pointwise(GraphBuilder& b, ValueId x, std::int64_t from, std::int64_t to) {
  const ValueId w = b.Constant(RandomTensor({to, from, 1, 1}, Seed(b)));
  return b.Op("Conv", {x, w, b.Constant(RandomTensor({to}, Seed(b)))});
}
ValueId Depthwise(GraphBuilder& b, ValueId x, std::int64_t channels, std::int64_t stride = 1) {
  Attributes attributes;
  attributes.Set("group", channels);
  attributes.Set("strides", std::vector<std::int64_t>{stride, stride});
  attributes.Set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  return b.Op("Conv", {x, b.Constant(RandomTensor({channels, 1, 3, 3}, Seed(b)))}, attributes);
}
ValueId Norm(GraphBuilder& b, ValueId x, std::int64_t channels) {
  std::vector<ValueId> inputs = {x};
  for (int i = 0; i < 4; ++i) {
    Tensor tensor = RandomTensor({channels}, Seed(b));
    for (std::int64_t k = 0; k < channels; ++k) tensor.data<float>()[k] += 1.5f;
    inputs.push_back(b.Constant(std::move(tensor)));
  }
  return b.Node("BatchNormalization", inputs, 1)[0];
}
ValueId Clip(GraphBuilder& b, ValueId x) {
  return b.Op("Clip", {x, b.Floats({}, {0.0f}), b.Floats({}, {6.0f})});
}

// 20 channels of 5x6 pixels. Blocked, as a convolution makes them.
constexpr std::int64_t kChannels = 20;
ValueId Stem(GraphBuilder& b, ValueId x) { return b.Op("Relu", {Pointwise(b, x, 3, kChannels)}); }

// The block of MobileNet V2.
ValueId Block(GraphBuilder& b, ValueId x, std::int64_t from, std::int64_t to, std::int64_t stride) {
  const std::int64_t wide = 2 * from;
  ValueId y = Clip(b, Norm(b, Pointwise(b, x, from, wide), wide));
  y = Clip(b, Norm(b, Depthwise(b, y, wide, stride), wide));
  return Norm(b, Pointwise(b, y, wide, to), to);
}

struct Counts {
  int pairs = 0, triples = 0, convolutions = 0;
  bool operator==(const Counts&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Counts& c) {
  return out << c.triples << " of three, " << c.pairs << " of two, " << c.convolutions << " single";
}

Counts StepsOf(const Model& model, std::int64_t batch) {
  Counts counts;
  for (const StepInfo& step : model.Describe({{"x", {batch, 3, 5, 6}}}).steps) {
    counts.pairs += step.kernel == kPair ? 1 : 0;
    counts.triples += step.kernel == kTriple ? 1 : 0;
    counts.convolutions += step.op == "Conv" ? 1 : 0;
  }
  return counts;
}

// Runs the graph optimised and as written at several batch sizes; the steps of one thread.
Counts SameAnswer(const Build& build) {
  const auto graph = [&] {
    GraphBuilder b;
    build(b, b.Input("x", {-1, 3, 5, 6}));
    return b.Take();
  };
  const Model plain_model = Model::Compile(graph(), {.threads = 1, .optimize = false});
  const Model one = Model::Compile(graph(), {.threads = 1});
  const Model two = Model::Compile(graph(), {.threads = 2});
  Session plain = plain_model.NewSession();
  for (const Model* model : {&one, &two}) {
    Session fast = model->NewSession();
    for (const std::int64_t batch : {1, 3}) {
      const Tensors inputs = {{"x", RandomTensor({batch, 3, 5, 6})}};
      const Tensors& found = fast.Run(inputs);
      for (const auto& [name, tensor] : plain.Run(inputs)) {
        EXPECT_LE(RelativeDifference(found.at(name), tensor), 1e-5)
            << name << " at batch " << batch;
      }
    }
  }
  EXPECT_EQ(StepsOf(plain_model, 1).pairs + StepsOf(plain_model, 1).triples, 0);
  EXPECT_EQ(StepsOf(one, 3), StepsOf(one, 1));
  return StepsOf(one, 1);
}

TEST(Chains, BlocksOfMobileNetV2) {
  const Counts counts = SameAnswer([](GraphBuilder& b, ValueId x) {
    ValueId y = Stem(b, x);
    y = b.Op("Add", {y, Block(b, y, kChannels, kChannels, 1)});
    y = b.Op("Add", {Block(b, y, kChannels, kChannels, 1), y});
    y = Block(b, y, kChannels, 35, 2);
    b.Output(b.Op("GlobalAveragePool", {y}), "y");
  });
  EXPECT_EQ(counts, (Counts{.triples = 3, .convolutions = 1}));
}

TEST(Chains, BlocksOfMobileNetV1) {
  const Counts counts = SameAnswer([](GraphBuilder& b, ValueId x) {
    ValueId y = Stem(b, x);
    y = b.Op("Relu", {Norm(b, Depthwise(b, y, kChannels), kChannels)});
    y = b.Op("Relu", {Norm(b, Pointwise(b, y, kChannels, 33), 33)});
    y = b.Op("Relu", {Norm(b, Depthwise(b, y, 33, 2), 33)});
    b.Output(b.Op("Sigmoid", {Pointwise(b, y, 33, 16)}), "y");
  });
  EXPECT_EQ(counts, (Counts{.pairs = 2, .convolutions = 1}));
}

TEST(Chains, AResidualThatIsMadeBetweenTheConvolutions) {
  const Counts counts = SameAnswer([](GraphBuilder& b, ValueId x) {
    const ValueId stem = Stem(b, x);
    ValueId y = b.Op("Relu", {Pointwise(b, stem, kChannels, 40)});
    const ValueId skip = b.Op("Tanh", {b.Op("Neg", {stem})});
    y = Pointwise(b, b.Op("Relu", {Depthwise(b, y, 40)}), 40, kChannels);
    b.Output(b.Op("Relu", {b.Op("Add", {skip, y})}), "y");
  });
  EXPECT_EQ(counts, (Counts{.triples = 1, .convolutions = 1}));
}

TEST(Chains, WhatAnotherNodeReadsIsNotInside) {
  const Counts counts = SameAnswer([](GraphBuilder& b, ValueId x) {
    const ValueId wide = b.Op("Relu", {Pointwise(b, Stem(b, x), kChannels, 40)});
    const ValueId middle = b.Op("Relu", {Depthwise(b, wide, 40)});
    const ValueId y = Pointwise(b, middle, 40, kChannels);
    b.Output(b.Op("Add", {b.Op("Neg", {middle}), b.Op("Exp", {wide})}), "both");
    b.Output(y, "y");
  });
  EXPECT_EQ(counts, (Counts{.convolutions = 4}));
}

TEST(Chains, WhatIsAnOutputIsNotInside) {
  const Counts expanded = SameAnswer([](GraphBuilder& b, ValueId x) {
    const ValueId wide = b.Op("Relu", {Pointwise(b, Stem(b, x), kChannels, 40)});
    b.Output(wide, "wide");
    b.Output(Pointwise(b, Depthwise(b, wide, 40), 40, kChannels), "y");
  });
  EXPECT_EQ(expanded, (Counts{.pairs = 1, .convolutions = 2}));
  const Counts filtered = SameAnswer([](GraphBuilder& b, ValueId x) {
    const ValueId wide = b.Op("Relu", {Pointwise(b, Stem(b, x), kChannels, 40)});
    const ValueId middle = Depthwise(b, wide, 40);
    b.Output(middle, "middle");
    b.Output(Pointwise(b, middle, 40, kChannels), "y");
  });
  EXPECT_EQ(filtered, (Counts{.convolutions = 4}));
}

TEST(Chains, ASumInsideEndsTheChain) {
  const Counts counts = SameAnswer([](GraphBuilder& b, ValueId x) {
    const ValueId stem = Stem(b, x);
    const ValueId middle = b.Op("Add", {Depthwise(b, stem, kChannels), b.Op("Neg", {stem})});
    b.Output(Pointwise(b, middle, kChannels, 24), "y");
  });
  EXPECT_EQ(counts, (Counts{.convolutions = 3}));
}

TEST(Chains, WeightsThatAreInputsAreNoChain) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 3, 5, 6});
  const ValueId w = b.Input("w", {8, kChannels, 1, 1});
  b.Output(b.Op("Conv", {Depthwise(b, Stem(b, x), kChannels), w}), "y");
  const Model model = Model::Compile(b.Take(), {.threads = 1});
  const PlanInfo plan = model.Describe({{"x", {1, 3, 5, 6}}, {"w", {8, kChannels, 1, 1}}});
  for (const StepInfo& step : plan.steps) EXPECT_NE(step.kernel, kPair);
}

}  // namespace
}  // namespace kinglet::conv_chain_test
