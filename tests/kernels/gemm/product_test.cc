#include "kernels/gemm/product.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "kernels/common/aligned.h"
#include "tests/support/gemm_reference.h"
#include "tests/support/guarded.h"
#include "tests/support/random.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::product_test {
namespace {

using testing::Guarded;
using testing::NaiveProduct;
using testing::Product;
using testing::Random;

// What the product needs, and never nothing.
AlignedBuffer<std::byte> ScratchOf(const MatrixProduct& product) {
  return AlignedBuffer<std::byte>(product.scratch_bytes() + 64);
}

// The product of random matrices with rows further apart than they are long, by calls of `rows`
// rows: the first call overwrites, a second one adds.
void ExpectProduct(int64_t m, int64_t n, int64_t k, bool ta, bool tb, int64_t rows, bool adds) {
  const ProductShape s{m,   n, k, ta, tb, (ta ? m : k) + 3, (tb ? k : n) + 1, n == 1 ? 1 : n + 2,
                       0.5f};
  Random random(5);
  const auto a = random.Floats(static_cast<size_t>((ta ? k : m) * s.lda));
  const auto b = random.Floats(static_cast<size_t>((tb ? n : k) * s.ldb));
  const auto before = random.Floats(static_cast<size_t>(m * s.ldc));
  Guarded c(before);
  const MatrixProduct product(s);
  AlignedBuffer<std::byte> scratch = ScratchOf(product);
  product.TakeRight(b.data(), scratch.data());
  for (int64_t row = 0; row < m; row += rows) {
    product.Multiply(a.data(), b.data(), c.data(), row, std::min(rows, m - row), adds,
                     scratch.data());
  }
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t column = 0; column < s.ldc; ++column) {
      const auto at = static_cast<size_t>(row * s.ldc + column);
      if (column >= n) {  // between the rows
        ASSERT_EQ(c[at], before[at]);
        continue;
      }
      const Product want = NaiveProduct(a.data() + row * (ta ? 1 : s.lda), ta ? s.lda : 1,
                                        b.data() + column * (tb ? s.ldb : 1), tb ? 1 : s.ldb, k);
      ASSERT_NEAR(c[at], 0.5 * want.value + (adds ? before[at] : 0.0f),
                  static_cast<double>(k + 2) * 0x1p-23 * (want.magnitude + 1))
          << m << "x" << n << "x" << k << ", " << ta << tb << ", row " << row << ", column "
          << column;
    }
  }
  ASSERT_TRUE(c.FencesIntact());
}

TEST(MatrixProduct, EveryWayAndTranspose) {
  struct Sizes {
    int64_t m, n, k;
  };
  const Sizes sizes[] = {{1, 1, 1},     {1, 37, 19},  {2, 8, 40},   {1, 64, 700},
                         {33, 1, 21},   {7, 9, 11},   {24, 64, 48}, {49, 130, 31},
                         {5, 16, 1030}, {200, 17, 5}, {65, 33, 64}, {3, 600, 400}};
  testing::ForEachTarget([&] {
    for (const Sizes& each : sizes) {
      for (const bool ta : {false, true}) {
        for (const bool tb : {false, true}) {
          ExpectProduct(each.m, each.n, each.k, ta, tb, each.m, false);
          ExpectProduct(each.m, each.n, each.k, ta, tb, 24, true);
        }
      }
    }
  });
}

TEST(MatrixProduct, RowsHaveTheSameBitsHoweverTheyAreCut) {
  testing::ForEachTarget([] {
    for (const int64_t n : {1, 5, 40}) {
      const int64_t m = 50, k = 70;
      const MatrixProduct product(
          {.m = m, .n = n, .k = k, .transpose_b = true, .lda = k, .ldb = k, .ldc = n});
      Random random(6);
      const auto a = random.Floats(static_cast<size_t>(m * k));
      const auto b = random.Floats(static_cast<size_t>(n * k));
      AlignedBuffer<std::byte> scratch = ScratchOf(product);
      product.TakeRight(b.data(), scratch.data());
      std::vector<float> whole(static_cast<size_t>(m * n)), cut(whole);
      product.Multiply(a.data(), b.data(), whole.data(), 0, m, false, scratch.data());
      for (int64_t row = 0; row < m; row += 7) {
        product.Multiply(a.data(), b.data(), cut.data(), row, std::min<int64_t>(7, m - row), false,
                         scratch.data());
      }
      EXPECT_EQ(whole, cut) << n;
    }
  });
}

TEST(MatrixProduct, NothingToAddUp) {
  for (const int64_t m : {1, 20}) {
    const MatrixProduct product({.m = m, .n = 3, .k = 0, .lda = 0, .ldb = 3, .ldc = 3});
    std::vector<float> c(static_cast<size_t>(m * 3), 7.0f);
    const float none[1] = {};
    AlignedBuffer<std::byte> scratch = ScratchOf(product);
    product.Multiply(none, none, c.data(), 0, m, true, scratch.data());
    EXPECT_EQ(c, std::vector<float>(c.size(), 7.0f));
    product.Multiply(none, none, c.data(), 0, m, false, scratch.data());
    EXPECT_EQ(c, std::vector<float>(c.size(), 0.0f));
  }
}

}  // namespace
}  // namespace kinglet::kernels::product_test
