#include "engine/runtime/denormals.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kinglet/model.h"
#include "tests/support/graph_builder.h"

namespace kinglet::denormals_test {
namespace {

// Multiplied at run time, so that the compiler does not.
float Half(float x) {
  volatile float value = x;
  return value * 0.5f;
}

TEST(FlushDenormals, FlushesAndRestores) {
  const float smallest = std::numeric_limits<float>::min();
  ASSERT_GT(Half(smallest), 0.0f);
  {
    const FlushDenormals flush;
    EXPECT_EQ(Half(smallest), 0.0f);
  }
  EXPECT_GT(Half(smallest), 0.0f);
}

TEST(FlushDenormals, HoldsForEveryWorkerAndEndsWithTheRun) {
  for (const int threads : {1, 2}) {
    testing::GraphBuilder b;
    const ValueId x = b.Input("x", {1 << 16});
    b.Output(b.Op("Mul", {x, b.Floats({}, {0.5f})}), "y");
    const Model model = Model::Compile(b.Take(), {.threads = threads});
    Session session = model.NewSession();
    Tensor input(DataType::kFloat32, {1 << 16});
    for (std::int64_t i = 0; i < input.size(); ++i) {
      input.data<float>()[i] = std::numeric_limits<float>::min();
    }
    const Tensor output = session.Run({{"x", input}}).at("y");
    for (std::int64_t i = 0; i < output.size(); ++i) ASSERT_EQ(output.data<float>()[i], 0.0f);
    EXPECT_GT(Half(std::numeric_limits<float>::min()), 0.0f);
  }
}

}  // namespace
}  // namespace kinglet::denormals_test
