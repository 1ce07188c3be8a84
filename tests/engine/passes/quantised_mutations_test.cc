// Quantised graphs that are changed at random, wrong parameters included: what runs as it is
// written runs on codes too, with the same answer, and what does not is one error.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kinglet/error.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/quantized_op.h"

namespace kinglet {
namespace {

using testing::GraphBuilder;
using testing::RandomBytes;
using testing::RandomTensor;

using Random = std::mt19937;

std::size_t Below(Random& random, std::size_t count) { return random() % count; }

ValueId Scale(GraphBuilder& b, float scale) { return b.Floats({}, {scale}); }
ValueId Zero(GraphBuilder& b, std::uint8_t zero) {
  return b.Constant(Tensor::From<std::uint8_t>({}, {zero}));
}
ValueId Rounded(GraphBuilder& b, ValueId x, float scale, std::uint8_t zero) {
  const ValueId s = Scale(b, scale), z = Zero(b, zero);
  return b.Op("DequantizeLinear", {b.Op("QuantizeLinear", {x, s, z}), s, z});
}

// Two convolutions, a sum, a Concat, a table, a pool, a dense layer.
void Build(GraphBuilder& b) {
  const ValueId x = Rounded(b, b.Input("x", {1, 3, 6, 6}), 0.016f, 120);
  Attributes pads;
  pads.Set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  const ValueId w = b.Op(
      "DequantizeLinear",
      {b.Constant(RandomBytes<std::uint8_t>({4, 3, 3, 3}, 1)), Scale(b, 0.004f), Zero(b, 130)});
  const ValueId bias = b.Op(
      "DequantizeLinear",
      {b.Constant(Tensor::From<std::int32_t>({4}, {900, -700, 50, 0})), Scale(b, 0.016f * 0.004f)});
  const ValueId left = Rounded(b, b.Op("Relu", {b.Op("Conv", {x, w, bias}, pads)}), 0.02f, 0);
  Attributes axis;
  axis.Set("axis", std::int64_t{0});
  const ValueId per_channel =
      b.Op("DequantizeLinear",
           {b.Constant(RandomBytes<std::int8_t>({4, 3, 1, 1}, 2)),
            b.Floats({4}, {0.01f, 0.02f, 0.015f, 0.01f}), b.Constant(Tensor(DataType::kInt8, {4}))},
           axis);
  const ValueId right = Rounded(b, b.Op("Conv", {x, per_channel}), 0.03f, 128);
  const ValueId sum = Rounded(b, b.Op("Add", {left, right}), 0.04f, 100);
  axis.Set("axis", std::int64_t{1});
  const ValueId all = Rounded(b, b.Op("Concat", {sum, left}, axis), 0.04f, 100);
  const ValueId gated = Rounded(b, b.Op("Mul", {all, b.Op("Sigmoid", {all})}), 0.03f, 20);
  const ValueId mean = Rounded(b, b.Op("GlobalAveragePool", {gated}), 0.01f, 30);
  const ValueId flat = b.Op("Flatten", {mean});
  const ValueId dense =
      b.Op("DequantizeLinear", {b.Constant(RandomBytes<std::int8_t>({8, 5}, 3)), Scale(b, 0.01f)});
  b.Output(Rounded(b, b.Op("MatMul", {flat, dense}), 0.02f, 128), "y");
}

// A transposed convolution, two resizes, a Concat of two scales.
void BuildEnlarging(GraphBuilder& b) {
  const ValueId x = Rounded(b, b.Input("x", {1, 3, 6, 6}), 0.016f, 120);
  Attributes transposed;
  transposed.Set("strides", std::vector<std::int64_t>{2, 2});
  transposed.Set("pads", std::vector<std::int64_t>{1, 1, 0, 0});
  Attributes axis;
  axis.Set("axis", std::int64_t{1});
  const ValueId w =
      b.Op("DequantizeLinear",
           {b.Constant(RandomBytes<std::int8_t>({3, 4, 3, 3}, 1)),
            b.Floats({4}, {0.01f, 0.02f, 0.015f, 0.01f}), b.Constant(Tensor(DataType::kInt8, {4}))},
           axis);
  const ValueId bias = b.Floats({4}, {0.3f, -0.2f, 0.0f, 0.1f});
  const ValueId large =
      Rounded(b, b.Op("Relu", {b.Op("ConvTranspose", {x, w, bias}, transposed)}), 0.05f, 3);
  Attributes linear;
  linear.Set("mode", std::string("linear"));
  const ValueId small = Rounded(
      b, b.Op("Resize", {large, kNoValue, b.Floats({4}, {1, 1, 0.5f, 0.5f})}, linear), 0.04f, 9);
  const ValueId input =
      Rounded(b, b.Op("Resize", {x, kNoValue, kNoValue, b.Ints({1, 3, 6, 6})}, linear), 0.02f, 99);
  const ValueId all = Rounded(b, b.Op("Concat", {small, input}, axis), 0.04f, 60);
  b.Output(Rounded(b, b.Op("GlobalAveragePool", {all}), 0.02f, 60), "y");
}

float AnyFloat(Random& random) {
  constexpr float kValues[] = {0.0f,
                               -0.01f,
                               1e-40f,
                               1e-30f,
                               1e30f,
                               0.05f,
                               3.0f,
                               std::numeric_limits<float>::infinity(),
                               -std::numeric_limits<float>::infinity(),
                               std::numeric_limits<float>::quiet_NaN(),
                               std::numeric_limits<float>::max()};
  return kValues[Below(random, std::size(kValues))];
}

// Another type or shape with the same bytes, or other values.
Tensor Changed(const Tensor& tensor, Random& random) {
  Tensor changed = tensor.Clone();
  const auto at = static_cast<std::int64_t>(
      Below(random, static_cast<std::size_t>(std::max<std::int64_t>(tensor.size(), 1))));
  switch (Below(random, 4)) {
    case 0:  // a value
      if (tensor.type() == DataType::kFloat32) {
        changed.data<float>()[at] = AnyFloat(random);
      } else {
        static_cast<std::uint8_t*>(changed.raw())[at] = static_cast<std::uint8_t>(random());
      }
      return changed;
    case 1:  // the other type of as many bytes
      if (tensor.type() == DataType::kInt8 || tensor.type() == DataType::kUInt8) {
        const bool is_signed = tensor.type() == DataType::kInt8;
        Tensor other(is_signed ? DataType::kUInt8 : DataType::kInt8, tensor.shape());
        std::memcpy(other.raw(), tensor.raw(), tensor.bytes());
        return other;
      }
      return changed;
    case 2:  // one more dimension, or a scalar's
      if (tensor.size() == 1) return changed.Reshaped(tensor.shape().empty() ? Shape{1} : Shape{});
      return changed.Reshaped([&] {
        Shape shape = tensor.shape();
        shape.insert(shape.begin(), 1);
        return shape;
      }());
    default:  // of twice as many elements
      if (tensor.size() != 1) return changed;
      Tensor twice(tensor.type(), {2});
      for (std::size_t i = 0; i < 2; ++i) {
        std::memcpy(static_cast<std::byte*>(twice.raw()) + i * tensor.bytes(), tensor.raw(),
                    tensor.bytes());
      }
      return twice;
  }
}

void Mutate(GraphIr& graph, Random& random) {
  std::vector<ValueId> constants;
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    if (graph.values[i].is_constant()) constants.push_back(static_cast<ValueId>(i));
  }
  Node& node = graph.nodes[Below(random, graph.nodes.size())];
  switch (Below(random, 6)) {
    case 0:  // without a zero point
      if (node.inputs.size() == 3) node.inputs.pop_back();
      return;
    case 1:
      node.attributes.Set("axis", static_cast<std::int64_t>(Below(random, 7)) - 3);
      return;
    case 2:  // a scale for another
      if (node.inputs.size() > 1) {
        node.inputs[1] = constants[Below(random, constants.size())];
      }
      return;
    default:
      Tensor& constant = graph.value(constants[Below(random, constants.size())]).constant;
      constant = Changed(constant, random);
  }
}

using BuildFn = void (*)(GraphBuilder&);

Graph Mutant(BuildFn build, std::uint32_t seed) {
  GraphBuilder b(13);
  build(b);
  Random random(seed);
  const std::size_t changes = 1 + Below(random, 2);
  for (std::size_t i = 0; i < changes; ++i) Mutate(b.ir(), random);
  return b.Take();
}

// None where the graph is an error.
std::optional<Tensor> Answer(Graph graph, bool optimize) {
  try {
    const Model model =
        Model::Compile(std::move(graph), {.threads = 1, .optimize = optimize, .use_cache = false});
    Session session = model.NewSession();
    return session.Run({{"x", RandomTensor({1, 3, 6, 6}, 4)}}).at("y").Clone();
  } catch (const Error& error) {
    EXPECT_FALSE(std::string(error.what()).empty());
    return {};
  }
}

// Infinity where one of them is no number and the other is.
double LargestDifference(const Tensor& a, const Tensor& b) {
  double largest = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const double x = a.data<float>()[i], y = b.data<float>()[i];
    if (std::isnan(x) && std::isnan(y)) continue;
    const double difference = x == y ? 0 : std::abs(x - y);
    largest = difference <= largest    ? largest
              : std::isnan(difference) ? std::numeric_limits<double>::infinity()
                                       : difference;
  }
  return largest;
}

// Most of the mutants are still networks.
void ExpectAsWritten(BuildFn build, int mutants) {
  int ran = 0, other = 0;
  for (std::uint32_t seed = 0; std::cmp_less(seed, mutants); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto written = Answer(Mutant(build, seed), false);
    const auto codes = Answer(Mutant(build, seed), true);
    ASSERT_EQ(written.has_value(), codes.has_value());
    if (!written) continue;
    ASSERT_EQ(written->shape(), codes->shape());
    ++ran;
    if (LargestDifference(*written, *codes) > 0.1) ++other;
  }
  EXPECT_GT(ran, mutants / 3);
  // Sums of floats of 1e30 cancel in another way than those of integers.
  EXPECT_LE(other, ran / 100);
}

TEST(QuantisedMutations, RunAsTheyAreWrittenOrAreOneError) { ExpectAsWritten(Build, 600); }

TEST(QuantisedMutations, EnlargingOnesToo) { ExpectAsWritten(BuildEnlarging, 400); }

}  // namespace
}  // namespace kinglet
