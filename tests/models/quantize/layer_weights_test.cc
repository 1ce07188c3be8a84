#include "models/quantize/layer_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/support/graph_builder.h"

namespace kinglet::layer_weights_test {
namespace {

using testing::RandomTensor;

// Values of a 2x2 matrix whose rows differ by orders of magnitude.
Tensor Rows() { return Tensor::From<float>({2, 2}, {1.27f, -0.5f, 0.0127f, 0.004f}); }

TEST(LayerWeights, EachChannelHasItsScale) {
  const LayerWeights rows = QuantizeWeights(Rows(), 0, false, 1, {});
  EXPECT_EQ(rows.codes.data<std::int8_t>()[0], 127);
  EXPECT_EQ(rows.codes.data<std::int8_t>()[1], -50);
  EXPECT_EQ(rows.codes.data<std::int8_t>()[2], 127);
  EXPECT_EQ(rows.codes.data<std::int8_t>()[3], 40);
  const LayerWeights columns = QuantizeWeights(Rows(), 1, false, 1, {});
  EXPECT_EQ(columns.codes.data<std::int8_t>()[2], 1);
  const LayerWeights together = QuantizeWeights(Rows(), -1, false, 1, {});
  EXPECT_EQ(together.scales.size(), 1);
  EXPECT_EQ(together.codes.data<std::int8_t>()[3], 0);
}

TEST(LayerWeights, AreWithinHalfAStep) {
  const Tensor weights = RandomTensor({5, 3, 3, 3}, 3);
  for (const bool seven_bits : {false, true}) {
    const LayerWeights coded = QuantizeWeights(weights, 0, seven_bits, 0.1f, {});
    const Tensor values = coded.Values();
    for (std::int64_t i = 0; i < weights.size(); ++i) {
      const float step = coded.scales.data<float>()[i / 27];
      EXPECT_LE(std::abs(values.data<float>()[i] - weights.data<float>()[i]), 0.501f * step);
      EXPECT_LE(std::abs(coded.codes.data<std::int8_t>()[i]), seven_bits ? 63 : 127);
    }
  }
}

TEST(LayerWeights, ThatWereCodesAreTheSameAgain) {
  Tensor weights(DataType::kFloat32, {2, 8});
  const int codes[16] = {3, -7, 11, 0, 100, -101, 1, 2, 5, 4, -4, 9, 0, 0, 1, -1};
  for (int i = 0; i < 16; ++i) weights.data<float>()[i] = static_cast<float>(codes[i]) * 0.0173f;
  const LayerWeights coded = QuantizeWeights(weights, 0, false, 1, {});
  for (int i = 0; i < 16; ++i) EXPECT_EQ(coded.codes.data<std::int8_t>()[i], codes[i]) << i;
  EXPECT_NEAR(coded.scales.data<float>()[1], 0.0173f, 1e-6f);
}

TEST(LayerWeights, TheBiasFitsInSteps) {
  // A channel of nearly nothing, with a bias that counts.
  const Tensor weights = Tensor::From<float>({2, 1}, {0, 1e-12f});
  const std::vector<float> bias = {-3, 5};
  const LayerWeights coded = QuantizeWeights(weights, 0, false, 0.02f, bias);
  const LayerBias in_steps = QuantizeBias(bias, coded, 0.02f);
  for (std::size_t c = 0; c < 2; ++c) {
    const double found = static_cast<double>(in_steps.codes.data<std::int32_t>()[c]) *
                         in_steps.scales.data<float>()[c];
    EXPECT_NEAR(found, bias[c], 1e-4);
  }
}

}  // namespace
}  // namespace kinglet::layer_weights_test
