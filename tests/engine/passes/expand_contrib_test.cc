// Graphs as ONNX Runtime saves them after its optimisation.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "engine/graph/contrib.h"
#include "engine/op/op.h"
#include "engine/passes/passes.h"
#include "kinglet/error.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/op_runner.h"
#include "tests/support/subgraph.h"

namespace kinglet::expand_contrib_test {
namespace {

using testing::GraphBuilder;
using testing::RandomTensor;

std::vector<ValueId> Contrib(GraphBuilder& b, const std::string& op, std::vector<ValueId> inputs,
                             std::size_t outputs = 1, Attributes attributes = {}) {
  const auto made = b.Node(op, std::move(inputs), outputs, std::move(attributes));
  b.ir().nodes.back().domain = kContribDomain;
  b.ir().nodes.back().opset = kContribOpset;
  return made;
}

Attributes With(std::vector<std::pair<std::string, Attribute>> list) {
  Attributes attributes;
  for (auto& [name, value] : list) attributes.Set(name, std::move(value));
  return attributes;
}
Attribute Text(const char* text) { return std::string(text); }

// Both graphs, optimised and not, on the same inputs.
void ExpectSame(const std::function<void(GraphBuilder&)>& found,
                const std::function<void(GraphBuilder&)>& expected, const Tensors& inputs,
                int opset) {
  const auto run = [&](const auto& build, bool optimize) {
    GraphBuilder b(opset);
    build(b);
    return Model::Compile(b.Take(), {.threads = 1, .optimize = optimize}).NewSession().Run(inputs);
  };
  const Tensors reference = run(expected, false);
  for (const bool optimize : {false, true}) {
    const Tensors outputs = run(found, optimize);
    ASSERT_EQ(outputs.size(), reference.size());
    for (const auto& [name, tensor] : reference) {
      EXPECT_TRUE(testing::NearTensor(tensor, outputs.at(name), 1e-5, 1e-5)) << name;
    }
  }
}

struct ConvCase {
  const char* activation;
  std::vector<float> parameters;
};

TEST(ExpandContrib, FusedConvIsAConvolutionAndWhatFollows) {
  const Tensor x = RandomTensor({1, 3, 6, 5}, 1), z = RandomTensor({1, 4, 3, 3}, 2);
  const Tensor w = RandomTensor({4, 3, 3, 3}, 3), bias = RandomTensor({4}, 4);
  const Attributes window = With({{"pads", std::vector<std::int64_t>{1, 1, 1, 1}},
                                  {"strides", std::vector<std::int64_t>{2, 2}}});
  for (const ConvCase& c : std::vector<ConvCase>{{"", {}},
                                                 {"Relu", {}},
                                                 {"Sigmoid", {}},
                                                 {"Tanh", {}},
                                                 {"LeakyRelu", {0.25f}},
                                                 {"Clip", {-0.5f, 0.75f}},
                                                 {"HardSigmoid", {0.3f, 0.4f}},
                                                 {"HardSwish", {}}}) {
    for (const bool residual : {false, true}) {
      for (const int opset : {10, 17}) {
        const auto found = [&](GraphBuilder& b) {
          std::vector<ValueId> inputs{b.Input("x", x.shape()), b.Constant(w), b.Constant(bias)};
          const ValueId sum = b.Input("z", z.shape());
          if (residual) inputs.push_back(sum);
          Attributes attributes = window;
          if (*c.activation != 0) attributes.Set("activation", Text(c.activation));
          if (!c.parameters.empty()) attributes.Set("activation_params", c.parameters);
          b.Output(Contrib(b, "FusedConv", inputs, 1, attributes)[0], "y");
          b.Output(b.Op("Identity", {sum}), "z2");
        };
        const auto expected = [&](GraphBuilder& b) {
          const ValueId conv =
              b.Op("Conv", {b.Input("x", x.shape()), b.Constant(w), b.Constant(bias)}, window);
          const ValueId sum = b.Input("z", z.shape());
          ValueId y = residual ? b.Op("Add", {conv, sum}) : conv;
          const std::string op = c.activation;
          if (op == "LeakyRelu") {
            y = b.Op(op, {y}, With({{"alpha", c.parameters[0]}}));
          } else if (op == "HardSigmoid") {
            y = b.Op(op, {y}, With({{"alpha", c.parameters[0]}, {"beta", c.parameters[1]}}));
          } else if (op == "Clip") {
            y = b.Op("Max", {y, b.Floats({}, {c.parameters[0]})});
            y = b.Op("Min", {y, b.Floats({}, {c.parameters[1]})});
          } else if (op == "HardSwish") {
            y = b.Op("Mul", {y, b.Op("HardSigmoid", {y}, With({{"alpha", 1.0f / 6}}))});
          } else if (!op.empty()) {
            y = b.Op(op, {y});
          }
          b.Output(y, "y");
          b.Output(b.Op("Identity", {sum}), "z2");
        };
        SCOPED_TRACE(std::string(c.activation) + (residual ? " z " : " ") + std::to_string(opset));
        ExpectSame(found, expected, {{"x", x}, {"z", z}}, opset);
      }
    }
  }
}

// The sum and the activation end in the convolution's epilogue.
TEST(ExpandContrib, FusedConvTakesTheFastPath) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 3, 8, 8});
  const ValueId z = b.Op("Conv", {x, b.Constant(RandomTensor({4, 3, 1, 1}))});
  b.Output(Contrib(b, "FusedConv", {x, b.Constant(RandomTensor({4, 3, 1, 1})), kNoValue, z}, 1,
                   With({{"activation", Text("Relu")}}))[0],
           "y");
  RunPasses(b.ir(), {});
  ASSERT_EQ(b.ir().nodes.size(), 2U);
  EXPECT_EQ(b.ir().nodes[1].op, "Conv");
  EXPECT_EQ(b.ir().nodes[1].fusion.activation, Activation::kRelu);
  EXPECT_TRUE(b.ir().nodes[1].fusion.residual);
}

TEST(ExpandContrib, FusedGemm) {
  const Tensor x = RandomTensor({3, 5}, 1), w = RandomTensor({4, 5}, 2), c = RandomTensor({4}, 3);
  const auto found = [&](GraphBuilder& b) {
    b.Output(Contrib(b, "FusedGemm", {b.Input("x", {3, 5}), b.Constant(w), b.Constant(c)}, 1,
                     With({{"transB", std::int64_t{1}},
                           {"alpha", 0.5f},
                           {"activation", Text("LeakyRelu")},
                           {"activation_alpha", 0.125f}}))[0],
             "y");
  };
  const auto expected = [&](GraphBuilder& b) {
    const ValueId product = b.Op("Gemm", {b.Input("x", {3, 5}), b.Constant(w), b.Constant(c)},
                                 With({{"transB", std::int64_t{1}}, {"alpha", 0.5f}}));
    b.Output(b.Op("LeakyRelu", {product}, With({{"alpha", 0.125f}})), "y");
  };
  ExpectSame(found, expected, {{"x", x}}, 13);
}

// x / 2 (1 + erf(x / sqrt 2)), written out.
ValueId GeluOf(GraphBuilder& b, ValueId x) {
  const ValueId erf = b.Op("Erf", {b.Op("Div", {x, b.Floats({}, {std::sqrt(2.0f)})})});
  return b.Op("Mul",
              {b.Op("Mul", {x, b.Floats({}, {0.5f})}), b.Op("Add", {erf, b.Floats({}, {1.0f})})});
}
ValueId GeluTanhOf(GraphBuilder& b, ValueId x) {
  const ValueId cube = b.Op("Mul", {x, b.Op("Mul", {x, x})});
  const ValueId inner = b.Op("Add", {x, b.Op("Mul", {cube, b.Floats({}, {0.044715f})})});
  const ValueId tanh = b.Op("Tanh", {b.Op("Mul", {inner, b.Floats({}, {0.7978845608028654f})})});
  return b.Op("Mul",
              {b.Op("Mul", {x, b.Floats({}, {0.5f})}), b.Op("Add", {tanh, b.Floats({}, {1.0f})})});
}

TEST(ExpandContrib, GeluInAllForms) {
  const Tensor x = RandomTensor({2, 3, 8}, 1), bias = RandomTensor({8}, 2);
  const Tensors inputs{{"x", x}};
  const auto check = [&](const char* op, bool has_bias, bool with_tanh) {
    SCOPED_TRACE(op);
    ExpectSame(
        [&](GraphBuilder& b) {
          std::vector<ValueId> list{b.Input("x", x.shape())};
          if (has_bias) list.push_back(b.Constant(bias));
          b.Output(Contrib(b, op, list)[0], "y");
        },
        [&](GraphBuilder& b) {
          ValueId sum = b.Input("x", x.shape());
          if (has_bias) sum = b.Op("Add", {sum, b.Constant(bias)});
          b.Output(with_tanh ? GeluTanhOf(b, sum) : GeluOf(b, sum), "y");
        },
        inputs, 12);
  };
  check("Gelu", false, false);
  check("BiasGelu", true, false);
  check("FastGelu", false, true);
  check("FastGelu", true, true);
  for (const int opset : {12, 18}) {
    ExpectSame(
        [&](GraphBuilder& b) {
          b.Output(Contrib(b, "BiasSplitGelu", {b.Input("x", x.shape()), b.Constant(bias)})[0],
                   "y");
        },
        [&](GraphBuilder& b) {
          const ValueId sum = b.Op("Add", {b.Input("x", x.shape()), b.Constant(bias)});
          const auto half = [&](std::int64_t from) {
            return b.Op("Slice", {sum, b.Ints({from}), b.Ints({from + 4}), b.Ints({2})});
          };
          b.Output(b.Op("Mul", {half(0), GeluOf(b, half(4))}), "y");
        },
        inputs, opset);
  }
}

TEST(ExpandContrib, QuickGelu) {
  const Tensor x = RandomTensor({2, 9}, 1);
  for (const float alpha : {0.0f, 0.5f}) {  // 0: the default
    ExpectSame(
        [&](GraphBuilder& b) {
          const Attributes attributes = alpha == 0 ? Attributes() : With({{"alpha", alpha}});
          b.Output(Contrib(b, "QuickGelu", {b.Input("x", x.shape())}, 1, attributes)[0], "y");
        },
        [&](GraphBuilder& b) {
          const ValueId in = b.Input("x", x.shape());
          const ValueId scaled = b.Op("Mul", {in, b.Floats({}, {alpha == 0 ? 1.702f : alpha})});
          b.Output(b.Op("Mul", {in, b.Op("Sigmoid", {scaled})}), "y");
        },
        {{"x", x}}, 12);
  }
}

TEST(ExpandContrib, SkipLayerNormalization) {
  const Tensor x = RandomTensor({2, 3, 8}, 1), skip = RandomTensor({2, 3, 8}, 2);
  const Tensor scale = RandomTensor({8}, 3), shift = RandomTensor({8}, 4),
               bias = RandomTensor({8}, 5);
  for (const bool has_shift : {false, true}) {
    for (const bool has_bias : {false, true}) {
      ExpectSame(
          [&](GraphBuilder& b) {
            const auto made = Contrib(
                b, "SkipLayerNormalization",
                {b.Input("x", x.shape()), b.Input("skip", x.shape()), b.Constant(scale),
                 has_shift ? b.Constant(shift) : kNoValue, has_bias ? b.Constant(bias) : kNoValue},
                4, With({{"epsilon", 1e-3f}}));
            b.Output(made[0], "y");
            b.Output(made[1], "mean");
            b.Output(made[2], "inverse");
            b.Output(made[3], "sum");
          },
          [&](GraphBuilder& b) {
            ValueId sum = b.Op("Add", {b.Input("x", x.shape()), b.Input("skip", x.shape())});
            if (has_bias) sum = b.Op("Add", {sum, b.Constant(bias)});
            const ValueId mean =
                b.Op("ReduceMean", {sum}, With({{"axes", std::vector<std::int64_t>{2}}}));
            const ValueId centred = b.Op("Sub", {sum, mean});
            const ValueId variance = b.Op("ReduceMean", {b.Op("Mul", {centred, centred})},
                                          With({{"axes", std::vector<std::int64_t>{2}}}));
            const ValueId inverse = b.Op(
                "Reciprocal", {b.Op("Sqrt", {b.Op("Add", {variance, b.Floats({}, {1e-3f})})})});
            ValueId y = b.Op("Mul", {b.Op("Mul", {centred, inverse}), b.Constant(scale)});
            if (has_shift) y = b.Op("Add", {y, b.Constant(shift)});
            b.Output(y, "y");
            b.Output(mean, "mean");
            b.Output(inverse, "inverse");
            b.Output(sum, "sum");
          },
          {{"x", x}, {"skip", skip}}, 12);
    }
  }
}

TEST(ExpandContrib, SkipSimplifiedLayerNormalization) {
  const Tensor x = RandomTensor({2, 3, 8}, 1), skip = RandomTensor({2, 3, 8}, 2);
  const Tensor scale = RandomTensor({8}, 3), bias = RandomTensor({8}, 5);
  for (const bool has_bias : {false, true}) {
    ExpectSame(
        [&](GraphBuilder& b) {
          std::vector<ValueId> inputs{b.Input("x", x.shape()), b.Input("skip", x.shape()),
                                      b.Constant(scale)};
          if (has_bias) inputs.push_back(b.Constant(bias));
          const auto made =
              Contrib(b, "SkipSimplifiedLayerNormalization", inputs, 4, With({{"epsilon", 1e-3f}}));
          b.ir().nodes.back().outputs[1] = kNoValue;
          b.Output(made[0], "y");
          b.Output(made[3], "sum");
        },
        [&](GraphBuilder& b) {
          ValueId sum = b.Op("Add", {b.Input("x", x.shape()), b.Input("skip", x.shape())});
          if (has_bias) sum = b.Op("Add", {sum, b.Constant(bias)});
          const ValueId squares = b.Op("ReduceMean", {b.Op("Mul", {sum, sum})},
                                       With({{"axes", std::vector<std::int64_t>{2}}}));
          const ValueId rms = b.Op("Sqrt", {b.Op("Add", {squares, b.Floats({}, {1e-3f})})});
          b.Output(b.Op("Mul", {b.Op("Div", {sum, rms}), b.Constant(scale)}), "y");
          b.Output(sum, "sum");
        },
        {{"x", x}, {"skip", skip}}, 12);
  }
}

TEST(ExpandContrib, BiasAdd) {
  const Tensor x = RandomTensor({2, 3, 8}, 1), skip = RandomTensor({2, 3, 8}, 2);
  const Tensor bias = RandomTensor({8}, 3);
  ExpectSame(
      [&](GraphBuilder& b) {
        b.Output(
            Contrib(b, "BiasAdd",
                    {b.Input("x", x.shape()), b.Constant(bias), b.Input("skip", x.shape())})[0],
            "y");
      },
      [&](GraphBuilder& b) {
        const ValueId sum = b.Op("Add", {b.Input("x", x.shape()), b.Input("skip", x.shape())});
        b.Output(b.Op("Add", {sum, b.Constant(bias)}), "y");
      },
      {{"x", x}, {"skip", skip}}, 12);
}

TEST(ExpandContrib, NhwcMaxPool) {
  const Tensor x = testing::Iota(DataType::kUInt8, {1, 4, 5, 2});
  GraphBuilder b(13);
  b.Output(Contrib(b, "NhwcMaxPool", {b.Input("x", x.shape(), DataType::kUInt8)}, 1,
                   With({{"kernel_shape", std::vector<std::int64_t>{2, 3}},
                         {"strides", std::vector<std::int64_t>{2, 2}}}))[0],
           "y");
  const Model model = Model::Compile(b.Take(), {.threads = 1});
  const Tensor y = model.NewSession().Run({{"x", x}}).at("y");
  // The last element of each window, as they grow.
  EXPECT_TRUE(testing::SameTensor(
      Tensor::From<std::uint8_t>({1, 2, 2, 2},
                                 std::vector<std::uint8_t>{14, 15, 18, 19, 34, 35, 38, 39}),
      y));
}

// A branch that is folded with the graph around it.
TEST(ExpandContrib, Subgraphs) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2, 4});
  GraphBuilder yes, no;
  yes.Output(
      Contrib(yes, "BiasGelu", {testing::CaptureOf(yes, b, x), yes.Floats({4}, {0, 0, 0, 0})})[0]);
  no.Output(testing::CaptureOf(no, b, x));
  Attributes branches;
  branches.Set("then_branch", testing::Subgraph(yes));
  branches.Set("else_branch", testing::Subgraph(no));
  b.Output(b.Op("If", {b.Input("cond", {}, DataType::kBool)}, branches), "y");
  Tensor cond(DataType::kBool, {});
  cond.data<bool>()[0] = true;
  const Tensor values = RandomTensor({2, 4}, 1);
  const Model model = Model::Compile(b.Take(), {.threads = 1});
  const Tensor y = model.NewSession().Run({{"x", values}, {"cond", cond}}).at("y");
  for (std::int64_t i = 0; i < 8; ++i) {
    const float v = values.data<float>()[i];
    EXPECT_NEAR(y.data<float>()[i], 0.5f * v * (1 + std::erf(v / std::sqrt(2.0f))), 1e-6f);
  }
}

TEST(ExpandContrib, WhatIsNotSupported) {
  const auto thrown = [](const std::function<void(GraphBuilder&)>& build) {
    return testing::Catch([&] {
      GraphBuilder b;
      build(b);
      Model::Compile(b.Take());
    });
  };
  const auto unknown = thrown([](GraphBuilder& b) {
    b.Output(Contrib(b, "FusedConv", {b.Input("x", {1, 1, 2, 2}), b.Floats({1, 1, 1, 1}, {1})}, 1,
                     With({{"activation", Text("Cosine")}}))[0]);
  });
  EXPECT_EQ(unknown.code, ErrorCode::kUnsupported);
  EXPECT_NE(unknown.message.find("activation 'Cosine'"), std::string::npos) << unknown.message;
  const auto mean = thrown([](GraphBuilder& b) {
    const auto made = Contrib(b, "SkipSimplifiedLayerNormalization",
                              {b.Input("x", {2}), b.Input("s", {2}), b.Floats({2}, {1, 1})}, 2);
    b.Output(made[0]);
    b.Output(made[1]);
  });
  EXPECT_EQ(mean.code, ErrorCode::kUnsupported);
  const auto laid_out = thrown([](GraphBuilder& b) {
    b.Output(b.Op("Conv", {b.Input("x", {1, 8, 2, 2}), b.Floats({1}, {1})}));
    b.ir().nodes.back().domain = "com.microsoft.nchwc";
  });
  EXPECT_EQ(laid_out.code, ErrorCode::kUnsupported);
  EXPECT_NE(laid_out.message.find("ORT_ENABLE_EXTENDED"), std::string::npos) << laid_out.message;
}

}  // namespace
}  // namespace kinglet::expand_contrib_test
