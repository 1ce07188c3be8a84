#include "engine/passes/old_forms.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/op_runner.h"

namespace kinglet::old_forms_test {
namespace {

using testing::Catch;
using testing::GraphBuilder;
using ::testing::HasSubstr;
using testing::NearTensor;
using testing::RandomTensor;

using Ints = std::vector<std::int64_t>;

Attributes Set(std::initializer_list<std::pair<const char*, Attribute>> list) {
  Attributes attributes;
  for (const auto& [name, value] : list) attributes.Set(name, value);
  return attributes;
}
Attribute Int(std::int64_t value) { return value; }
Attribute Float(float value) { return value; }
Attribute Text(const char* value) { return std::string(value); }

Tensor RunGraph(GraphBuilder& b, const std::vector<Tensor>& inputs, bool optimize = true) {
  std::vector<std::string> names;
  for (const ValueId id : b.ir().inputs) names.push_back(b.ir().value(id).name);
  const Model model = Model::Compile(b.Take(), {.threads = 1, .optimize = optimize});
  Session session = model.NewSession();
  Tensors tensors;
  for (std::size_t i = 0; i < names.size(); ++i) tensors.emplace(names[i], inputs[i]);
  return session.Run(tensors).begin()->second.Clone();
}

// Both graphs, each of its opset, give the same, optimised and as written.
template <typename Old, typename New>
void ExpectSame(int old_opset, Old&& old_form, int opset, New&& new_form,
                const std::vector<Tensor>& inputs) {
  for (const bool optimize : {false, true}) {
    GraphBuilder old_graph(old_opset);
    old_form(old_graph);
    GraphBuilder new_graph(opset);
    new_form(new_graph);
    EXPECT_TRUE(NearTensor(RunGraph(new_graph, inputs, optimize),
                           RunGraph(old_graph, inputs, optimize), 1e-6, 1e-6));
  }
}

// One node of an old form and one of a new form, on an input x.
void ExpectSameNode(const char* op, int old_opset, const Attributes& old_attributes, int opset,
                    const Attributes& attributes, const Shape& shape,
                    const std::vector<Tensor>& constants = {}) {
  const auto build = [&](const Attributes& set, bool with_constants) {
    return [&, set, with_constants](GraphBuilder& b) {
      std::vector<ValueId> inputs = {b.Input("x", shape)};
      for (const Tensor& constant : constants) {
        if (with_constants) inputs.push_back(b.Constant(constant));
      }
      b.Output(b.Op(op, inputs, set));
    };
  };
  ExpectSame(old_opset, build(old_attributes, false), opset, build(attributes, true),
             {RandomTensor(shape)});
}

TEST(OldForms, OperandsAreAlignedByAnAxis) {
  struct Case {
    Shape a, b, aligned;
    std::int64_t axis;
  };
  for (const Case& c :
       {Case{{2, 3, 4, 5}, {3}, {3, 1, 1}, 1}, Case{{2, 3, 4, 5}, {3, 4}, {3, 4, 1}, 1},
        Case{{2, 3, 4}, {2}, {2, 1, 1}, 0}, Case{{2, 3, 4}, {3, 4}, {3, 4}, -2},
        Case{{2, 3}, {1, 3}, {1, 3}, 0}, Case{{2, 3}, {}, {}, 1}}) {
    for (const char* op : {"Add", "Sub", "Mul", "Div"}) {
      for (const bool constant : {false, true}) {
        const Tensor b_value = RandomTensor(c.b, 2);
        std::vector<Tensor> inputs = {RandomTensor(c.a, 1)};
        if (!constant) inputs.push_back(b_value);
        const auto build = [&](const Shape& b_shape, const Attributes& attributes) {
          return [&, b_shape, attributes](GraphBuilder& b) {
            // Behind another node, so that its rank has to be found.
            const ValueId x = b.Op("Neg", {b.Input("a", c.a)});
            ValueId y = constant ? b.Constant(b_value.Reshaped(b_shape)) : b.Input("b", c.b);
            if (!constant && b_shape != c.b) y = b.Op("Reshape", {y, b.Ints(b_shape)});
            b.Output(b.Op(op, {x, y}, attributes));
          };
        };
        ExpectSame(6, build(c.b, Set({{"broadcast", Int(1)}, {"axis", Int(c.axis)}})), 7,
                   build(c.aligned, {}), inputs);
      }
    }
  }
}

TEST(OldForms, WithoutAnAxisTheLastDimensionsAreTheSame) {
  const auto build = [](const Attributes& attributes) {
    return [=](GraphBuilder& b) {
      const ValueId x = b.Input("x", {2, 3, 4});
      b.Output(b.Op("Add", {x, b.Constant(RandomTensor({4}, 2))}, attributes));
    };
  };
  ExpectSame(1, build(Set({{"broadcast", Int(1)}, {"consumed_inputs", Ints{0, 0}}})), 7, build({}),
             {RandomTensor({2, 3, 4})});
}

TEST(OldForms, SlopesAreOfChannels) {
  for (const Shape& shape : {Shape{2, 3, 4, 5}, Shape{2, 3, 5}, Shape{2, 3}}) {
    Shape aligned(shape.size() - 1, 1);
    aligned[0] = 3;
    const auto build = [&](const Shape& slope) {
      return [&, slope](GraphBuilder& b) {
        b.Output(
            b.Op("PRelu", {b.Input("x", shape), b.Constant(RandomTensor({3}, 2).Reshaped(slope))}));
      };
    };
    ExpectSame(6, build({3}), 7, build(aligned), {RandomTensor(shape)});
  }
  const auto single = [](GraphBuilder& b) {
    b.Output(b.Op("PRelu", {b.Input("x", {2, 3, 4}), b.Floats({1}, {0.3f})}));
  };
  ExpectSame(1, single, 7, single, {RandomTensor({2, 3, 4})});
}

std::vector<ValueId> BatchNormInputs(GraphBuilder& b, const Shape& x, const Shape& parameters) {
  Tensor variance = RandomTensor(parameters, 5);
  for (std::int64_t i = 0; i < variance.size(); ++i) variance.data<float>()[i] += 1.5f;
  return {b.Input("x", x), b.Constant(RandomTensor(parameters, 2)),
          b.Constant(RandomTensor(parameters, 3)), b.Constant(RandomTensor(parameters, 4)),
          b.Constant(variance)};
}

TEST(OldForms, BatchNormalizationThatIsTestedWithOutputsOfTraining) {
  const auto build = [](std::size_t outputs, const Attributes& attributes) {
    return [=](GraphBuilder& b) {
      b.Output(b.Node("BatchNormalization", BatchNormInputs(b, {2, 3, 4, 4}, {3}), outputs,
                      attributes)[0]);
    };
  };
  const Tensor x = RandomTensor({2, 3, 4, 4});
  const Attributes old = Set({{"is_test", Int(1)},
                              {"consumed_inputs", Ints{0, 0, 0, 1, 1}},
                              {"spatial", Int(1)},
                              {"epsilon", Float(1e-3f)},
                              {"momentum", Float(0.9f)}});
  const auto plain = build(1, Set({{"epsilon", Float(1e-3f)}}));
  ExpectSame(1, build(5, old), 9, plain, {x});
  ExpectSame(6, build(1, old), 9, plain, {x});
}

TEST(OldForms, BatchNormalizationOfEachElement) {
  for (const int opset : {6, 7}) {
    const Tensor x = RandomTensor({2, 3, 4, 5});
    GraphBuilder b(opset);
    b.Output(b.Node("BatchNormalization", BatchNormInputs(b, {2, 3, 4, 5}, {3, 4, 5}), 1,
                    Set({{"spatial", Int(0)}, {"epsilon", Float(0.01f)}}))[0]);
    std::vector<Tensor> parameters;
    for (const ValueId id : b.ir().nodes[0].inputs) {
      if (b.ir().value(id).is_constant()) parameters.push_back(b.ir().value(id).constant);
    }
    const Tensor y = RunGraph(b, {x});
    ASSERT_EQ(y.shape(), x.shape());
    for (std::int64_t i = 0; i < y.size(); ++i) {
      const std::int64_t at = i % 60;
      const auto value = [&](std::size_t k) {
        return static_cast<double>(parameters[k].data<float>()[at]);
      };
      const double expected = value(0) * (static_cast<double>(x.data<float>()[i]) - value(2)) /
                                  std::sqrt(value(3) + 0.01) +
                              value(1);
      EXPECT_NEAR(y.data<float>()[i], expected, 1e-5) << i;
    }
  }
}

// The statistics are those of the batch, for each channel or each element.
TEST(OldForms, BatchNormalizationWithOutputsOfTrainingThatNobodyReads) {
  const Shape shape{4, 3, 2, 5};
  const Tensor x = RandomTensor(shape);
  for (const auto& [opset, spatial] :
       {std::pair{6, true}, {7, true}, {8, false}, {9, true}, {13, true}}) {
    const Shape parameters = spatial ? Shape{3} : Shape{3, 2, 5};
    Attributes attributes = Set({{"epsilon", Float(0.01f)}});
    if (!spatial) attributes.Set("spatial", std::int64_t{0});
    GraphBuilder b(opset);
    b.Output(b.Node("BatchNormalization", BatchNormInputs(b, shape, parameters), 5, attributes)[0]);
    const Tensor scale = b.ir().value(b.ir().nodes[0].inputs[1]).constant;
    const Tensor bias = b.ir().value(b.ir().nodes[0].inputs[2]).constant;
    const Tensor y = RunGraph(b, {x});
    ASSERT_EQ(y.shape(), shape);
    const auto group = [each = spatial](std::int64_t i) { return each ? i / 10 % 3 : i % 30; };
    for (std::int64_t g = 0; g < scale.size(); ++g) {
      double sum = 0;
      double squares = 0;
      double count = 0;
      for (std::int64_t i = 0; i < x.size(); ++i) {
        if (group(i) != g) continue;
        const double value = x.data<float>()[i];
        sum += value;
        squares += value * value;
        ++count;
      }
      const double mean = sum / count;
      const double deviation = std::sqrt(squares / count - mean * mean + 0.01);
      for (std::int64_t i = 0; i < x.size(); ++i) {
        if (group(i) != g) continue;
        const double expected = (static_cast<double>(x.data<float>()[i]) - mean) / deviation *
                                    static_cast<double>(scale.data<float>()[g]) +
                                static_cast<double>(bias.data<float>()[g]);
        ASSERT_NEAR(y.data<float>()[i], expected, 1e-5) << opset << " at " << i;
      }
    }
  }
}

TEST(OldForms, MeanVarianceNormalizationNamesAxes) {
  for (const int opset : {1, 7, 8}) {
    ExpectSameNode("MeanVarianceNormalization", opset,
                   Set({{"across_channels", Int(1)}, {"normalize_variance", Int(1)}}), 9,
                   Set({{"axes", Ints{0, 1, 2, 3}}}), {2, 3, 4, 5});
    ExpectSameNode("MeanVarianceNormalization", opset, Set({{"across_channels", Int(0)}}), 9, {},
                   {2, 3, 4, 5});
  }
}

TEST(OldForms, BatchNormalizationThatTrainsIsRefused) {
  GraphBuilder b(7);
  const auto outputs = b.Node("BatchNormalization", BatchNormInputs(b, {2, 3, 4, 4}, {3}), 5);
  b.Output(outputs[0]);
  b.Output(outputs[1]);
  const auto thrown = Catch([&] { Model::Compile(b.Take(), {}); });
  EXPECT_EQ(thrown.code, ErrorCode::kUnsupported);
  EXPECT_THAT(thrown.message, HasSubstr("training"));
}

TEST(OldForms, AttributesThatBecameInputsOrVanished) {
  const Attribute consumed = Ints{0};
  ExpectSameNode("Relu", 1, Set({{"consumed_inputs", consumed}}), 7, {}, {2, 3});
  ExpectSameNode("Dropout", 1,
                 Set({{"consumed_inputs", consumed}, {"is_test", Int(1)}, {"ratio", Float(0.4f)}}),
                 7, {}, {2, 3});
  ExpectSameNode("Dropout", 6, Set({{"is_test", Int(0)}, {"ratio", Float(0.4f)}}), 7, {}, {2, 3});
  ExpectSameNode("Reshape", 1, Set({{"shape", Ints{0, -1}}, {"consumed_inputs", consumed}}), 7, {},
                 {2, 3, 4}, {Tensor::From<std::int64_t>({2}, {0, -1})});
  ExpectSameNode(
      "Pad", 1,
      Set({{"paddings", Ints{0, 1, 2, 0}}, {"value", Float(3)}, {"mode", Text("constant")}}), 7,
      Set({{"pads", Ints{0, 1, 2, 0}}, {"value", Float(3)}}), {2, 3});
  ExpectSameNode("Cast", 1, Set({{"to", Text("DOUBLE")}}), 6, Set({{"to", Int(11)}}), {2, 3});
  ExpectSameNode(
      "Upsample", 1,
      Set({{"height_scale", Float(2)}, {"width_scale", Float(3)}, {"mode", Text("nearest")}}), 7,
      Set({{"scales", std::vector<float>{1, 1, 2, 3}}}), {1, 2, 3, 4});
  ExpectSameNode(
      "Upsample", 1,
      Set({{"height_scale", Float(2)}, {"width_scale", Float(2)}, {"mode", Text("bilinear")}}), 7,
      Set({{"scales", std::vector<float>{1, 1, 2, 2}}, {"mode", Text("linear")}}), {1, 2, 3, 4});
  ExpectSameNode("GlobalLpPool", 1, Set({{"p", Float(3)}}), 7, Set({{"p", Int(3)}}), {1, 2, 3, 4});
  ExpectSameNode("LpPool", 1, Set({{"p", Float(3)}, {"kernel_shape", Ints{2, 2}}}), 7,
                 Set({{"p", Int(3)}, {"kernel_shape", Ints{2, 2}}}), {1, 2, 3, 4});
  ExpectSameNode("Selu", 1, {}, 7, Set({{"alpha", Float(1.6732f)}, {"gamma", Float(1.0507f)}}),
                 {2, 3});
  ExpectSameNode("Softmax", 1, {}, 7, {}, {2, 3, 4});
  ExpectSameNode("Clip", 1, Set({{"min", Float(-0.1f)}, {"consumed_inputs", consumed}}), 7,
                 Set({{"min", Float(-0.1f)}}), {2, 3});
}

TEST(OldForms, ConcatGoesAlongTheChannels) {
  const auto build = [](const Attributes& attributes) {
    return [=](GraphBuilder& b) {
      const ValueId x = b.Input("x", {2, 3, 4});
      b.Output(b.Op("Concat", {x, x}, attributes));
    };
  };
  ExpectSame(1, build({}), 7, build(Set({{"axis", Int(1)}})), {RandomTensor({2, 3, 4})});
}

TEST(OldForms, GemmWithBroadcast) {
  const auto build = [](const Attributes& attributes) {
    return [=](GraphBuilder& b) {
      b.Output(b.Op("Gemm",
                    {b.Input("x", {2, 3}), b.Constant(RandomTensor({3, 4}, 2)),
                     b.Constant(RandomTensor({4}, 3))},
                    attributes));
    };
  };
  ExpectSame(6, build(Set({{"broadcast", Int(1)}})), 7, build({}), {RandomTensor({2, 3})});
}

TEST(OldForms, SplitAndTileTakeConstants) {
  const auto split = [](bool as_input) {
    return [=](GraphBuilder& b) {
      std::vector<ValueId> inputs = {b.Input("x", {5, 2})};
      Attributes attributes = Set({{"axis", Int(0)}});
      if (as_input) {
        inputs.push_back(b.Floats({2}, {2, 3}));
      } else {
        attributes.Set("split", Ints{2, 3});
      }
      b.Output(b.Node("Split", inputs, 2, attributes)[1]);
    };
  };
  ExpectSame(1, split(true), 7, split(false), {RandomTensor({5, 2})});
  const auto tile = [](bool old) {
    return [=](GraphBuilder& b) {
      const ValueId x = b.Input("x", {2, 3});
      b.Output(old ? b.Op("Tile", {x, b.Floats({}, {2}), b.Floats({}, {1})})
                   : b.Op("Tile", {x, b.Ints({1, 2})}));
    };
  };
  ExpectSame(1, tile(true), 7, tile(false), {RandomTensor({2, 3})});
}

TEST(OldForms, ExperimentalOperatorsOfEarlyExporters) {
  const Tensor x = RandomTensor({2, 3, 4, 5});
  const auto old_node = [](const char* op, const Attributes& attributes) {
    return [=](GraphBuilder& b) { b.Output(b.Op(op, {b.Input("x", {2, 3, 4, 5})}, attributes)); };
  };
  const auto scaled = [](const char* function) {
    return [=](GraphBuilder& b) {
      const ValueId inner = b.Op("Mul", {b.Input("x", {2, 3, 4, 5}), b.Floats({}, {0.5f})});
      b.Output(b.Op("Mul", {b.Op(function, {inner}), b.Floats({}, {2.0f})}));
    };
  };
  const Attributes alpha_beta = Set({{"alpha", Float(2)}, {"beta", Float(0.5f)}});
  for (const int opset : {1, 7, 13}) {
    ExpectSame(opset, old_node("ScaledTanh", alpha_beta), 13, scaled("Tanh"), {x});
    ExpectSame(opset, old_node("ParametricSoftplus", alpha_beta), 13, scaled("Softplus"), {x});
    ExpectSame(opset, old_node("Affine", alpha_beta), 13,
               [](GraphBuilder& b) {
                 const ValueId y = b.Op("Mul", {b.Input("x", {2, 3, 4, 5}), b.Floats({}, {2.0f})});
                 b.Output(b.Op("Add", {y, b.Floats({}, {0.5f})}));
               },
               {x});
    ExpectSame(opset, old_node("Scale", Set({{"scale", Float(2)}})), 13,
               [](GraphBuilder& b) {
                 b.Output(b.Op("Mul", {b.Input("x", {2, 3, 4, 5}), b.Floats({}, {2.0f})}));
               },
               {x});
    ExpectSame(
        opset,
        old_node("ImageScaler", Set({{"scale", Float(2)}, {"bias", std::vector<float>{1, 2, 3}}})),
        13,
        [](GraphBuilder& b) {
          const ValueId y = b.Op("Mul", {b.Input("x", {2, 3, 4, 5}), b.Floats({}, {2.0f})});
          b.Output(b.Op("Add", {y, b.Floats({3, 1, 1}, {1, 2, 3})}));
        },
        {x});
    const auto slice = [](const Ints& starts, const Ints& ends) {
      return [=](GraphBuilder& b) {
        b.Output(b.Op("Slice",
                      {b.Input("x", {2, 3, 4, 5}), b.Ints(starts), b.Ints(ends), b.Ints({2, 3})}));
      };
    };
    ExpectSame(opset, old_node("Crop", Set({{"border", Ints{1, 2, 0, 1}}})), 13,
               slice({2, 1}, {3, 5}), {x});
    ExpectSame(opset, old_node("Crop", Set({{"border", Ints{1, 2, 0, 0}}, {"scale", Ints{1, 3}}})),
               13, slice({2, 1}, {3, 4}), {x});
  }
}

TEST(OldForms, ConstantFill) {
  const auto build = [](const Attributes& attributes, bool input) {
    return [=](GraphBuilder& b) {
      const ValueId x = b.Input("x", {2, 3});
      ValueId filled = kNoValue;
      if (input) {
        filled = b.Op("ConstantFill", {x}, attributes);
      } else {
        filled = b.Op("ConstantFill", {}, attributes);
      }
      b.Output(b.Op("Add", {filled, x}, Set({{"broadcast", Int(1)}})));
    };
  };
  const auto expected = [](GraphBuilder& b) {
    b.Output(b.Op("Add", {b.Floats({2, 3}, std::vector<float>(6, 0.5f)), b.Input("x", {2, 3})}));
  };
  const Tensor x = RandomTensor({2, 3});
  ExpectSame(1, build(Set({{"value", Float(0.5f)}, {"shape", Ints{2, 3}}}), false), 13, expected,
             {x});
  ExpectSame(1, build(Set({{"value", Float(0.5f)}}), true), 13, expected, {x});
}

TEST(OldForms, SubgraphsToo) {
  GraphBuilder then(6);
  then.Output(then.Op("Relu", {then.Floats({2}, {-1, 2})}, Set({{"consumed_inputs", Ints{0}}})),
              "y");
  GraphBuilder otherwise(6);
  otherwise.Output(otherwise.Op("Neg", {otherwise.Floats({2}, {-1, 2})}), "z");
  GraphBuilder b(6);
  const ValueId condition = b.Input("c", {}, DataType::kBool);
  Attributes branches;
  branches.Set("then_branch", std::make_shared<GraphIr>(std::move(then.ir())));
  branches.Set("else_branch", std::make_shared<GraphIr>(std::move(otherwise.ir())));
  b.Output(b.Op("If", {condition}, branches));
  Tensor yes(DataType::kBool, {});
  yes.data<bool>()[0] = true;
  EXPECT_TRUE(NearTensor(Tensor::From<float>({2}, {0, 2}), RunGraph(b, {yes}), 0, 0));
}

TEST(OldForms, OnnxRuntimesQuantisationIsOnnxs) {
  GraphBuilder b(13);
  const ValueId x = b.Input("x", {4});
  const ValueId scale = b.Floats({}, {0.5f});
  const ValueId zero = b.Constant(Tensor::From<std::uint8_t>({}, {10}));
  const ValueId q = b.Op("QuantizeLinear", {x, scale, zero});
  b.Output(b.Op("DequantizeLinear", {q, scale, zero}));
  for (Node& node : b.ir().nodes) {
    node.domain = "com.microsoft";
    node.opset = 1;
  }
  ReplaceOldForms(b.ir(), {});
  for (const Node& node : b.ir().nodes) EXPECT_EQ(node.domain, "");
  EXPECT_TRUE(NearTensor(Tensor::From<float>({4}, {0.5f, -5, 122.5f, 1}),
                         RunGraph(b, {Tensor::From<float>({4}, {0.6f, -80, 200, 1.2f})}), 0, 0));
}

TEST(OldForms, DynamicQuantizeMatMulIsItsParts) {
  const Tensor x = RandomTensor({3, 8});
  Tensor weights(DataType::kInt8, {8, 4});
  for (std::int64_t i = 0; i < weights.size(); ++i) {
    weights.data<std::int8_t>()[i] = static_cast<std::int8_t>(i * 7 - 100);
  }
  for (const bool with_bias : {false, true}) {
    GraphBuilder b(13);
    std::vector<ValueId> inputs = {b.Input("x", {3, 8}), b.Constant(weights),
                                   b.Floats({4}, {0.5f, 0.25f, 1, 2}),
                                   b.Constant(Tensor::From<std::int8_t>({4}, {1, 2, 3, 4}))};
    if (with_bias) inputs.push_back(b.Floats({4}, {1, 2, 3, 4}));
    const ValueId y = b.Op("DynamicQuantizeMatMul", inputs);
    b.ir().nodes[0].domain = "com.microsoft";
    b.ir().nodes[0].opset = 1;
    b.Output(y);
    const Tensor found = RunGraph(b, {x});
    const auto dynamic = EvaluateOp("DynamicQuantizeLinear", {x}, {}, 13, 3);
    const float scale = dynamic[1].data<float>()[0];
    for (std::int64_t i = 0; i < found.size(); ++i) {
      const std::int64_t j = i % 4;
      double sum = 0;
      for (std::int64_t k = 0; k < 8; ++k) {
        sum += (static_cast<double>(dynamic[0].data<std::uint8_t>()[i / 4 * 8 + k]) -
                dynamic[2].data<std::uint8_t>()[0]) *
               (weights.data<std::int8_t>()[k * 4 + j] - static_cast<double>(j + 1));
      }
      const double by[] = {0.5, 0.25, 1, 2};
      const double expected =
          sum * static_cast<double>(scale) * by[j] + (with_bias ? static_cast<double>(j + 1) : 0.0);
      EXPECT_NEAR(found.data<float>()[i], expected, 1e-3) << i;
    }
  }
}

TEST(OldForms, WhatCannotBeKnownOrIsWrong) {
  const auto thrown = [](auto&& build) {
    GraphBuilder b(6);
    build(b);
    return Catch([&] { Model::Compile(b.Take(), {}); });
  };
  const Attributes aligned = Set({{"broadcast", Int(1)}, {"axis", Int(1)}});
  auto error = thrown([&](GraphBuilder& b) {
    const ValueId x = b.Input("x", {2, 3});
    b.ir().value(x).has_shape = false;
    b.Output(b.Op("Add", {x, b.Floats({3}, {1, 2, 3})}, aligned));
  });
  EXPECT_EQ(error.code, ErrorCode::kUnsupported);
  EXPECT_THAT(error.message, HasSubstr("rank"));
  error = thrown([&](GraphBuilder& b) {
    b.Output(b.Op("Add", {b.Input("x", {2, 3}), b.Constant(RandomTensor({3, 1}))}, aligned));
  });
  EXPECT_EQ(error.code, ErrorCode::kInvalidModel);
  EXPECT_THAT(error.message, HasSubstr("axis"));
  error = thrown([](GraphBuilder& b) {
    b.Output(b.Op("Crop", {b.Input("x", {1, 1, 3, 3})}, Set({{"border", Ints{1, 1}}})));
  });
  EXPECT_EQ(error.code, ErrorCode::kInvalidModel);
  EXPECT_THAT(error.message, HasSubstr("border"));
}

TEST(OldForms, NodesWithoutInputsAreRefused) {
  for (const char* op : {"Affine", "Crop", "ImageScaler", "Scale", "ScaledTanh", "Upsample",
                         "PRelu", "BatchNormalization", "Reshape", "Tile", "Split", "Add"}) {
    for (const std::vector<ValueId>& inputs :
         {std::vector<ValueId>{}, std::vector<ValueId>(5, kNoValue)}) {
      GraphBuilder b(1);
      b.Output(
          b.Op(op, inputs, Set({{"broadcast", Int(1)}, {"axis", Int(0)}, {"spatial", Int(0)}})));
      EXPECT_TRUE(Catch([&] { Model::Compile(b.Take(), {}); }).thrown) << op;
    }
  }
}

}  // namespace
}  // namespace kinglet::old_forms_test
