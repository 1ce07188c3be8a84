// Networks with random weights, run: their activations neither vanish nor explode.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>

#include "kinglet/descriptor.h"
#include "kinglet/model.h"

namespace kinglet {
namespace {

// Noise uniform in +-limit.
Tensor Noise(const Shape& shape, float limit) {
  Tensor tensor(DataType::kFloat32, shape);
  std::uint32_t state = 12345;
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    state = state * 1664525u + 1013904223u;
    tensor.data<float>()[i] = limit * (static_cast<float>(state >> 8) / 8388608.0f - 1.0f);
  }
  return tensor;
}

class ArchitectureRunTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ArchitectureRunTest, LogitsAreOfSaneScaleAndTellInputsApart) {
  Descriptor descriptor = FindDescriptor(GetParam());
  Architecture architecture = descriptor.architecture;
  architecture.resolution = architecture.family == "vgg16" ? 64 : 128;
  architecture.classes = 100;
  const Model model = Model::Compile(BuildArchitecture(architecture), {.threads = 1});
  Session session = model.NewSession();
  const bool pixels = descriptor.preprocess.max_value / descriptor.preprocess.stddev[0] > 100.0f;
  const std::int64_t side = architecture.resolution;
  const Tensor input = Noise({2, 3, side, side}, pixels ? 128.0f : 1.0f);
  const Tensor output = session.Run({{"input", input}}).at("output");
  ASSERT_EQ(output.shape(), (Shape{2, 100}));
  const float* logits = output.data<float>();
  double sum = 0;
  double squares = 0;
  bool differ = false;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(std::isfinite(logits[i]));
    sum += static_cast<double>(logits[i]);
    squares += static_cast<double>(logits[i]) * static_cast<double>(logits[i]);
    differ = differ || logits[i] != logits[(i + 100) % 200];
  }
  const double deviation = std::sqrt(squares / 200 - sum / 200 * (sum / 200));
  RecordProperty("deviation", std::to_string(deviation));
  EXPECT_GT(deviation, 0.05);
  EXPECT_LT(deviation, 20.0);
  EXPECT_TRUE(differ);
}

INSTANTIATE_TEST_SUITE_P(All, ArchitectureRunTest, ::testing::ValuesIn(ListDescriptors()));

}  // namespace
}  // namespace kinglet
