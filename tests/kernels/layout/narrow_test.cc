// Reorders of elements of one and two bytes beside the definition of the blocked layout.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "kernels/common/blocked.h"
#include "kernels/layout/layout.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::narrow_test {
namespace {

template <typename T>
void ExpectReorders(ElementType type, int64_t n, int64_t c, int64_t h, int64_t w) {
  const int64_t block = PixelBlock(type);
  const Reorder r{n, c, h, w, c * h * w, RoundUpToBlock(c, block) * h * w, block};
  std::vector<T> plain(static_cast<size_t>(n * c * h * w));
  for (size_t i = 0; i < plain.size(); ++i) plain[i] = static_cast<T>(i * 40503U + 7);
  std::vector<T> blocked(static_cast<size_t>(BlockedCount(n, c, h, w, block)), T{99});
  const Reordering to_blocked = FindReordering({type, Layout::kPlain}, {type, Layout::kBlocked});
  const Reordering to_plain = FindReordering({type, Layout::kBlocked}, {type, Layout::kPlain});
  ASSERT_NE(to_blocked.run, nullptr);
  ASSERT_NE(to_plain.run, nullptr);
  // In two ranges of units that part in the middle.
  const int64_t units = UnitCount(r);
  ASSERT_EQ(units, n * BlockCount(c, block) * h);
  to_blocked.run(r, plain.data(), blocked.data(), units / 3, units);
  to_blocked.run(r, plain.data(), blocked.data(), 0, units / 3);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t ch = 0; ch < RoundUpToBlock(c, block); ++ch) {
      for (int64_t p = 0; p < h * w; ++p) {
        const auto at = static_cast<size_t>(BlockedIndex(i, ch, p / w, p % w, c, h, w, block));
        const T expected = ch < c ? plain[static_cast<size_t>((i * c + ch) * h * w + p)] : T{0};
        ASSERT_EQ(blocked[at], expected) << "c " << c << ", channel " << ch << ", pixel " << p;
      }
    }
  }
  std::vector<T> back(plain.size(), T{98});
  to_plain.run(r, blocked.data(), back.data(), units / 3, units);
  to_plain.run(r, blocked.data(), back.data(), 0, units / 3);
  EXPECT_EQ(back, plain) << "c " << c << ", " << h << " x " << w;
}

TEST(NarrowReorders, AreWhatTheLayoutSays) {
  testing::ForEachTarget([] {
    for (const int64_t c : {1, 3, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 130}) {
      for (const int64_t w : {1, 7, 8, 15, 16, 17, 33}) {
        ExpectReorders<uint8_t>(ElementType::kUInt8, 2, c, 3, w);
        ExpectReorders<uint16_t>(ElementType::kBFloat16, 2, c, 3, w);
      }
    }
    ExpectReorders<int8_t>(ElementType::kInt8, 1, 70, 2, 20);
  });
}

}  // namespace
}  // namespace kinglet::kernels::narrow_test
