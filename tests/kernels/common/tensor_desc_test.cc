#include "kernels/common/tensor_desc.h"

#include <gtest/gtest.h>

#include <set>

#include "kernels/common/blocked.h"

namespace kinglet::kernels::tensor_desc_test {
namespace {

TEST(ElementType, IsItsOwnPlaceInTheTable) {
  for (const ElementTypeFacts& facts : kElementTypes) {
    EXPECT_EQ(&FactsOf(facts.type), &facts) << facts.name;
    if (facts.type == ElementType::kUndefined) continue;
    EXPECT_GT(facts.bytes, 0) << facts.name;
  }
}

TEST(TensorDesc, IsEqualWhenBothAre) {
  EXPECT_EQ(TensorDesc{}, kPlainF32);
  EXPECT_NE(kPlainF32, kBlockedF32);
  EXPECT_NE(kBlockedF32, (TensorDesc{ElementType::kBFloat16, Layout::kBlocked}));
}

TEST(TensorDesc, EachHasAText) {
  EXPECT_EQ(ToString(kBlockedF32), "float32 blocked");
  EXPECT_EQ(ToString({ElementType::kUInt8, Layout::kPlain}), "uint8 plain");
  std::set<std::string> texts;
  for (const ElementTypeFacts& facts : kElementTypes) {
    for (const Layout layout : {Layout::kPlain, Layout::kBlocked}) {
      EXPECT_TRUE(texts.insert(ToString({facts.type, layout})).second) << facts.name;
    }
  }
}

TEST(Blocked, APixelOfABlockIsACacheLineInEveryType) {
  EXPECT_EQ(PixelBlock(ElementType::kFloat32), 16);
  EXPECT_EQ(PixelBlock(ElementType::kBFloat16), 32);
  EXPECT_EQ(PixelBlock(ElementType::kInt8), 64);
  EXPECT_EQ(PixelBlock(ElementType::kUInt8), 64);
  for (const ElementTypeFacts& facts : kElementTypes) {
    if (facts.bytes == 0) continue;
    EXPECT_EQ(PixelBlock(facts.type) * facts.bytes, 64) << facts.name;
  }
}

// Every channel of every pixel has a place of its own, channels of a pixel and block side by side.
TEST(Blocked, IndicesAreThoseOfTheLayout) {
  const int64_t n = 2, c = 70, h = 3, w = 2;
  for (const ElementType type :
       {ElementType::kFloat32, ElementType::kBFloat16, ElementType::kInt8}) {
    const int64_t block = PixelBlock(type);
    const int64_t count = BlockedCount(n, c, h, w, block);
    EXPECT_EQ(count, n * RoundUpToBlock(c, block) * h * w);
    EXPECT_EQ(StoredCount({type, Layout::kBlocked}, n, c, h, w), count);
    EXPECT_EQ(StoredCount({type, Layout::kPlain}, n, c, h, w), n * c * h * w);
    std::set<int64_t> seen;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t k = 0; k < c; ++k) {
        for (int64_t p = 0; p < h * w; ++p) {
          const int64_t at = BlockedIndex(i, k, p / w, p % w, c, h, w, block);
          ASSERT_LT(at, count);
          ASSERT_TRUE(seen.insert(at).second);
          ASSERT_EQ(at % block, k % block);
        }
      }
    }
  }
}

}  // namespace
}  // namespace kinglet::kernels::tensor_desc_test
