#include "tests/support/op_runner.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "engine/ops/dispatch.h"
#include "kernels/common/blocked.h"

namespace kinglet::testing {
namespace {

bool CanBlock(const TensorState& state) {
  const bool images = state.type == DataType::kFloat32 || state.type == DataType::kUInt8;
  return images && state.shape.size() == 4;
}

// A context in which the inputs that can be are blocked.
class BlockedContext final : public PlainPlanContext {
 public:
  BlockedContext(const Node& node, const NodeStates& node_states)
      : PlainPlanContext(node, node_states),
        reads(node_states.inputs.size(), Layout::kPlain),
        writes(node_states.outputs.size(), Layout::kPlain) {}

  bool IsBlocked(std::size_t i) const override {
    return i < states().inputs.size() && states().inputs[i] != nullptr &&
           CanBlock(*states().inputs[i]);
  }
  void ReadAs(std::size_t i, TensorDesc desc) override { reads[i] = desc.layout; }
  void WriteAs(std::size_t i, TensorDesc desc) override { writes[i] = desc.layout; }
  void DoNotRead(std::size_t i) override { unread.push_back(i); }

  std::vector<Layout> reads, writes;
  std::vector<std::size_t> unread;
};

// Calls visit(index in the plain tensor, index in the blocked one) for each element.
template <typename Visit>
void ForEachElement(const Shape& s, std::int64_t block, Visit&& visit) {
  std::int64_t plain = 0;
  for (std::int64_t n = 0; n < s[0]; ++n) {
    for (std::int64_t c = 0; c < s[1]; ++c) {
      for (std::int64_t y = 0; y < s[2]; ++y) {
        for (std::int64_t x = 0; x < s[3]; ++x) {
          visit(plain++, kernels::BlockedIndex(n, c, y, x, s[1], s[2], s[3], block));
        }
      }
    }
  }
}

std::int64_t BlockOf(DataType type) { return kernels::PixelBlock(ElementTypeOf(type)); }

Tensor ToBlocked(const Tensor& plain) {
  const Shape& s = plain.shape();
  const std::int64_t block = BlockOf(plain.type());
  const auto size = static_cast<std::int64_t>(DataTypeSize(plain.type()));
  Tensor blocked(plain.type(), {s[0], kernels::BlockCount(s[1], block), s[2], s[3], block});
  ForEachElement(s, block, [&](std::int64_t from, std::int64_t to) {
    std::memcpy(static_cast<std::byte*>(blocked.raw()) + to * size,
                static_cast<const std::byte*>(plain.raw()) + from * size,
                static_cast<std::size_t>(size));
  });
  return blocked;
}

Tensor FromBlocked(Tensor& blocked, const Shape& s) {
  const auto size = static_cast<std::int64_t>(DataTypeSize(blocked.type()));
  auto* bytes = static_cast<std::byte*>(blocked.raw());
  Tensor plain(blocked.type(), s);
  ForEachElement(s, BlockOf(blocked.type()), [&](std::int64_t to, std::int64_t from) {
    std::memcpy(static_cast<std::byte*>(plain.raw()) + to * size, bytes + from * size,
                static_cast<std::size_t>(size));
    std::memset(bytes + from * size, 0, static_cast<std::size_t>(size));
  });
  for (std::size_t k = 0; k < blocked.bytes(); ++k) {
    EXPECT_EQ(bytes[k], std::byte{0}) << "pad lane, byte " << k;
    if (::testing::Test::HasFailure()) break;
  }
  return plain;
}

}  // namespace

Node MakeNode(const std::string& op, std::size_t inputs, Attributes attributes, int opset,
              std::size_t outputs, const std::string& domain) {
  Node node;
  node.name = "test";
  node.op = op;
  node.domain = domain;
  node.opset = opset;
  node.attributes = std::move(attributes);
  for (std::size_t i = 0; i < inputs + outputs; ++i) {
    (i < inputs ? node.inputs : node.outputs).push_back(static_cast<ValueId>(i));
  }
  return node;
}

BlockedResult RunBlocked(const Node& node, const std::vector<Tensor>& inputs) {
  std::vector<TensorState> in(inputs.size()), out(node.outputs.size());
  NodeStates states;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].defined()) in[i] = {inputs[i].type(), inputs[i].shape(), inputs[i]};
    // The value of what lies blocked is data, not known before running.
    if (inputs[i].defined() && CanBlock(in[i])) in[i].known = {};
    states.inputs.push_back(inputs[i].defined() ? &in[i] : nullptr);
  }
  for (TensorState& state : out) states.outputs.push_back(&state);
  InferNode(node, states, {});
  BlockedContext context(node, states);
  const auto step = FindOp(node.domain, node.op)->plan(context);
  BlockedResult result;
  if (step == nullptr) {
    ADD_FAILURE() << "the operator aliases its input";
    return result;
  }
  result.kernel = step->kernel;
  std::vector<Tensor> held;
  std::vector<const void*> in_pointers;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    held.push_back(context.reads[i] == Layout::kBlocked ? ToBlocked(inputs[i]) : inputs[i]);
    in_pointers.push_back(held.back().defined() ? held.back().raw() : nullptr);
  }
  for (const std::size_t i : context.unread) in_pointers[i] = nullptr;
  std::vector<void*> out_pointers;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool blocked = context.writes[i] == Layout::kBlocked;
    result.blocked.push_back(blocked);
    Tensor tensor(out[i].type,
                  blocked ? ToBlocked(Tensor(out[i].type, out[i].shape)).shape() : out[i].shape);
    std::memset(tensor.raw(), 0xFF, tensor.bytes());  // NaN
    out_pointers.push_back(tensor.raw());
    result.outputs.push_back(std::move(tensor));
  }
  std::vector<std::byte> scratch(step->scratch_bytes + 128);
  void* aligned = scratch.data();
  std::size_t space = scratch.size();
  std::align(64, step->scratch_bytes + 1, aligned, space);
  RunStatus status;
  const StepArgs args{in_pointers.data(), out_pointers.data(), static_cast<std::byte*>(aligned),
                      &status};
  const std::int64_t cut = step->units / 3;
  for (const auto& [begin, end] :
       {std::pair{cut, 2 * cut + 1}, {2 * cut + 1, step->units}, {std::int64_t{0}, cut}}) {
    if (begin < std::min(end, step->units)) step->Run(args, begin, std::min(end, step->units));
  }
  EXPECT_TRUE(status.ok()) << status.message();
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (result.blocked[i]) result.outputs[i] = FromBlocked(result.outputs[i], out[i].shape);
  }
  return result;
}

void ExpectBlockedEqualsPlain(const Node& node, const std::vector<Tensor>& inputs) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(input.defined() ? &input : nullptr);
  const std::vector<Tensor> plain = EvaluateNode(node, pointers);
  const BlockedResult result = RunBlocked(node, inputs);
  ASSERT_EQ(result.outputs.size(), plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_TRUE(result.blocked[i]) << "output " << i << " of " << result.kernel;
    EXPECT_TRUE(SameTensor(plain[i], result.outputs[i])) << result.kernel;
  }
}

Tensor Iota(DataType type, Shape shape) {
  Tensor tensor(type, std::move(shape));
  DispatchType(type, [&]<typename T>() {
    for (std::int64_t k = 0; k < tensor.size(); ++k) tensor.data<T>()[k] = static_cast<T>(k);
  });
  return tensor;
}

Tensor RandomFloats(Shape shape, std::uint32_t seed) {
  Tensor tensor(DataType::kFloat32, std::move(shape));
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (std::int64_t k = 0; k < tensor.size(); ++k) tensor.data<float>()[k] = normal(random);
  return tensor;
}

namespace {

::testing::AssertionResult SameForm(const Tensor& expected, const Tensor& actual) {
  if (expected.type() == actual.type() && expected.shape() == actual.shape()) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
         << "expected " << DataTypeName(expected.type()) << " " << ShapeToString(expected.shape())
         << ", found " << DataTypeName(actual.type()) << " " << ShapeToString(actual.shape());
}

double ValueAt(const Tensor& tensor, std::int64_t k) {
  return DispatchType(tensor.type(), [&]<typename T>() {
    return static_cast<double>(static_cast<const T*>(tensor.raw())[k]);
  });
}

}  // namespace

::testing::AssertionResult SameTensor(const Tensor& expected, const Tensor& actual) {
  if (auto form = SameForm(expected, actual); !form) return form;
  const std::size_t size = DataTypeSize(expected.type());
  const auto* a = static_cast<const std::byte*>(expected.raw());
  const auto* b = static_cast<const std::byte*>(actual.raw());
  const bool floats =
      expected.type() == DataType::kFloat32 || expected.type() == DataType::kFloat64;
  for (std::int64_t k = 0; k < expected.size(); ++k, a += size, b += size) {
    if (std::memcmp(a, b, size) == 0) continue;
    if (floats && std::isnan(ValueAt(expected, k)) && std::isnan(ValueAt(actual, k))) continue;
    return ::testing::AssertionFailure()
           << "element " << k << " of " << ShapeToString(expected.shape()) << " differs"
           << (size == 2 ? ""
                         : ": expected " + std::to_string(ValueAt(expected, k)) + ", found " +
                               std::to_string(ValueAt(actual, k)));
  }
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult NearTensor(const Tensor& expected, const Tensor& actual, double rtol,
                                      double atol) {
  if (auto form = SameForm(expected, actual); !form) return form;
  for (std::int64_t k = 0; k < expected.size(); ++k) {
    const double a = ValueAt(expected, k);
    const double b = ValueAt(actual, k);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (!(std::abs(a - b) <= atol + rtol * std::abs(a))) {
      return ::testing::AssertionFailure()
             << "element " << k << " of " << ShapeToString(expected.shape()) << ": expected " << a
             << ", found " << b;
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace kinglet::testing
