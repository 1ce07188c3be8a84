#include <cmath>
#include <numbers>

#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::dft_test {
namespace {

Tensor Scalar(std::int64_t value) { return Of<std::int64_t>({}, {value}); }

// The sum of the definition along `axis`, of a tensor whose last dimension is 1 or 2; of all
// frequencies.
Tensor Naive(const Tensor& x, std::size_t axis, std::int64_t length, bool inverse) {
  Shape shape = x.shape();
  const std::int64_t size = shape[axis], parts = shape.back();
  std::int64_t inner = 1;
  for (std::size_t d = axis + 1; d + 1 < shape.size(); ++d) inner *= shape[d];
  shape[axis] = length;
  shape.back() = 2;
  Tensor y(DataType::kFloat32, shape);
  for (std::int64_t i = 0; i < y.size() / 2; ++i) {
    const std::int64_t k = i / inner % length, outer = i / inner / length;
    double re = 0, im = 0;
    for (std::int64_t n = 0; n < std::min(size, length); ++n) {
      const float* from = x.data<float>() + ((outer * size + n) * inner + i % inner) * parts;
      const double a = from[0], b = parts == 2 ? from[1] : 0.0f;
      const double angle = (inverse ? 2 : -2) * std::numbers::pi *
                           static_cast<double>(k * n % length) / static_cast<double>(length);
      re += a * std::cos(angle) - b * std::sin(angle);
      im += a * std::sin(angle) + b * std::cos(angle);
    }
    const double scale = inverse ? 1 / static_cast<double>(length) : 1.0;
    y.data<float>()[2 * i] = static_cast<float>(re * scale);
    y.data<float>()[2 * i + 1] = static_cast<float>(im * scale);
  }
  return y;
}

Tensor FirstAlong(const Tensor& x, std::int64_t axis, std::int64_t count) {
  return RunOp("Slice", {x, Of<std::int64_t>({1}, {0}), Of<std::int64_t>({1}, {count}),
                         Of<std::int64_t>({1}, {axis})});
}

TEST(Dft, EveryAxisAndLength) {
  for (const std::int64_t parts : {1, 2}) {
    const Tensor x = Random({2, 5, 8, parts}, 1);
    for (std::int64_t axis = 0; axis < 3; ++axis) {
      for (const std::int64_t length : {1, 4, 5, 8, 11}) {
        for (const bool inverse : {false, true}) {
          const Tensor expected = Naive(x, static_cast<std::size_t>(axis), length, inverse);
          SCOPED_TRACE(std::to_string(axis) + " " + std::to_string(length));
          ExpectNear(RunOp("DFT", {x, Scalar(length)},
                           {{"axis", Int(axis)}, {"inverse", Int(inverse)}}, 17),
                     expected, 1e-5f);
          ExpectNear(
              RunOp("DFT", {x, Scalar(length), Scalar(axis - 4)}, {{"inverse", Int(inverse)}}, 20),
              expected, 1e-5f);
        }
        ExpectNear(RunOp("DFT", {x, Scalar(length), Scalar(axis)}, {{"onesided", Int(1)}}, 20),
                   FirstAlong(Naive(x, static_cast<std::size_t>(axis), length, false), axis,
                              length / 2 + 1),
                   1e-5f);
      }
    }
  }
}

TEST(Dft, DefaultsOfBothVersions) {
  const Tensor x = Random({2, 6, 7, 1}, 2);
  ExpectNear(RunOp("DFT", {x}, {}, 17), Naive(x, 1, 6, false), 1e-5f);
  ExpectNear(RunOp("DFT", {x}, {}, 20), Naive(x, 2, 7, false), 1e-5f);
}

// The inverse of a one-sided spectrum is the real signal that it was made of.
TEST(Dft, OneSidedThereAndBack) {
  for (const std::int64_t length : {8, 9}) {
    const Tensor x = Random({3, length, 1}, 3);
    const Tensor spectrum = RunOp("DFT", {x}, {{"onesided", Int(1)}}, 20);
    ASSERT_EQ(spectrum.shape(), (Shape{3, length / 2 + 1, 2}));
    const AttributeList back = {{"onesided", Int(1)}, {"inverse", Int(1)}};
    ExpectNear(RunOp("DFT", {spectrum, Scalar(length)}, back, 20), x, 1e-6f);
    if (length == 8) ExpectNear(RunOp("DFT", {spectrum}, back, 20), x, 1e-6f);
  }
}

TEST(Dft, DoublesAreExact) {
  const Tensor x = Of<double>({1, 4, 1}, {1, 2, 3, 4});
  const std::vector<double> y = ValuesOf<double>(RunOp("DFT", {x}, {}, 20));
  const double expected[] = {10, 0, -2, 2, -2, 0, -2, -2};
  for (std::size_t i = 0; i < 8; ++i) EXPECT_NEAR(y[i], expected[i], 1e-14);
}

TEST(Dft, InANetworkOfAnyBatch) {
  testing::GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 12, 1});
  b.Output(b.Op("DFT", {x}, MakeAttributes({{"axis", Int(1)}})), "y");
  const Model model = Model::Compile(b.Take(), {.threads = 2});
  Session session = model.NewSession();
  for (const std::int64_t batch : {1, 5}) {
    const Tensor input = Random({batch, 12, 1}, 4);
    ExpectNear(session.Run({{"x", input}}).at("y"), Naive(input, 1, 12, false), 1e-5f);
  }
}

TEST(Dft, EmptyAndWrong) {
  EXPECT_EQ(RunOp("DFT", {Random({0, 4, 1}, 1)}, {}, 20).shape(), (Shape{0, 4, 2}));
  const auto wrong = [](const std::vector<Tensor>& inputs, int opset, std::int64_t axis = 1) {
    ExpectError(ErrorCode::kInvalidModel, [&] {
      opset < 20 ? RunOp("DFT", inputs, {{"axis", Int(axis)}}, opset)
                 : RunOp("DFT", inputs, {}, opset);
    });
  };
  const Tensor x = Random({2, 4, 1}, 1);
  wrong({Random({4}, 1)}, 20);
  wrong({Random({2, 4, 3}, 1)}, 20);
  wrong({Random({2, 0, 1}, 1)}, 20);
  wrong({x, Scalar(0)}, 20);
  wrong({x, Scalar(-3)}, 20);
  wrong({x, Of<std::int64_t>({2}, {4, 4})}, 20);
  wrong({x, Scalar(4), Scalar(2)}, 20);
  wrong({x, Scalar(4), Scalar(-1)}, 20);
  wrong({x, Scalar(4), Scalar(7)}, 20);
  wrong({x}, 17, 2);
  wrong({x}, 17, -4);
  ExpectError(ErrorCode::kUnsupported, [&] {
    RunOp("DFT", {x, Scalar(std::int64_t{1} << 40)}, {}, 20);
  });
  ExpectError(ErrorCode::kUnsupported, [] {
    RunOp("DFT", {testing::Iota(DataType::kInt32, {2, 4, 1})}, {}, 20);
  });
}

// Frames cut out and transformed one by one.
Tensor NaiveStft(const Tensor& x, std::int64_t step, const Tensor& window, bool onesided) {
  const std::int64_t length = window.size(), parts = x.shape()[2];
  const std::int64_t frames = (x.shape()[1] - length) / step + 1;
  Tensor cut(DataType::kFloat32, {x.shape()[0], frames, length, parts});
  for (std::int64_t i = 0; i < cut.size(); ++i) {
    const std::int64_t n = i / parts % length, frame = i / parts / length % frames;
    const std::int64_t image = i / parts / length / frames;
    cut.data<float>()[i] =
        x.data<float>()[(image * x.shape()[1] + frame * step + n) * parts + i % parts] *
        window.data<float>()[n];
  }
  const Tensor y = Naive(cut, 2, length, false);
  return onesided ? FirstAlong(y, 2, length / 2 + 1) : y;
}

TEST(Stft, FramesAndWindows) {
  const Tensor ones = Of<float>({6}, Floats(6, 1.0f)), window = Random({6}, 5, 0.1f, 1);
  for (const std::int64_t parts : {1, 2}) {
    const Tensor x = Random({2, 19, parts}, 6);
    for (const std::int64_t step : {1, 4, 30}) {
      ExpectNear(RunOp("STFT", {x, Scalar(step), window}), NaiveStft(x, step, window, true), 1e-5f);
      ExpectNear(RunOp("STFT", {x, Scalar(step), window, Scalar(6)}, {{"onesided", Int(0)}}),
                 NaiveStft(x, step, window, false), 1e-5f);
    }
  }
  const Tensor x = Random({1, 19, 1}, 7);
  Node node = MakeNode("STFT", 4);
  node.inputs[2] = kNoValue;
  const Tensor step = Scalar(5), length = Scalar(6);
  const Tensor* const inputs[] = {&x, &step, nullptr, &length};
  ExpectNear(EvaluateNode(node, inputs)[0], NaiveStft(x, 5, ones, true), 1e-5f);
}

TEST(Stft, EmptyAndWrong) {
  const Tensor window = Random({6}, 1);
  EXPECT_EQ(RunOp("STFT", {Random({2, 5, 1}, 1), Scalar(1), window}).shape(), (Shape{2, 0, 4, 2}));
  const auto wrong = [](const std::vector<Tensor>& inputs) {
    ExpectError(ErrorCode::kInvalidModel, [&] { RunOp("STFT", inputs); });
  };
  const Tensor x = Random({2, 9, 1}, 1);
  wrong({x, Scalar(0), window});
  wrong({x, Scalar(1)});
  wrong({x, Scalar(1), Random({2, 3}, 1)});
  wrong({x, Scalar(1), window, Scalar(5)});
  wrong({x, Scalar(1), Of<double>({6}, std::vector<double>(6))});
  wrong({Random({2, 9, 3}, 1), Scalar(1), window});
  wrong({Random({2, 9, 1, 1}, 1), Scalar(1), window});
}

}  // namespace
}  // namespace kinglet::test::dft_test
