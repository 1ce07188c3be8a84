#include <cmath>

#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::rotary_embedding_test {
namespace {

constexpr int kOpset = 23;

// X is {images, heads, tokens, size}; of the tables each row belongs to an image and token.
Tensor Naive(const Tensor& x, const Tensor& cosines, const Tensor& sines, std::int64_t turned,
             bool interleaved) {
  Tensor y = Tensor::From<float>(x.shape(), ValuesOf<float>(x));
  const Shape& s = x.shape();
  const std::int64_t pairs = turned / 2;
  for (std::int64_t n = 0; n < s[0]; ++n) {
    for (std::int64_t h = 0; h < s[1]; ++h) {
      for (std::int64_t t = 0; t < s[2]; ++t) {
        for (std::int64_t i = 0; i < pairs; ++i) {
          const std::int64_t row = ((n * s[1] + h) * s[2] + t) * s[3];
          const std::int64_t first = row + (interleaved ? 2 * i : i);
          const std::int64_t second = interleaved ? first + 1 : first + pairs;
          const float cosine = cosines.data<float>()[(n * s[2] + t) * pairs + i];
          const float sine = sines.data<float>()[(n * s[2] + t) * pairs + i];
          const float a = x.data<float>()[first], b = x.data<float>()[second];
          y.data<float>()[first] = cosine * a - sine * b;
          y.data<float>()[second] = sine * a + cosine * b;
        }
      }
    }
  }
  return y;
}

Tensor Flat(const Tensor& x) {
  const Shape& s = x.shape();
  return RunOp("Transpose", {x}, {{"perm", Ints{0, 2, 1, 3}}}).Reshaped({s[0], s[2], s[1] * s[3]});
}

TEST(RotaryEmbedding, FormsAndPartialTurns) {
  const Tensor x = Random({2, 3, 5, 8}, 1);
  for (const bool interleaved : {false, true}) {
    for (const std::int64_t turned : {0, 8, 4}) {
      const std::int64_t pairs = (turned == 0 ? 8 : turned) / 2;
      const Tensor cosines = Random({2, 5, pairs}, 2), sines = Random({2, 5, pairs}, 3);
      const Tensor expected = Naive(x, cosines, sines, 2 * pairs, interleaved);
      ExpectNear(
          RunOp("RotaryEmbedding", {x, cosines, sines},
                {{"interleaved", Int(interleaved)}, {"rotary_embedding_dim", Int(turned)}}, kOpset),
          expected);
      ExpectNear(RunOp("RotaryEmbedding", {Flat(x), cosines, sines},
                       {{"interleaved", Int(interleaved)},
                        {"rotary_embedding_dim", Int(turned)},
                        {"num_heads", Int(3)}},
                       kOpset),
                 Flat(expected));
    }
  }
}

TEST(RotaryEmbedding, Positions) {
  const Tensor x = Random({2, 3, 4, 6}, 5);
  const Tensor cosines = Random({9, 3}, 6), sines = Random({9, 3}, 7);
  const Tensor positions = Of<std::int64_t>({2, 4}, {0, 1, 2, 3, 8, 0, 8, 5});
  const Tensor expected = Naive(x, RunOp("Gather", {cosines, positions}),
                                RunOp("Gather", {sines, positions}), 6, false);
  ExpectNear(RunOp("RotaryEmbedding", {x, cosines, sines, positions}, {}, kOpset), expected);
  for (const std::int64_t wrong : {-1, 9}) {
    ExpectError(ErrorCode::kInvalidInput, [&] {
      RunOp("RotaryEmbedding",
            {x, cosines, sines, Of<std::int64_t>({2, 4}, {0, 1, 2, 3, 8, 0, wrong, 5})}, {},
            kOpset);
    });
  }
}

TEST(RotaryEmbedding, Float64) {
  const Tensor y = RunOp("RotaryEmbedding",
                         {Of<double>({1, 1, 1, 2}, {3, 4}), Of<double>({1, 1, 1}, {0.5}),
                          Of<double>({1, 1, 1}, {0.25})},
                         {}, kOpset);
  EXPECT_EQ(ValuesOf<double>(y), (std::vector<double>{0.5, 2.75}));
}

TEST(RotaryEmbedding, EmptyAndWrong) {
  EXPECT_EQ(RunOp("RotaryEmbedding",
                  {Random({1, 2, 0, 4}, 1), Random({1, 0, 2}, 1), Random({1, 0, 2}, 1)}, {}, kOpset)
                .shape(),
            (Shape{1, 2, 0, 4}));
  const auto run = [](const Shape& x, const Shape& cosines, const Shape& sines,
                      AttributeList more = {}) {
    return RunOp("RotaryEmbedding", {Random(x, 1), Random(cosines, 1), Random(sines, 1)}, more,
                 kOpset);
  };
  EXPECT_NO_THROW(run({1, 2, 3, 4}, {1, 3, 2}, {1, 3, 2}));
  ExpectError(ErrorCode::kInvalidModel, [&] { run({1, 2, 3, 4}, {1, 3, 1}, {1, 3, 2}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run({1, 2, 3, 4}, {1, 3, 2}, {1, 2, 2}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run({1, 2, 3, 4}, {3, 2}, {3, 2}); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run({1, 3, 8}, {1, 3, 2}, {1, 3, 2}); });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    run({1, 3, 8}, {1, 3, 2}, {1, 3, 2}, {{"num_heads", Int(3)}});
  });
  for (const std::int64_t turned : {-2, 3, 6}) {
    ExpectError(ErrorCode::kInvalidModel, [&] {
      run({1, 2, 3, 4}, {1, 3, 2}, {1, 3, 2}, {{"rotary_embedding_dim", Int(turned)}});
    });
  }
}

}  // namespace
}  // namespace kinglet::test::rotary_embedding_test
