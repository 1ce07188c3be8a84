#include "engine/graph/derived.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/graph_builder.h"

namespace kinglet::derived_test {
namespace {

using testing::GraphBuilder;

Tensor Made() { return Tensor::From<float>({2}, {1.5f, -2.0f}); }

TEST(DerivedConstant, IsMadeAgainWhenNobodyKeepsIt) {
  int made = 0;
  const DerivedConstant constant(Made(), 5, [&] {
    ++made;
    return Made();
  });
  EXPECT_EQ(constant.bytes(), 5u + 8u);
  EXPECT_EQ(constant.Get().data<float>()[1], -2.0f);
  EXPECT_EQ(made, 0);
  constant.Drop();
  EXPECT_EQ(constant.bytes(), 5u);
  {
    const Tensor again = constant.Get();
    EXPECT_EQ(made, 1);
    EXPECT_EQ(again.shape(), (Shape{2}));
    EXPECT_EQ(again.data<float>()[0], 1.5f);
    EXPECT_EQ(constant.Get().raw(), again.raw());  // as long as somebody has it
    EXPECT_EQ(made, 1);
    EXPECT_EQ(constant.bytes(), 5u + 8u);
  }
  EXPECT_EQ(constant.bytes(), 5u);
  const Tensor kept = constant.Get();
  EXPECT_EQ(made, 2);
  constant.Drop();
  EXPECT_EQ(kept.data<float>()[1], -2.0f);
}

TEST(DerivedConstant, ThreadsMayAskAndDropTogether) {
  const DerivedConstant constant(Made(), 0, [] { return Made(); });
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        const Tensor tensor = constant.Get();
        constant.Drop();
        wrong += tensor.data<float>()[0] != 1.5f || tensor.data<float>()[1] != -2.0f;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// Only what plans read through their context is left to them.
TEST(ReleaseWeights, KeepsWhatOthersRead) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 2});
  std::vector<ValueId> weights;
  for (int i = 0; i < 5; ++i) {
    const ValueId id = b.Constant(Tensor(DataType::kFloat32, {2, 2}));
    if (i > 0) {
      b.ir().value(id).derived =
          std::make_shared<const DerivedConstant>(b.ir().value(id).constant, 0, [] {
            return Tensor(DataType::kFloat32, {2, 2});
          });
    }
    weights.push_back(id);
  }
  const ValueId y = b.Op("MatMul", {b.Op("MatMul", {x, weights[0]}), weights[1]});
  b.Output(b.Op("Add", {b.Op("MatMul", {y, weights[2]}), weights[2]}));
  b.Output(b.Op("MatMul", {weights[3], weights[3]}));
  b.Output(b.Op("MatMul", {y, weights[4]}));
  b.Output(weights[4]);
  ReleaseWeights(b.ir());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Value& value = b.ir().value(weights[i]);
    EXPECT_EQ(value.derived != nullptr, i == 1) << i;
    EXPECT_EQ(value.constant.raw() == nullptr, i == 1) << i;
    EXPECT_EQ(value.constant.shape(), (Shape{2, 2})) << i;
  }
}

}  // namespace
}  // namespace kinglet::derived_test
