#include "kernels/layout/layout.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/common/blocked.h"
#include "tests/support/blocked.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::layout_test {
namespace {

using testing::ForEachTarget;
using testing::GuardedBuffer;
using testing::PadLanesAreZero;
using testing::RandomFloats;
using testing::ToBlockedNaive;

constexpr int64_t kChannels[] = {1, 2, 3, 4, 7, 8, 12, 15, 16, 17, 24, 31, 32, 33, 58};
constexpr int64_t kSizes[][2] = {{1, 1}, {1, 3}, {2, 2}, {3, 5}, {4, 4}, {2, 9}};

size_t Count(int64_t n, int64_t c, int64_t h, int64_t w) {
  return static_cast<size_t>(n * c * h * w);
}

// Runs all units in pieces of `step`, as threads would.
template <typename F>
void InPieces(int64_t units, int64_t step, F f) {
  for (int64_t begin = 0; begin < units; begin += step) f(begin, std::min(begin + step, units));
}

TEST(Layout, ReorderMatchesTheNaiveOneAndComesBack) {
  ForEachTarget([] {
    const LayoutTable& table = GetLayoutTable();
    for (const int64_t c : kChannels) {
      for (const auto& [h, w] : kSizes) {
        for (const size_t shift : {0u, 1u}) {
          const int64_t n = 2;
          const auto plain = RandomFloats(Count(n, c, h, w), 1);
          const Reorder r = {n, c, h, w, c * h * w, RoundUpToBlock(c) * h * w};
          const GuardedBuffer<float> src(plain, shift);
          GuardedBuffer<float> blocked(static_cast<size_t>(BlockedCount(n, c, h, w)), shift);
          std::fill(blocked.begin(), blocked.end(), 7.0f);
          InPieces(UnitCount(r), 3, [&](int64_t begin, int64_t end) {
            table.to_blocked(r, src.data(), blocked.data(), begin, end);
          });
          ASSERT_EQ(blocked.values(), ToBlockedNaive(plain, n, c, h, w))
              << c << ' ' << h << ' ' << w;
          ASSERT_TRUE(blocked.Intact());
          GuardedBuffer<float> back(plain.size(), shift);
          InPieces(UnitCount(r), 2, [&](int64_t begin, int64_t end) {
            table.to_plain(r, blocked.data(), back.data(), begin, end);
          });
          ASSERT_EQ(back.values(), plain) << c << ' ' << h << ' ' << w;
          ASSERT_TRUE(back.Intact());
        }
      }
    }
  });
}

TEST(Layout, ReorderKeepsToItsSliceOfALargerTensor) {
  ForEachTarget([] {
    const int64_t n = 2, c = 5, h = 3, w = 3, gap = 7;
    const Reorder r = {n, c, h, w, c * h * w + gap, 16 * h * w + gap};
    const auto plain = RandomFloats(Count(n, c, h, w) + static_cast<size_t>(n * gap), 2);
    std::vector<float> blocked(static_cast<size_t>(n * r.blocked_batch_stride), 9.0f);
    GetLayoutTable().to_blocked(r, plain.data(), blocked.data(), 0, UnitCount(r));
    for (int64_t b = 0; b < n; ++b) {
      for (int64_t i = 0; i < gap; ++i) {
        EXPECT_EQ(blocked[static_cast<size_t>(b * r.blocked_batch_stride + 16 * h * w + i)], 9.0f);
      }
      EXPECT_EQ(blocked[static_cast<size_t>(b * r.blocked_batch_stride)],
                plain[static_cast<size_t>(b * r.plain_batch_stride)]);
    }
  });
}

TEST(Layout, CopyChannelsAtEveryOffset) {
  ForEachTarget([] {
    const int64_t n = 2, h = 2, w = 3, src_c = 50, dst_c = 45;
    const auto from = RandomFloats(Count(n, src_c, h, w), 3);
    const auto to = RandomFloats(Count(n, dst_c, h, w), 4);
    const auto src = ToBlockedNaive(from, n, src_c, h, w);
    for (const int64_t a : {0, 1, 5, 10, 15, 16, 17, 26, 32}) {
      for (const int64_t b : {0, 1, 3, 8, 15, 16, 20, 32, 40}) {
        for (const int64_t count : {0, 1, 2, 4, 5, 8, 11, 16, 17, 29, 32, 45}) {
          if (a + count > src_c || b + count > dst_c) continue;
          GuardedBuffer<float> dst(ToBlockedNaive(to, n, dst_c, h, w));
          auto want = to;
          for (int64_t i = 0; i < n; ++i) {
            for (int64_t k = 0; k < count * h * w; ++k) {
              want[static_cast<size_t>((i * dst_c + b) * h * w + k)] =
                  from[static_cast<size_t>((i * src_c + a) * h * w + k)];
            }
          }
          const ChannelCopy p = {n, h, w, src_c, a, dst_c, b, count, 64 * h * w, 48 * h * w};
          InPieces(UnitCount(p), 3, [&](int64_t begin, int64_t end) {
            GetLayoutTable().copy_channels(p, src.data(), dst.data(), begin, end);
          });
          ASSERT_EQ(dst.values(), ToBlockedNaive(want, n, dst_c, h, w))
              << a << " to " << b << " count " << count;
          ASSERT_TRUE(dst.Intact());
        }
      }
    }
  });
}

// Bytes: every number of them that a pixel can have is copied in another way.
TEST(Layout, CopyChannelsOfBytes) {
  ForEachTarget([] {
    const int64_t n = 2, h = 2, w = 3, src_c = 150, dst_c = 140, block = 64;
    const auto at = [&](int64_t i, int64_t c, int64_t p, int64_t channels) {
      return static_cast<size_t>(BlockedIndex(i, c, p / w, p % w, channels, h, w, block));
    };
    std::vector<uint8_t> src(static_cast<size_t>(BlockedCount(n, src_c, h, w, block)));
    for (size_t i = 0; i < src.size(); ++i) src[i] = static_cast<uint8_t>(i * 40503U >> 7);
    for (const int64_t a : {0, 1, 60, 64, 86}) {
      for (const int64_t b : {0, 3, 64, 100}) {
        for (int64_t count = 1; count <= 64; count += count < 34 ? 1 : 5) {
          if (a + count > src_c || b + count > dst_c) continue;
          GuardedBuffer<uint8_t> dst(static_cast<size_t>(BlockedCount(n, dst_c, h, w, block)), 1);
          std::fill(dst.begin(), dst.end(), uint8_t{7});
          std::vector<uint8_t> want = dst.values();
          for (int64_t i = 0; i < n; ++i) {
            for (int64_t p = 0; p < h * w; ++p) {
              for (int64_t c = 0; c < count; ++c) {
                want[at(i, b + c, p, dst_c)] = src[at(i, a + c, p, src_c)];
              }
              for (int64_t c = dst_c; b + count == dst_c && c < 3 * block; ++c) {
                want[at(i, c, p, dst_c)] = 0;
              }
            }
          }
          const ChannelCopy p = {n, h,     w,           src_c,       a,    dst_c,
                                 b, count, 192 * h * w, 192 * h * w, block};
          InPieces(UnitCount(p), 3, [&](int64_t begin, int64_t end) {
            GetLayoutTable().copy_channels(p, src.data(), dst.data(), begin, end);
          });
          ASSERT_EQ(dst.values(), want) << a << " to " << b << " count " << count;
          ASSERT_TRUE(dst.Intact());
        }
      }
    }
  });
}

TEST(Layout, CopyThatReachesTheEndClearsPadLanes) {
  ForEachTarget([] {
    const int64_t h = 2, w = 2;
    const auto src = ToBlockedNaive(RandomFloats(Count(1, 9, h, w), 5), 1, 9, h, w);
    for (const int64_t first : {0, 1, 2}) {
      std::vector<float> dst(static_cast<size_t>(BlockedCount(1, 9 + first, h, w)), 3.0f);
      const ChannelCopy p = {1, h, w, 9, 0, 9 + first, first, 9, 16 * h * w, 16 * h * w};
      GetLayoutTable().copy_channels(p, src.data(), dst.data(), 0, UnitCount(p));
      EXPECT_TRUE(PadLanesAreZero(dst, 1, 9 + first, h, w));
      if (first > 0) {
        EXPECT_EQ(dst[0], 3.0f);
      }
    }
  });
}

TEST(Layout, ShuffleChannels) {
  ForEachTarget([] {
    const int64_t n = 2, h = 3, w = 2;
    for (const auto& [c, groups] : std::vector<std::pair<int64_t, int64_t>>{{4, 2},
                                                                            {6, 3},
                                                                            {16, 2},
                                                                            {24, 4},
                                                                            {30, 2},
                                                                            {48, 2},
                                                                            {50, 2},
                                                                            {116, 2},
                                                                            {232, 2},
                                                                            {116, 4},
                                                                            {17, 1},
                                                                            {17, 17}}) {
      const auto plain = RandomFloats(Count(n, c, h, w), 6);
      std::vector<float> want(plain.size());
      const int64_t per_group = c / groups, plane = h * w;
      for (int64_t b = 0; b < n; ++b) {
        for (int64_t g = 0; g < groups; ++g) {
          for (int64_t i = 0; i < per_group; ++i) {
            for (int64_t p = 0; p < plane; ++p) {
              want[static_cast<size_t>((b * c + i * groups + g) * plane + p)] =
                  plain[static_cast<size_t>((b * c + g * per_group + i) * plane + p)];
            }
          }
        }
      }
      const GuardedBuffer<float> src(ToBlockedNaive(plain, n, c, h, w));
      GuardedBuffer<float> dst(src.size());
      std::fill(dst.begin(), dst.end(), 5.0f);
      const ChannelShuffle p = {n, c, h, w, groups};
      InPieces(UnitCount(p), 4, [&](int64_t begin, int64_t end) {
        GetLayoutTable().shuffle_channels(p, src.data(), dst.data(), begin, end);
      });
      ASSERT_EQ(dst.values(), ToBlockedNaive(want, n, c, h, w)) << c << " in " << groups;
      ASSERT_TRUE(dst.Intact());
    }
  });
}

TEST(Layout, ReorderWorkCountsBytesAndSingleLanes) {
  const Work full = ReorderWork(2, 32, 5, 7, 1);
  EXPECT_EQ(full.read_bytes(), 4 * 2 * 32 * 5 * 7);
  EXPECT_EQ(full.write_bytes(), 4 * 2 * 32 * 5 * 7);
  EXPECT_EQ(full.Count(WorkKind::kScalar), 0);
  const Work padded = ReorderWork(2, 20, 5, 7, 1);
  EXPECT_EQ(padded.read_bytes(), 4 * 2 * 20 * 5 * 7);
  EXPECT_EQ(padded.write_bytes(), 4 * 2 * 32 * 5 * 7);
  EXPECT_EQ(padded.Count(WorkKind::kScalar), 16 * 2 * 5 * 7);
}

void CheckTranspose(int64_t rows, int64_t cols, int64_t src_stride, int64_t dst_stride) {
  std::vector<uint32_t> values(static_cast<size_t>((cols - 1) * src_stride + rows));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint32_t>(i + 1);
  const GuardedBuffer<uint32_t> src(values, 1);
  GuardedBuffer<uint32_t> dst(static_cast<size_t>((rows - 1) * dst_stride + cols), 1);
  GetLayoutTable().transpose32(src.data(), src_stride, dst.data(), dst_stride, rows, cols);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < dst_stride && r * dst_stride + c < static_cast<int64_t>(dst.size());
         ++c) {
      const uint32_t want = c < cols ? values[static_cast<size_t>(c * src_stride + r)] : 0;
      ASSERT_EQ(dst[static_cast<size_t>(r * dst_stride + c)], want)
          << rows << 'x' << cols << ", " << r << ", " << c;
    }
  }
  ASSERT_TRUE(dst.Intact());
}

TEST(Layout, TransposesOfEverySize) {
  ForEachTarget([] {
    for (int64_t rows = 1; rows <= 36; ++rows) {
      for (int64_t cols = 1; cols <= 36; ++cols) {
        CheckTranspose(rows, cols, rows, cols);
        CheckTranspose(rows, cols, rows + 3, cols + 2);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  });
}

TEST(Layout, EveryOtherOfEveryCount) {
  ForEachTarget([] {
    for (size_t count = 0; count <= 70; ++count) {
      std::vector<uint32_t> values(count == 0 ? 0 : 2 * count - 1);
      for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint32_t>(i + 1);
      const GuardedBuffer<uint32_t> src(values, 1);
      GuardedBuffer<uint32_t> dst(count, 1);
      GetLayoutTable().every_other32(src.data(), dst.data(), static_cast<int64_t>(count));
      for (size_t i = 0; i < count; ++i) ASSERT_EQ(dst[i], values[2 * i]) << i << " of " << count;
      ASSERT_TRUE(dst.Intact());
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::layout_test
