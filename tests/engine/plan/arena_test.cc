#include "engine/plan/arena.h"

#include <gtest/gtest.h>

#include <random>

namespace kinglet::arena_test {
namespace {

TEST(PlaceBuffers, ReusesTheMemoryOfABufferThatIsNotReadAnyMore) {
  // A chain: each buffer lives for two steps, so two places serve all.
  std::vector<BufferLife> chain;
  for (int i = 0; i < 10; ++i) chain.push_back({1024, i, i + 1});
  EXPECT_EQ(PlaceBuffers(chain).bytes, 2048U);
}

TEST(PlaceBuffers, FillsTheSmallestGapThatFits) {
  // Two long-lived buffers leave a gap of 512 bytes, into which the small one goes.
  const std::vector<BufferLife> buffers = {
      {4096, 0, 9}, {512, 0, 1}, {2048, 0, 9}, {256, 2, 3}, {448, 2, 9}};
  const ArenaLayout layout = PlaceBuffers(buffers);
  EXPECT_EQ(layout.bytes, 4096U + 2048U + 448U + 256U);
}

TEST(PlaceBuffers, NeverOverlapsBuffersThatLiveTogether) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<BufferLife> buffers;
    std::size_t total = 0;
    for (int i = 0; i < 30; ++i) {
      const int first = static_cast<int>(random() % 20);
      buffers.push_back({random() % 5000, first, first + static_cast<int>(random() % 6)});
      total += (buffers.back().bytes + 63) / 64 * 64;
    }
    const ArenaLayout layout = PlaceBuffers(buffers);
    EXPECT_LE(layout.bytes, total);
    for (std::size_t a = 0; a < buffers.size(); ++a) {
      EXPECT_EQ(layout.offsets[a] % 64, 0U);
      EXPECT_LE(layout.offsets[a] + buffers[a].bytes, layout.bytes);
      for (std::size_t b = 0; b < a; ++b) {
        const bool together =
            buffers[a].first <= buffers[b].last && buffers[b].first <= buffers[a].last;
        const bool apart = layout.offsets[a] + buffers[a].bytes <= layout.offsets[b] ||
                           layout.offsets[b] + buffers[b].bytes <= layout.offsets[a];
        EXPECT_TRUE(!together || apart || buffers[a].bytes == 0 || buffers[b].bytes == 0);
      }
    }
  }
}

TEST(PlaceBuffers, TakesNothingForNothing) { EXPECT_EQ(PlaceBuffers({}).bytes, 0U); }

}  // namespace
}  // namespace kinglet::arena_test
