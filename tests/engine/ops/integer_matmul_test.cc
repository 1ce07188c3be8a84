#include <gmock/gmock.h>

#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/quantized_op.h"

namespace kinglet::integer_matmul_test {
namespace {

using testing::Catch;
using ::testing::HasSubstr;
using testing::NearestOf;
using testing::RandomBytes;
using testing::RandomFloats;
using testing::RunMicrosoft;
using testing::RunNode;
using testing::SameTensor;
using testing::Single;

// q - zero in float64; the zero points are one, or one for each row or column of a matrix.
template <typename T>
Tensor WithoutZero(const Tensor& q, const Tensor& zero, bool by_row) {
  Tensor wide(DataType::kFloat64, q.shape());
  const std::int64_t columns = q.shape().back();
  for (std::int64_t i = 0; i < q.size(); ++i) {
    const std::int64_t z = zero.size() == 1 ? 0 : by_row ? i / columns % zero.size() : i % columns;
    wide.data<double>()[i] =
        static_cast<double>(q.data<T>()[i]) - static_cast<double>(zero.data<T>()[z]);
  }
  return wide;
}

template <typename A, typename B>
Tensor Sums(const Tensor& a, const Tensor& a_zero, const Tensor& b, const Tensor& b_zero) {
  return EvaluateOp("MatMul", {WithoutZero<A>(a, a_zero, true), WithoutZero<B>(b, b_zero, false)},
                    {}, 13)[0];
}

struct Shapes {
  Shape a, b;
};
const std::vector<Shapes>& Cases() {
  static const std::vector<Shapes> cases = {
      {{4, 7}, {7, 5}},       {{1, 70}, {70, 130}},      {{300, 3}, {3, 2}},
      {{2, 3, 4, 5}, {5, 6}}, {{2, 1, 4, 5}, {3, 5, 6}}, {{7}, {7, 3}},
      {{4, 7}, {7}},          {{0, 7}, {7, 3}},          {{3, 0}, {0, 2}},
  };
  return cases;
}

template <typename A, typename B>
void ExpectMatMulInteger() {
  for (const Shapes& c : Cases()) {
    const Tensor a = RandomBytes<A>(c.a, 1);
    const Tensor b = RandomBytes<B>(c.b, 2);
    const bool matrices = c.a.size() == 2 && c.b.size() == 2;
    for (const bool many : {false, true}) {
      if (many && !matrices) continue;
      const Tensor az = many ? RandomBytes<A>({c.a[0]}, 3) : Single<A>(17);
      const Tensor bz = many ? RandomBytes<B>({c.b[1]}, 4) : Single<B>(101);
      const Tensor found = RunNode("", "MatMulInteger", {a, b, az, bz}, {}, 10)[0];
      const Tensor sums = Sums<A, B>(a, az, b, bz);
      ASSERT_EQ(found.type(), DataType::kInt32);
      ASSERT_EQ(found.shape(), sums.shape());
      for (std::int64_t i = 0; i < sums.size(); ++i) {
        ASSERT_EQ(found.data<std::int32_t>()[i], sums.data<double>()[i]) << ShapeToString(c.a);
      }
    }
  }
}

TEST(MatMulInteger, EveryTypeAndShape) {
  ExpectMatMulInteger<std::uint8_t, std::int8_t>();
  ExpectMatMulInteger<std::uint8_t, std::uint8_t>();
  ExpectMatMulInteger<std::int8_t, std::int8_t>();
  ExpectMatMulInteger<std::int8_t, std::uint8_t>();
}

// Rows of several units and threads, stacks that share operands, columns that are packed as they
// run.
TEST(MatMulInteger, OfActivations) {
  for (const Shapes& c : std::vector<Shapes>{
           {{600, 70}, {70, 300}}, {{2, 3, 90, 33}, {2, 1, 33, 40}}, {{90, 33}, {3, 33, 140}}}) {
    const Tensor a = RandomBytes<std::uint8_t>(c.a, 1);
    const Tensor b = RandomBytes<std::uint8_t>(c.b, 2);
    const Tensor az = Single<std::uint8_t>(17), bz = Single<std::uint8_t>(101);
    const Tensor sums = Sums<std::uint8_t, std::uint8_t>(a, az, b, bz);
    for (const bool constant : {false, true}) {
      for (const int threads : {1, 2}) {
        testing::GraphBuilder builder;
        const ValueId in_a = builder.Input("a", a.shape(), a.type());
        const ValueId in_b =
            constant ? builder.Constant(b) : builder.Input("b", b.shape(), b.type());
        builder.Output(
            builder.Op("MatMulInteger", {in_a, in_b, builder.Constant(az), builder.Constant(bz)}),
            "y");
        const Model model = Model::Compile(builder.Take(), {.threads = threads});
        Tensors given = {{"a", a}};
        if (!constant) given.emplace("b", b);
        Session session = model.NewSession({.threads = threads});
        const Tensor& found = session.Run(given).at("y");
        ASSERT_EQ(found.shape(), sums.shape());
        for (std::int64_t i = 0; i < sums.size(); ++i) {
          ASSERT_EQ(found.data<std::int32_t>()[i], sums.data<double>()[i])
              << ShapeToString(c.a) << " at " << i;
        }
      }
    }
  }
}

TEST(MatMulInteger, ZeroPointsMayBeAbsent) {
  const Tensor a = RandomBytes<std::uint8_t>({3, 4}, 1);
  const Tensor b = RandomBytes<std::int8_t>({4, 5}, 2);
  EXPECT_TRUE(
      SameTensor(RunNode("", "MatMulInteger", {a, b}, {}, 10)[0],
                 RunNode("", "MatMulInteger",
                         {a, b, Single<std::uint8_t>(0), Single<std::int8_t>(0)}, {}, 10)[0]));
}

TEST(QLinearMatMul, EveryShapeAndScalesOfRowsAndColumns) {
  for (const Shapes& c : Cases()) {
    const bool matrices = c.a.size() == 2 && c.b.size() == 2;
    for (const bool many : {false, true}) {
      if (many && !matrices) continue;
      const Tensor a = RandomBytes<std::uint8_t>(c.a, 1);
      const Tensor b = RandomBytes<std::int8_t>(c.b, 2);
      const Tensor az = Single<std::uint8_t>(117);
      const Tensor bz = many ? RandomBytes<std::int8_t>({c.b[1]}, 4) : Single<std::int8_t>(3);
      const auto scales = [&](std::int64_t count, unsigned seed) {
        Tensor tensor = RandomFloats(many ? Shape{count} : Shape{}, seed);
        for (std::int64_t i = 0; i < tensor.size(); ++i) {
          tensor.data<float>()[i] = 0.01f + std::abs(tensor.data<float>()[i]);
        }
        return tensor;
      };
      const Tensor a_scale = scales(c.a[0], 5);
      const Tensor b_scale = scales(c.b.back(), 6);
      const Tensor y_scale = Single(97.5f);
      const Tensor found =
          RunNode("", "QLinearMatMul",
                  {a, a_scale, az, b, b_scale, bz, y_scale, Single<std::uint8_t>(12)}, {}, 10)[0];
      const Tensor sums = Sums<std::uint8_t, std::int8_t>(a, az, b, bz);
      ASSERT_EQ(found.shape(), sums.shape());
      for (std::int64_t i = 0; i < sums.size(); ++i) {
        const std::int64_t n = c.b.back();
        const float scale = a_scale.data<float>()[many ? i / n : 0] *
                            b_scale.data<float>()[many ? i % n : 0] / 97.5f;
        const float steps = static_cast<float>(sums.data<double>()[i]) * scale;
        ASSERT_EQ(found.data<std::uint8_t>()[i],
                  NearestOf<std::uint8_t>(std::nearbyint(static_cast<double>(steps)) + 12.0))
            << ShapeToString(c.a) << " at " << i;
      }
    }
  }
}

TEST(MatMulIntegerToFloat, ScalesAndBias) {
  const Tensor a = RandomBytes<std::uint8_t>({2, 3, 8}, 1);
  const Tensor b = RandomBytes<std::int8_t>({8, 4}, 2);
  const Tensor az = Single<std::uint8_t>(100);
  const Tensor bz = RandomBytes<std::int8_t>({4}, 3);
  const Tensor b_scale = Tensor::From<float>({4}, {0.5f, 0.25f, 2, 1});
  const Tensor bias = Tensor::From<float>({4}, {1, 2, 3, 4});
  const Tensor sums = Sums<std::uint8_t, std::int8_t>(a, az, b, bz);
  const Tensor found =
      RunMicrosoft("MatMulIntegerToFloat", {a, b, Single(0.5f), b_scale, az, bz, bias});
  const Tensor plain = RunMicrosoft("MatMulIntegerToFloat", {a, b, Single(0.5f), Single(2.0f)});
  const Tensor plain_sums =
      Sums<std::uint8_t, std::int8_t>(a, Single<std::uint8_t>(0), b, Single<std::int8_t>(0));
  ASSERT_EQ(found.shape(), (Shape{2, 3, 4}));
  for (std::int64_t i = 0; i < sums.size(); ++i) {
    const auto j = i % 4;
    EXPECT_EQ(found.data<float>()[i],
              sums.data<double>()[i] * 0.5 * b_scale.data<float>()[j] + bias.data<float>()[j]);
    EXPECT_EQ(plain.data<float>()[i], plain_sums.data<double>()[i]);
  }
}

TEST(QGemm, TransposesBroadcastsAndGivesFloatsWithoutAScale) {
  for (const bool trans_a : {false, true}) {
    for (const bool trans_b : {false, true}) {
      const Tensor a = RandomBytes<std::uint8_t>({3, 5}, 1);
      const Tensor b = RandomBytes<std::int8_t>({5, 4}, 2);
      const auto transposed = [](const Tensor& x, bool yes) {
        return yes ? EvaluateOp("Transpose", {x}, {}, 13)[0] : x;
      };
      const Tensor az = Single<std::uint8_t>(100);
      const Tensor bz = Single<std::int8_t>(-3);
      const Tensor sums = Sums<std::uint8_t, std::int8_t>(a, az, b, bz);
      Attributes attributes;
      attributes.Set("transA", std::int64_t{trans_a});
      attributes.Set("transB", std::int64_t{trans_b});
      attributes.Set("alpha", 0.5f);
      for (const Shape& c_shape : {Shape{3, 4}, Shape{4}, Shape{1, 4}, Shape{3, 1}, Shape{}}) {
        Tensor c(DataType::kInt32, c_shape);
        for (std::int64_t i = 0; i < c.size(); ++i) {
          c.data<std::int32_t>()[i] = static_cast<std::int32_t>(i * 1000 - 3000);
        }
        std::vector<Tensor> inputs = {
            transposed(a, trans_a), Single(0.5f), az, transposed(b, trans_b), Single(0.25f), bz, c};
        const Tensor floats = RunMicrosoft("QGemm", inputs, attributes);
        inputs.push_back(Single(4.0f));
        inputs.push_back(Single<std::int8_t>(7));
        const Tensor bytes = RunMicrosoft("QGemm", inputs, attributes);
        ASSERT_EQ(floats.shape(), (Shape{3, 4}));
        ASSERT_EQ(bytes.type(), DataType::kInt8);
        for (std::int64_t i = 0; i < 12; ++i) {
          const std::int64_t row = c_shape.size() == 2 && c_shape[0] > 1 ? i / 4 : 0;
          const std::int64_t column = !c_shape.empty() && c_shape.back() > 1 ? i % 4 : 0;
          const std::int64_t width = c_shape.empty() ? 1 : c_shape.back();
          const double sum = sums.data<double>()[i] + c.data<std::int32_t>()[row * width + column];
          ASSERT_EQ(floats.data<float>()[i], sum * 0.0625);
          ASSERT_EQ(bytes.data<std::int8_t>()[i],
                    NearestOf<std::int8_t>(std::nearbyint(sum * 0.015625) + 7));
        }
      }
    }
  }
}

TEST(MatMulInteger, RefusesWhatDoesNotFit) {
  const Tensor a = RandomBytes<std::uint8_t>({3, 4}, 1);
  const auto refused = [](const std::vector<Tensor>& inputs, const char* what) {
    const auto thrown = Catch([&] { RunNode("", "MatMulInteger", inputs, {}, 10); });
    EXPECT_EQ(thrown.code, ErrorCode::kInvalidModel);
    EXPECT_THAT(thrown.message, HasSubstr(what));
  };
  refused({a, RandomBytes<std::uint8_t>({3, 4}, 1)}, "inner sizes");
  refused({a, RandomFloats({4, 3})}, "float32");
  refused({a, Single<std::uint8_t>(1)}, "scalar");
  refused({a, RandomBytes<std::uint8_t>({4, 3}, 1), Single<std::int8_t>(0)}, "type");
  refused({a, RandomBytes<std::uint8_t>({4, 2}, 1), Tensor(), RandomBytes<std::uint8_t>({3}, 1)},
          "shape");
  refused({RandomBytes<std::uint8_t>({2, 3, 4}, 1), RandomBytes<std::uint8_t>({3, 4, 5}, 1)},
          "broadcast");
}

}  // namespace
}  // namespace kinglet::integer_matmul_test
