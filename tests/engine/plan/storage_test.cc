// Values that are stored in another type than they are computed in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "engine/plan/division.h"
#include "engine/plan/plan.h"
#include "kernels/common/blocked.h"
#include "kernels/common/half.h"
#include "kinglet/error.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"

namespace kinglet::storage_test {
namespace {

using testing::GraphBuilder;
using ::testing::HasSubstr;
using testing::RandomTensor;
using testing::RelativeDifference;

constexpr ElementType kBrain = ElementType::kBFloat16;
const Shape kShape = {1, 20, 16, 16};
constexpr std::size_t kBytes = 20 * 16 * 16 * sizeof(float);

Tensor OutputOf(GraphBuilder& b, const Tensor& x, int threads = 1) {
  const Model model = Model::Compile(b.Take(), {.threads = threads, .optimize = false});
  Session session = model.NewSession();
  return session.Run({{"x", x}}).at("y");
}

std::unique_ptr<Plan> PlanOf(GraphBuilder& b, PackedStore& packed) {
  Divisions divisions;
  return MakePlan(b.ir(), {kShape}, {}, packed, divisions);
}

Tensor Rounded(const Tensor& x) {
  Tensor y(DataType::kFloat32, x.shape());
  for (std::int64_t i = 0; i < x.size(); ++i) {
    y.data<float>()[i] = kernels::ToFloat(kernels::ToBFloat16(x.data<float>()[i]));
  }
  return y;
}

// y = x / 1 + ... + x / count summed from the last to the first: all of them live at once.
ValueId SumOfMany(GraphBuilder& b, int count, ElementType storage) {
  const ValueId x = b.Input("x", kShape);
  std::vector<ValueId> parts;
  for (int i = 1; i <= count; ++i) {
    parts.push_back(b.Op("Div", {x, b.Floats({}, {static_cast<float>(i)})}));
    b.ir().value(parts.back()).storage = storage;
  }
  ValueId sum = b.Op("Neg", {parts.back()});
  for (int i = count - 2; i >= 0; --i) sum = b.Op("Add", {sum, parts[static_cast<std::size_t>(i)]});
  b.Output(sum, "y");
  return parts.front();
}

std::size_t ArenaOf(int count, ElementType storage) {
  GraphBuilder b;
  SumOfMany(b, count, storage);
  PackedStore packed;
  return PlanOf(b, packed)->arena_bytes;
}

TEST(Storage, ABFloat16TakesHalfTheMemory) {
  EXPECT_EQ(ArenaOf(9, ElementType::kUndefined) - ArenaOf(8, ElementType::kUndefined), kBytes);
  EXPECT_EQ(ArenaOf(9, kBrain) - ArenaOf(8, kBrain), kBytes / 2);
}

TEST(Storage, StepsSayHowTheyReadAndWrite) {
  GraphBuilder b;
  const ValueId x = b.Input("x", kShape);
  const ValueId middle = b.Op("Neg", {x});
  b.ir().value(middle).storage = kBrain;
  b.Output(b.Op("Exp", {middle}), "y");
  PackedStore packed;
  const auto plan = PlanOf(b, packed);
  const TensorDesc floats = kernels::kPlainF32;
  const TensorDesc halves = {kBrain, Layout::kPlain};
  ASSERT_EQ(plan->steps.size(), 4u);
  EXPECT_EQ(plan->steps[0].output_descs, std::vector{floats});
  EXPECT_EQ(plan->steps[1].op, "Convert");
  EXPECT_EQ(plan->steps[1].input_descs, std::vector{floats});
  EXPECT_EQ(plan->steps[1].output_descs, std::vector{halves});
  EXPECT_EQ(plan->steps[2].input_descs, std::vector{halves});
  EXPECT_EQ(plan->steps[2].output_descs, std::vector{floats});
  EXPECT_EQ(plan->steps[3].input_descs, std::vector{floats});
  for (const PlanStep& step : plan->steps) {
    EXPECT_EQ(step.input_descs.size(), step.inputs.size()) << step.name;
    EXPECT_EQ(step.output_descs.size(), step.outputs.size()) << step.name;
  }
}

TEST(Storage, ReadersSeeTheRoundedValue) {
  GraphBuilder b;
  const ValueId x = b.Input("x", kShape);
  const ValueId middle = b.Op("Neg", {x});
  const ValueId view = b.Op("Reshape", {middle, b.Ints({1, 20, 8, 32})});
  b.ir().value(middle).storage = kBrain;
  b.Output(b.Op("Neg", {view}), "y");
  const Tensor input = RandomTensor(kShape);
  const Tensor y = OutputOf(b, input);
  const Tensor want = Rounded(input);
  ASSERT_EQ(y.bytes(), want.bytes());
  EXPECT_EQ(std::memcmp(y.raw(), want.raw(), y.bytes()), 0);
}

ValueId Conv(GraphBuilder& b, ValueId x, std::int64_t from, std::int64_t to, std::uint32_t seed) {
  return b.Op("Conv", {x, b.Constant(RandomTensor({to, from, 3, 3}, seed))});
}

// Two models with the value in hand between them, against one that stores it, whose kernels have
// weights in bfloat16 too.
TEST(Storage, BlockedKernelsStandAroundIt) {
  const Tensor input = RandomTensor(kShape);
  for (const int threads : {1, 2}) {
    GraphBuilder first;
    first.Output(Conv(first, first.Input("x", kShape), 20, 36, 2), "y");
    const Tensor middle = Rounded(OutputOf(first, input, threads));
    GraphBuilder second;
    second.Output(Conv(second, second.Input("x", middle.shape()), 36, 24, 3), "y");
    const Tensor want = OutputOf(second, middle, threads);
    GraphBuilder both;
    const ValueId made = Conv(both, both.Input("x", kShape), 20, 36, 2);
    both.ir().value(made).storage = kBrain;
    both.Output(Conv(both, made, 36, 24, 3), "y");
    EXPECT_LE(RelativeDifference(OutputOf(both, input, threads), want), 0.01);
  }
}

std::string MessageOf(ElementType storage, bool of_output) {
  GraphBuilder b;
  const ValueId middle = b.Op("Neg", {b.Input("x", kShape)});
  const ValueId y = b.Op("Exp", {middle});
  b.Output(y, "y");
  b.ir().value(of_output ? y : middle).storage = storage;
  PackedStore packed;
  try {
    PlanOf(b, packed);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    return error.what();
  }
  return "";
}

TEST(Storage, WhatNoKernelWritesIsRefused) {
  const std::string message = MessageOf(ElementType::kInt8, false);
  EXPECT_THAT(message, HasSubstr("Neg0"));
  EXPECT_THAT(message, HasSubstr("no kernel converts float32 to int8"));
  EXPECT_THAT(MessageOf(kBrain, true), HasSubstr("'y' is an input or output of type float32 and "
                                                 "cannot be stored as bfloat16"));
  EXPECT_EQ(MessageOf(kBrain, false), "");
}

// A blocked tensor of 2 images with `channels` channels, all lanes zero.
struct Padded {
  Padded(ElementType of, std::int64_t channels)
      : type(of), block(kernels::PixelBlock(of)), shape{2, channels, 2, 3} {
    bytes.resize(StoredBytes({type, Layout::kBlocked}, shape));
    step.step = MakeStep("test/kernel", 1, [](const StepArgs&, std::int64_t, std::int64_t) {});
    step.outputs = {0};
    step.output_descs = {{type, Layout::kBlocked}};
    step.blocked = {{shape, kernels::RoundUpToBlock(channels, block) * 6}};
  }
  void Check() {
    void* const outputs[] = {bytes.data()};
    CheckPadLanes(step, outputs);
  }
  // The bytes of channel c of a pixel of the second image.
  std::byte* At(std::int64_t c) {
    const std::int64_t at = kernels::BlockedIndex(1, c, 1, 2, shape[1], 2, 3, block);
    return bytes.data() + at * kernels::ElementBytes(type);
  }

  ElementType type;
  std::int64_t block;
  Shape shape;
  std::vector<std::byte> bytes;
  PlanStep step;
};

TEST(CheckPadLanes, FindsWhatIsNotZeroInEveryType) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const ElementType type :
       {ElementType::kFloat32, kBrain, ElementType::kInt8, ElementType::kUInt8}) {
    Padded tensor(type, 70);
    *tensor.At(69) = std::byte{1};  // a channel
    tensor.Check();
    *tensor.At(70) = std::byte{1};
    EXPECT_DEATH(tensor.Check(), "test/kernel");
    Padded whole(type, 128);
    *whole.At(127) = std::byte{1};
    whole.Check();
  }
}

TEST(CheckPadLanes, TakesNegativeZeroForZero) {
  for (const ElementType type : {ElementType::kFloat32, kBrain}) {
    Padded tensor(type, 20);
    tensor.At(20)[kernels::ElementBytes(type) - 1] = std::byte{0x80};
    tensor.Check();
  }
}

}  // namespace
}  // namespace kinglet::storage_test
