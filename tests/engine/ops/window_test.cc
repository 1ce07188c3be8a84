#include <cmath>
#include <numbers>

#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::window_test {
namespace {

Tensor Scalar(std::int64_t value) { return Of<std::int64_t>({}, {value}); }

double Window(const std::string& op, double turns) {
  const double c = std::cos(2 * std::numbers::pi * turns);
  if (op == "HannWindow") return 0.5 - 0.5 * c;
  if (op == "HammingWindow") return 25.0 / 46 - 21.0 / 46 * c;
  return 0.42 - 0.5 * c + 0.08 * std::cos(4 * std::numbers::pi * turns);
}

TEST(Windows, PeriodicAndSymmetric) {
  for (const char* op : {"HannWindow", "HammingWindow", "BlackmanWindow"}) {
    for (const bool periodic : {false, true}) {
      const Tensor y = RunOp(op, {Scalar(10)}, {{"periodic", Int(periodic)}});
      ASSERT_EQ(y.shape(), Shape{10});
      for (std::int64_t n = 0; n < 10; ++n) {
        EXPECT_NEAR(y.data<float>()[n], Window(op, static_cast<double>(n) / (periodic ? 10 : 9)),
                    1e-6);
      }
    }
    EXPECT_TRUE(testing::SameTensor(RunOp(op, {Scalar(7)}, {{"periodic", Int(1)}}),
                                    RunOp(op, {Of<std::int32_t>({}, {7})})));
    const Tensor wide = RunOp(op, {Scalar(5)}, {{"output_datatype", Int(11)}});
    ASSERT_EQ(wide.type(), DataType::kFloat64);
    EXPECT_NEAR(wide.data<double>()[2], Window(op, 0.4), 1e-15);
    EXPECT_EQ(RunOp(op, {Scalar(4)}, {{"output_datatype", Int(6)}}).type(), DataType::kInt32);
    EXPECT_EQ(RunOp(op, {Scalar(0)}).shape(), Shape{0});
    EXPECT_EQ(RunOp(op, {Scalar(1)}, {{"periodic", Int(0)}}).size(), 1);
    ExpectError(ErrorCode::kInvalidModel, [&] { RunOp(op, {Scalar(-1)}); });
    ExpectError(ErrorCode::kInvalidModel, [&] { RunOp(op, {Of<std::int64_t>({2}, {1, 2})}); });
    ExpectError(ErrorCode::kInvalidModel, [&] {
      RunOp(op, {Scalar(4)}, {{"output_datatype", Int(99)}});
    });
    ExpectError(ErrorCode::kUnsupported, [&] {
      RunOp(op, {Scalar(4)}, {{"output_datatype", Int(9)}});
    });
  }
}

std::vector<Tensor> MelInputs(std::int64_t bands, std::int64_t length, std::int64_t rate, float low,
                              float high) {
  return {Scalar(bands), Scalar(length), Scalar(rate), Of<float>({}, {low}), Of<float>({}, {high})};
}

// Of each band: it rises to 1 at one bin and falls again, the next one begins at its peak.
TEST(MelWeightMatrix, BandsAreTriangles) {
  const Tensor y = RunOp("MelWeightMatrix", MelInputs(8, 64, 8192, 0, 4096));
  ASSERT_EQ(y.shape(), (Shape{33, 8}));
  std::int64_t last_peak = -1;
  for (std::int64_t band = 0; band < 8; ++band) {
    std::int64_t peak = -1;
    for (std::int64_t bin = 0; bin < 33; ++bin) {
      const float v = y.data<float>()[bin * 8 + band];
      EXPECT_TRUE(v >= 0 && v <= 1);
      if (v == 1) peak = bin;
    }
    EXPECT_GE(peak, last_peak);
    last_peak = peak;
    const double mel = 2595 * std::log10(1 + 4096.0 / 700) / 10 * static_cast<double>(band + 1);
    EXPECT_EQ(peak, static_cast<std::int64_t>(65 * 700 * (std::pow(10, mel / 2595) - 1) / 8192));
  }
  EXPECT_EQ(
      RunOp("MelWeightMatrix", MelInputs(8, 64, 8192, 0, 4096), {{"output_datatype", Int(11)}})
          .type(),
      DataType::kFloat64);
}

TEST(MelWeightMatrix, EmptyAndWrong) {
  EXPECT_EQ(RunOp("MelWeightMatrix", MelInputs(0, 16, 8000, 0, 4000)).shape(), (Shape{9, 0}));
  const auto wrong = [](const std::vector<Tensor>& inputs) {
    ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("MelWeightMatrix", inputs); });
  };
  wrong(MelInputs(-1, 16, 8000, 0, 4000));
  wrong(MelInputs(4, 16, 0, 0, 4000));
  wrong(MelInputs(4, 16, 8000, 0, 40000));
  wrong(MelInputs(4, 16, 8000, 4000, 0));
  wrong(MelInputs(4, 16, 8000, std::nanf(""), 4000));
  ExpectError(ErrorCode::kUnsupported, [] {
    RunOp("MelWeightMatrix", MelInputs(std::int64_t{1} << 40, 16, 8000, 0, 4000));
  });
}

}  // namespace
}  // namespace kinglet::test::window_test
