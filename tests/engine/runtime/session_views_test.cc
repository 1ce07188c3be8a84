// Run on memory that the caller owns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "kinglet/error.h"
#include "kinglet/model.h"
#include "tests/engine/runtime/small_net.h"

namespace kinglet::session_views_test {
namespace {

using testing::GraphBuilder;
using ::testing::HasSubstr;
using testing::RandomTensor;
using testing::SliceNet;
using testing::SmallNet;

bool SameBits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

void RunOn(Session& session, std::vector<ConstTensorView> inputs, std::vector<TensorView> outputs) {
  session.Run(inputs, outputs);
}

// A x B of two inputs, their sum, and the first input itself.
Graph ThreeOutputs() {
  GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 6});
  const ValueId y = b.Input("y", {-1, 6});
  b.Output(b.Op("Mul", {x, y}), "product");
  const ValueId sum = b.Op("Add", {x, y});
  b.Output(sum, "sum");
  b.Output(b.Op("Relu", {sum}), "positive");
  b.Output(b.Op("Identity", {x}), "same");
  return b.Take();
}

TEST(SessionViews, GiveWhatNamesGive) {
  for (const bool optimize : {true, false}) {
    const Model model = Model::Compile(ThreeOutputs(), {.threads = 2, .optimize = optimize});
    Session session = model.NewSession();
    const Tensor x = RandomTensor({5, 6}, 1);
    const Tensor y = RandomTensor({5, 6}, 2);
    const Tensors wanted = session.Run({{"x", x}, {"y", y}});
    std::vector<Tensor> found;
    std::vector<TensorView> views;
    for (std::size_t k = 0; k < 4; ++k) found.emplace_back(DataType::kFloat32, Shape{5, 6});
    for (Tensor& tensor : found) views.emplace_back(tensor);
    session.Run(std::vector<ConstTensorView>{x, y}, views);
    const std::vector<TensorInfo> outputs = model.outputs();
    ASSERT_EQ(outputs.size(), found.size());
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      EXPECT_TRUE(SameBits(found[k], wanted.at(outputs[k].name))) << outputs[k].name;
    }
  }
}

// Outputs may lie anywhere, and nothing beside them is written.
TEST(SessionViews, WriteTheCallersMemoryAndNothingElse) {
  const Model model = Model::Compile(SmallNet(), {.threads = 2});
  for (const std::int64_t batch : {1, 2, 9}) {
    const Tensor x = RandomTensor({batch, 3, 16, 16});
    Session session = model.NewSession();
    const Tensor wanted = session.Run({{"x", x}}).at("y");
    const auto count = static_cast<std::size_t>(batch) * 20;
    const Shape shape = {batch, 20};
    for (std::size_t offset = 1; offset < 18; ++offset) {
      std::vector<float> memory(count + 40, 7.0f);
      RunOn(session, {x}, {{DataType::kFloat32, shape, memory.data() + offset, count * 4}});
      EXPECT_EQ(std::memcmp(memory.data() + offset, wanted.raw(), count * 4), 0) << offset;
      for (std::size_t i = 0; i < memory.size(); ++i) {
        if (i >= offset && i < offset + count) continue;
        ASSERT_EQ(memory[i], 7.0f) << i << " at " << offset;
      }
    }
  }
}

TEST(SessionViews, ShapesThatDependOnDataMustBeRight) {
  const Model model = Model::Compile(SliceNet(), {.threads = 1});
  Session session = model.NewSession();
  const Tensor x = RandomTensor({5, 8, 6, 6});
  const Tensor n = Tensor::From<std::int64_t>({1}, {3});
  const Tensor wanted = session.Run({{"x", x}, {"n", n}}).at("y");
  Tensor y(DataType::kFloat32, {3, 8, 6, 6});
  RunOn(session, {x, n}, {y});
  EXPECT_TRUE(SameBits(y, wanted));
  Tensor wrong(DataType::kFloat32, {4, 8, 6, 6});
  EXPECT_THROW(RunOn(session, {x, n}, {wrong}), Error);
  EXPECT_TRUE(SameBits(session.Run({{"x", x}, {"n", n}}).at("y"), wanted));
}

TEST(SessionViews, SayWhatIsWrong) {
  const Model model = Model::Compile(ThreeOutputs(), {.threads = 1});
  Session session = model.NewSession();
  const Tensor x = RandomTensor({5, 6}, 1);
  const Tensor y = RandomTensor({5, 6}, 2);
  std::vector<Tensor> owned;
  for (std::size_t k = 0; k < 5; ++k) owned.emplace_back(DataType::kFloat32, Shape{5, 6});
  const std::vector<TensorView> good = {owned[0], owned[1], owned[2], owned[3]};
  const auto message = [&](std::vector<ConstTensorView> in, std::vector<TensorView> out) {
    try {
      session.Run(in, out);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
      return std::string(error.what());
    }
    return std::string("no error");
  };
  const auto with = [&](std::size_t k, TensorView view) {
    std::vector<TensorView> views = good;
    views[k] = view;
    return views;
  };
  EXPECT_EQ(message({x}, good), "test: 1 inputs, expected 2");
  EXPECT_EQ(message({x, y}, {owned[0]}), "test: 1 outputs, expected 4");
  EXPECT_EQ(message({x, Tensor(DataType::kInt32, {5, 6})}, good),
            "test: input 'y' has type int32, expected float32");
  EXPECT_EQ(message({x, RandomTensor({5, 7})}, good),
            "test: input 'y' has shape 5x7, expected ?x6");
  const Shape shape = {5, 6};
  EXPECT_EQ(message({x, {DataType::kFloat32, shape, y.raw(), 100}}, good),
            "test: input 'y' has 100 bytes, which is not what float32 of shape 5x6 takes");
  const Shape negative = {-5, 6};
  EXPECT_THAT(message({x, {DataType::kFloat32, negative, y.raw(), 120}}, good),
              HasSubstr("120 bytes"));
  EXPECT_EQ(message({x, {DataType::kFloat32, shape, nullptr, 120}}, good),
            "test: input 'y' has no memory");
  auto* bytes = static_cast<std::byte*>(owned[4].raw());
  const Shape smaller = {4, 6};
  EXPECT_THAT(message({x, y}, with(1, {DataType::kFloat32, smaller, bytes + 2, 96})),
              HasSubstr("output 'sum' does not lie at a multiple of 4 bytes"));
  EXPECT_EQ(message({x, y}, with(1, {DataType::kFloat32, smaller, bytes, 96})),
            "test: output 'sum' is given memory for float32 of shape 4x6, but is float32 of shape "
            "5x6");
  EXPECT_EQ(message({x, y}, with(3, owned[0])),
            "test: output 'same' shares memory with output 'product'");
  EXPECT_EQ(message({owned[2], y}, good), "test: output 'positive' shares memory with input 'x'");
  EXPECT_EQ(message({x, y}, good), "no error");
}

}  // namespace
}  // namespace kinglet::session_views_test
