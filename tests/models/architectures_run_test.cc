// Networks with random weights, run: their activations neither vanish nor explode.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>

#include "kinglet/descriptor.h"
#include "kinglet/model.h"

namespace kinglet::architectures_run_test {
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

// Values of two pictures.
void ExpectSane(const Tensor& output, const std::string& name) {
  SCOPED_TRACE(name);
  ASSERT_EQ(output.shape().at(0), 2);
  const float* values = output.data<float>();
  const std::int64_t count = output.size();
  double sum = 0;
  double squares = 0;
  bool differ = false;
  for (std::int64_t i = 0; i < count; ++i) {
    ASSERT_TRUE(std::isfinite(values[i]));
    sum += static_cast<double>(values[i]);
    squares += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    differ = differ || values[i] != values[(i + count / 2) % count];
  }
  const double n = static_cast<double>(count);
  const double deviation = std::sqrt(squares / n - sum / n * (sum / n));
  EXPECT_GT(deviation, 0.05);
  EXPECT_LT(deviation, 20.0);
  EXPECT_TRUE(differ);
}

class ArchitectureRunTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ArchitectureRunTest, LogitsAreOfSaneScaleAndTellInputsApart) {
  Descriptor descriptor = FindDescriptor(GetParam());
  Architecture architecture = descriptor.architecture;
  architecture.resolution = architecture.family == "vgg16" ? 64 : 128;
  architecture.height = 0;
  const bool detects = descriptor.task == Task::kDetect;
  if (!detects) architecture.classes = 100;
  const Model model = Model::Compile(BuildArchitecture(architecture), {.threads = 1});
  Session session = model.NewSession();
  const bool pixels = descriptor.preprocess.max_value / descriptor.preprocess.stddev[0] > 100.0f;
  const std::int64_t side = architecture.resolution;
  const Tensor input = Noise({2, 3, side, side}, pixels ? 128.0f : 1.0f);
  const Tensors& outputs = session.Run({{"input", input}});
  EXPECT_EQ(outputs.size(), detects ? 2u : 1u);
  for (const auto& [name, output] : outputs) ExpectSane(output, name);
}

TEST(FasterRcnnRunTest, FindsBoxesInThePicture) {
  Descriptor descriptor = FindDescriptor("faster_rcnn");
  Architecture architecture = descriptor.architecture;
  architecture.resolution = 160;
  architecture.height = 128;
  architecture.classes = 6;
  const Model model = Model::Compile(BuildArchitecture(architecture), {.threads = 1});
  Session session = model.NewSession();
  const Tensors& outputs = session.Run({{"input", Noise({1, 3, 128, 160}, 1.0f)}});
  const float* boxes = outputs.at("detection_boxes").data<float>();
  const float* scores = outputs.at("detection_scores").data<float>();
  const float* classes = outputs.at("detection_classes").data<float>();
  const float count = outputs.at("num_detections").data<float>()[0];
  EXPECT_GT(count, 5.0f);
  for (int i = 0; i < 100; ++i) {
    const float* box = boxes + 4 * i;
    EXPECT_LE(i == 0 ? 0.0f : scores[i], i == 0 ? 1.0f : scores[i - 1]);
    for (int k = 0; k < 4; ++k) EXPECT_TRUE(box[k] >= 0.0f && box[k] <= 1.0f) << box[k];
    if (static_cast<float>(i) < count) {
      EXPECT_GT(scores[i], 0.0f);
      EXPECT_TRUE(classes[i] >= 1.0f && classes[i] <= 5.0f) << classes[i];
      EXPECT_TRUE(box[2] >= box[0] && box[3] >= box[1]);
    } else {
      EXPECT_EQ(scores[i], 0.0f);
    }
  }
}

std::vector<std::string> Buildable() {
  std::vector<std::string> names = ListDescriptors();
  std::erase_if(names, [](const std::string& name) {
    const std::string family = FindDescriptor(name).architecture.family;
    return family.empty() || family == "faster_rcnn";
  });
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, ArchitectureRunTest, ::testing::ValuesIn(Buildable()));

}  // namespace
}  // namespace kinglet::architectures_run_test
