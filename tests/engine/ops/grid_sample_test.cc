#include <array>
#include <string>

#include "engine/op/context.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"
#include "tests/support/sample_reference.h"
#include "tests/support/targets.h"

namespace kinglet::test::grid_sample_test {
namespace {

using kernels::SampleMode;
using kernels::SampleOutside;

struct Mode {
  const char* name;
  SampleMode mode;
};
constexpr Mode kModes[] = {{"linear", SampleMode::kLinear},
                           {"bilinear", SampleMode::kLinear},
                           {"nearest", SampleMode::kNearest},
                           {"cubic", SampleMode::kCubic},
                           {"bicubic", SampleMode::kCubic}};
struct Padding {
  const char* name;
  SampleOutside outside;
};
constexpr Padding kPaddings[] = {{"zeros", SampleOutside::kZero},
                                 {"border", SampleOutside::kBorder},
                                 {"reflection", SampleOutside::kReflect}};

// The definition, sample by sample.
Tensor Naive(const Tensor& x, const Tensor& grid, SampleMode mode, SampleOutside outside,
             bool align) {
  const Shape& in = x.shape();
  kernels::SampleMap map{static_cast<int>(in.size()) - 2, {}, mode, outside, align};
  std::copy(in.begin() + 2, in.end(), map.sizes);
  Shape shape = grid.shape();
  shape.pop_back();
  shape.insert(shape.begin() + 1, in[1]);
  Tensor y(DataType::kFloat32, shape);
  const std::int64_t samples = y.size() / std::max<std::int64_t>(in[0] * in[1], 1);
  const std::int64_t elements = x.size() / std::max<std::int64_t>(in[0] * in[1], 1);
  for (std::int64_t i = 0; i < y.size(); ++i) {
    const std::int64_t plane = i / samples, image = plane / in[1];
    const float* at = grid.data<float>() + (image * samples + i % samples) * map.rank;
    double places[3] = {};
    for (int axis = 0; axis < map.rank; ++axis) {
      const double n = at[map.rank - 1 - axis], size = static_cast<double>(map.sizes[axis]);
      places[axis] = align ? (n + 1) / 2 * (size - 1) : ((n + 1) * size - 1) / 2;
    }
    y.data<float>()[i] =
        static_cast<float>(testing::SampleReference(map).At(places, [&](std::int64_t offset) {
          return static_cast<double>(x.data<float>()[plane * elements + offset]);
        }));
  }
  return y;
}

Shape GridShape(const Shape& in, Shape out) {
  out.insert(out.begin(), in[0]);
  out.push_back(static_cast<std::int64_t>(in.size()) - 2);
  return out;
}

TEST(GridSample, EveryModeAndPadding) {
  const std::pair<Shape, Shape> cases[] = {{{2, 3, 5, 6}, {7, 11}},
                                           {{1, 1, 1, 4}, {3, 3}},
                                           {{1, 17, 9, 8}, {13, 10}},
                                           {{2, 2, 3, 4, 5}, {2, 3, 4}},
                                           {{2, 2, 6}, {9}}};
  testing::ForEachTarget([&] {
    for (const auto& [in, out] : cases) {
      const Tensor x = Random(in, 1), grid = Random(GridShape(in, out), 2, -1.7f, 1.7f);
      for (const Mode& mode : kModes) {
        for (const Padding& padding : kPaddings) {
          for (const bool align : {false, true}) {
            SCOPED_TRACE(ShapeToString(in) + mode.name + padding.name + (align ? " align" : ""));
            ExpectNear(RunOp("GridSample", {x, grid},
                             {{"mode", Text(mode.name)},
                              {"padding_mode", Text(padding.name)},
                              {"align_corners", Int(align)}},
                             20),
                       Naive(x, grid, mode.mode, padding.outside, align), 3e-5f);
          }
        }
      }
    }
  });
}

TEST(GridSample, LinearZerosByDefault) {
  const Tensor x = Random({1, 2, 4, 5}, 3), grid = Random({1, 6, 3, 2}, 4, -1.5f, 1.5f);
  for (const int opset : {16, 19, 20}) {
    ExpectNear(RunOp("GridSample", {x, grid}, {}, opset),
               Naive(x, grid, SampleMode::kLinear, SampleOutside::kZero, false), 1e-5f);
  }
}

// By hand: halves are rounded to even.
TEST(GridSample, NearestOfHalves) {
  const Tensor x = Of<float>({1, 1, 1, 4}, {10, 11, 12, 13});
  // Coordinates along x: 0.5, 1.5, 2.5, -0.5, 3.5 of 4 elements.
  const Tensor grid = Of<float>({1, 1, 5, 2}, {-0.5f, 0, 0, 0, 0.5f, 0, -1, 0, 1, 0});
  const auto sample = [&](const char* padding) {
    return ValuesOf<float>(RunOp("GridSample", {x, grid},
                                 {{"mode", Text("nearest")}, {"padding_mode", Text(padding)}}));
  };
  EXPECT_EQ(sample("zeros"), (Floats{10, 12, 12, 10, 0}));
  EXPECT_EQ(sample("border"), (Floats{10, 12, 12, 10, 13}));
  EXPECT_EQ(sample("reflection"), (Floats{10, 12, 12, 10, 13}));
}

TEST(GridSample, NearestOfEveryType) {
  const Tensor grid = Of<float>({1, 1, 3, 2}, {-0.9f, 0.9f, 0.9f, -0.9f, 2, 2});
  for (const DataType type :
       {DataType::kFloat32, DataType::kFloat64, DataType::kInt8, DataType::kInt16, DataType::kInt32,
        DataType::kInt64, DataType::kUInt8, DataType::kBool}) {
    const Tensor x = testing::Iota(type, {1, 1, 2, 2});
    const Tensor y = RunOp("GridSample", {x, grid}, {{"mode", Text("nearest")}}, 20);
    ASSERT_EQ(y.type(), type);
    const std::size_t size = DataTypeSize(type);
    const auto* from = static_cast<const char*>(x.raw());
    const auto* found = static_cast<const char*>(y.raw());
    EXPECT_EQ(std::string(found, size), std::string(from + 2 * size, size)) << DataTypeName(type);
    EXPECT_EQ(std::string(found + size, size), std::string(from + size, size));
    EXPECT_EQ(std::string(found + 2 * size, size), std::string(size, '\0'));
  }
}

TEST(GridSample, DoublesAndMixedTypes) {
  const Tensor x = Random({2, 3, 5, 6}, 5), grid = Random({2, 4, 7, 2}, 6, -1.2f, 1.2f);
  const Tensor expected = Naive(x, grid, SampleMode::kCubic, SampleOutside::kReflect, true);
  const auto to_double = [](const Tensor& t) { return RunOp("Cast", {t}, {{"to", Int(11)}}); };
  const AttributeList attributes = {
      {"mode", Text("cubic")}, {"padding_mode", Text("reflection")}, {"align_corners", Int(1)}};
  for (const bool wide_x : {false, true}) {
    for (const bool wide_grid : {false, true}) {
      const Tensor y =
          RunOp("GridSample", {wide_x ? to_double(x) : x, wide_grid ? to_double(grid) : grid},
                attributes, 20);
      ASSERT_EQ(y.type(), wide_x ? DataType::kFloat64 : DataType::kFloat32);
      ExpectNear(RunOp("Cast", {y}, {{"to", Int(1)}}), expected, 2e-5f);
    }
  }
}

TEST(GridSample, BlockedEqualsPlain) {
  for (const std::int64_t channels : {1, 16, 35}) {
    const Tensor x = Random({2, channels, 5, 6}, 7), grid = Random({2, 9, 11, 2}, 8, -1.3f, 1.3f);
    for (const Mode& mode : kModes) {
      Node node = MakeNode("GridSample", 2, {{"mode", Text(mode.name)}}, 20);
      const auto result = testing::RunBlocked(node, {x, grid});
      ASSERT_TRUE(result.blocked[0]);
      EXPECT_EQ(result.kernel, "sample/blocked_f32");
      ExpectNear(result.outputs[0], Naive(x, grid, mode.mode, SampleOutside::kZero, false), 3e-5f);
    }
  }
}

TEST(GridSample, InANetworkOfAnyBatch) {
  testing::GraphBuilder b(20);
  const ValueId x = b.Input("x", {-1, 3, 6, 7});
  const ValueId grid = b.Input("grid", {-1, 4, 5, 2});
  b.Output(b.Op("GridSample", {b.Op("Neg", {x}), grid}), "y");
  const Model model = Model::Compile(b.Take(), {.threads = 2});
  Session session = model.NewSession();
  for (const std::int64_t batch : {1, 3}) {
    const Tensor input = Random({batch, 3, 6, 7}, 9), places = Random({batch, 4, 5, 2}, 10);
    const Tensors& outputs = session.Run({{"x", input}, {"grid", places}});
    ExpectNear(
        outputs.at("y"),
        Naive(RunOp("Neg", {input}), places, SampleMode::kLinear, SampleOutside::kZero, false),
        1e-5f);
  }
}

TEST(GridSample, OddCoordinates) {
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor x = Random({1, 1, 3, 3}, 11, 1, 2);
  const Tensor grid = Of<float>({1, 1, 4, 2}, {inf, 0, std::nanf(""), 0, -inf, -inf, 1e30f, 0});
  const Tensor zeros = RunOp("GridSample", {x, grid});
  for (const float v : ValuesOf<float>(zeros)) EXPECT_EQ(v, 0.0f);
  for (const char* padding : {"border", "reflection"}) {
    for (const char* mode : {"linear", "nearest", "cubic"}) {
      const Tensor y = RunOp("GridSample", {x, grid},
                             {{"padding_mode", Text(padding)}, {"mode", Text(mode)}}, 20);
      for (const float v : ValuesOf<float>(y)) EXPECT_TRUE(v > -10 && v < 10) << padding << mode;
    }
  }
}

TEST(GridSample, EmptyAndWrong) {
  const auto shape = [](const Shape& x, const Shape& grid) {
    return RunOp("GridSample", {Random(x, 1), Random(grid, 2)}).shape();
  };
  EXPECT_EQ(shape({0, 2, 3, 3}, {0, 4, 5, 2}), (Shape{0, 2, 4, 5}));
  EXPECT_EQ(shape({1, 0, 3, 3}, {1, 4, 5, 2}), (Shape{1, 0, 4, 5}));
  EXPECT_EQ(shape({1, 2, 3, 3}, {1, 0, 5, 2}), (Shape{1, 2, 0, 5}));
  EXPECT_EQ(shape({1, 2, 0, 3}, {1, 0, 5, 2}), (Shape{1, 2, 0, 5}));
  const auto wrong = [&](const Shape& x, const Shape& grid) {
    ExpectError(ErrorCode::kInvalidModel, [&] { shape(x, grid); });
  };
  wrong({1, 2, 3}, {1, 4, 5, 2});
  wrong({1, 2, 3, 3}, {2, 4, 5, 2});
  wrong({1, 2, 3, 3}, {1, 4, 5, 3});
  wrong({1, 2, 3, 3}, {1, 4, 2});
  wrong({1, 2}, {1, 2});
  wrong({1, 1, 2, 2, 2, 2}, {1, 1, 1, 1, 1, 4});
  wrong({1, 2, 0, 3}, {1, 4, 5, 2});
  const Tensor x = Random({1, 1, 3, 3}, 1), grid = Random({1, 2, 2, 2}, 2);
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("GridSample", {x, grid}, {{"mode", Text("area")}});
  });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("GridSample", {x, grid}, {{"padding_mode", Text("wrap")}});
  });
  ExpectError(ErrorCode::kUnsupported, [&] {
    RunOp("GridSample", {testing::Iota(DataType::kInt32, {1, 1, 3, 3}), grid});
  });
  ExpectError(ErrorCode::kUnsupported, [&] {
    RunOp("GridSample", {x, testing::Iota(DataType::kInt32, {1, 2, 2, 2})});
  });
}

// Rotation by the matrix, element by element.
TEST(AffineGrid, TwoAndThreeDimensions) {
  for (const bool align : {false, true}) {
    for (const Shape& size : {Shape{2, 1, 3, 4}, Shape{2, 1, 2, 3, 4}, Shape{1, 1, 1, 5}}) {
      const auto rank = static_cast<std::int64_t>(size.size()) - 2;
      const Tensor theta = Random({size[0], rank, rank + 1}, 12);
      const Tensor grid =
          RunOp("AffineGrid",
                {theta,
                 Of<std::int64_t>({rank + 2}, std::vector<std::int64_t>(size.begin(), size.end()))},
                {{"align_corners", Int(align)}}, 20);
      Shape expected(size.begin() + 2, size.end());
      expected.insert(expected.begin(), size[0]);
      expected.push_back(rank);
      ASSERT_EQ(grid.shape(), expected);
      const std::int64_t samples = grid.size() / rank / size[0];
      for (std::int64_t i = 0; i < grid.size() / rank; ++i) {
        std::array<double, 4> place{0, 0, 0, 1};  // x, y, z, 1
        std::int64_t rest = i % samples;
        for (std::int64_t k = 0; k < rank; ++k) {
          const std::int64_t length = size[size.size() - 1 - static_cast<std::size_t>(k)];
          const double at = static_cast<double>(rest % length), n = static_cast<double>(length);
          place[static_cast<std::size_t>(k)] =
              align ? (n == 1 ? 1 : 2 * at / (n - 1) - 1) : (2 * at + 1) / n - 1;
          rest /= length;
        }
        place[static_cast<std::size_t>(rank)] = 1;
        for (std::int64_t k = 0; k < rank; ++k) {
          double sum = 0;
          for (std::int64_t j = 0; j <= rank; ++j) {
            sum += place[static_cast<std::size_t>(j)] *
                   theta.data<float>()[(i / samples * rank + k) * (rank + 1) + j];
          }
          EXPECT_NEAR(grid.data<float>()[i * rank + k], sum, 1e-5);
        }
      }
    }
  }
}

TEST(AffineGrid, DoublesEmptyAndWrong) {
  const Tensor theta = Of<double>({1, 2, 3}, {2, 0, 1, 0, 3, -1});
  const Tensor grid = RunOp("AffineGrid", {theta, Of<std::int64_t>({4}, {1, 1, 1, 2})},
                            {{"align_corners", Int(0)}}, 20);
  EXPECT_EQ(ValuesOf<double>(grid), (std::vector<double>{0, -1, 2, -1}));
  EXPECT_EQ(RunOp("AffineGrid", {Random({0, 2, 3}, 1), Of<std::int64_t>({4}, {0, 1, 3, 2})}, {}, 20)
                .shape(),
            (Shape{0, 3, 2, 2}));
  const auto wrong = [](const Shape& theta_shape, std::vector<std::int64_t> size) {
    const auto count = static_cast<std::int64_t>(size.size());
    ExpectError(ErrorCode::kInvalidModel, [&] {
      RunOp("AffineGrid", {Random(theta_shape, 1), Of<std::int64_t>({count}, std::move(size))}, {},
            20);
    });
  };
  wrong({1, 2, 3}, {2, 1, 3, 3});
  wrong({1, 3, 4}, {1, 1, 3, 3});
  wrong({1, 2, 3}, {1, 1, 3});
  wrong({1, 2, 3}, {1, 1, -3, 3});
}

}  // namespace
}  // namespace kinglet::test::grid_sample_test
