#include "kernels/nms/keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::keys_test {
namespace {

using testing::ForEachTarget;
using testing::GuardedBuffer;

constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(Keys, OrderOfScoresThenOfIndices) {
  const std::vector<float> ascending = {-kInf, -3e38f, -1.0f, -1e-45f, 0.0f, 1e-45f, 0.5f, kInf};
  for (size_t i = 0; i < ascending.size(); ++i) {
    EXPECT_EQ(KeyScore(ScoreKey(ascending[i], 7)), ascending[i]);
    EXPECT_EQ(KeyIndex(ScoreKey(ascending[i], 7)), 7u);
    EXPECT_GT(ScoreKey(ascending[i], 6), ScoreKey(ascending[i], 7));
    EXPECT_GT(ScoreKey(ascending[i], 0), ScoreKey(ascending[i], 0xffffffffu));
    if (i == 0) continue;
    EXPECT_GT(ScoreKey(ascending[i], 9), ScoreKey(ascending[i - 1], 1));
  }
  EXPECT_EQ(ScoreKey(-0.0f, 3), ScoreKey(0.0f, 3));
}

std::vector<float> Scores(size_t count) {
  std::vector<float> scores = testing::RandomFloats(count, 17);
  for (size_t i = 0; i < count; i += 7) scores[i] = 0.25f;
  for (size_t i = 3; i < count; i += 11) scores[i] = std::nanf("");
  for (size_t i = 5; i < count; i += 13) scores[i] = -kInf;
  return scores;
}

TEST(FilterScores, EveryLength) {
  ForEachTarget([] {
    for (size_t count = 0; count <= 70; ++count) {
      const GuardedBuffer<float> scores(Scores(count), count % 5);
      for (const ScoreLimit limit :
           {ScoreLimit{0.25f}, ScoreLimit{0.25f, true}, ScoreLimit{-kInf}, ScoreLimit{-kInf, true},
            ScoreLimit{2.0f}, ScoreLimit{std::nanf(""), true}}) {
        GuardedBuffer<uint64_t> keys(count, 1);
        const int64_t found =
            GetFilterScores()(scores.data(), static_cast<int64_t>(count), limit, keys.data());
        std::vector<uint64_t> expected;
        for (size_t i = 0; i < count; ++i) {
          const float x = scores[i];
          if (limit.inclusive ? x >= limit.threshold : x > limit.threshold) {
            expected.push_back(ScoreKey(x, static_cast<uint32_t>(i)));
          }
        }
        ASSERT_EQ(std::vector<uint64_t>(keys.begin(), keys.begin() + found), expected);
        ASSERT_TRUE(keys.Intact());
      }
    }
  });
}

struct Found {
  std::vector<uint32_t> rows, columns;
  std::vector<float> values;
};

void ExpectFound(const ScoreRows& rows) {
  Found expected;
  std::vector<uint32_t> expected_rows;
  for (int64_t r = 0; r < rows.rows; ++r) {
    const float* row = rows.scores + r * rows.stride;
    for (int64_t c = rows.first; c < rows.first + rows.width; ++c) {
      if (!(row[c] >= rows.cut + (rows.relative ? row[0] : 0))) continue;
      if (expected_rows.empty() || expected_rows.back() != r) {
        expected_rows.push_back(static_cast<uint32_t>(r));
      }
      expected.rows.push_back(static_cast<uint32_t>(r));
      expected.columns.push_back(static_cast<uint32_t>(c));
      expected.values.push_back(row[c]);
    }
  }
  const auto capacity = static_cast<size_t>(rows.rows * rows.width);
  GuardedBuffer<uint32_t> found(static_cast<size_t>(rows.rows));
  const int64_t found_rows = GetScoreRowsTable().find_rows(rows, found.data());
  ASSERT_EQ(std::vector<uint32_t>(found.begin(), found.begin() + found_rows), expected_rows);
  ASSERT_TRUE(found.Intact());
  GuardedBuffer<uint32_t> at_row(capacity), at_column(capacity);
  GuardedBuffer<float> values(capacity);
  const int64_t count = GetScoreRowsTable().find_scores(
      rows, static_cast<int64_t>(capacity), at_row.data(), at_column.data(), values.data());
  ASSERT_EQ(std::vector<uint32_t>(at_row.begin(), at_row.begin() + count), expected.rows);
  ASSERT_EQ(std::vector<uint32_t>(at_column.begin(), at_column.begin() + count), expected.columns);
  ASSERT_EQ(std::vector<float>(values.begin(), values.begin() + count), expected.values);
  ASSERT_TRUE(at_row.Intact() && at_column.Intact() && values.Intact());
}

TEST(ScoreRows, EveryWidth) {
  ForEachTarget([] {
    for (int64_t columns = 1; columns <= 36; ++columns) {
      const GuardedBuffer<float> scores(Scores(static_cast<size_t>(9 * columns)), 1);
      for (const int64_t first : {int64_t{0}, int64_t{1}, columns / 2}) {
        for (const float cut : {-kInf, 0.25f, 0.9f, 2.0f}) {
          ExpectFound({scores.data(), 9, columns, first, columns - first, cut});
          ExpectFound({scores.data(), 9, columns, first, columns - first, cut, true});
        }
      }
    }
  });
}

TEST(ScoreRows, SaysWhenThereIsNoRoom) {
  ForEachTarget([] {
    const std::vector<float> scores(60, 1.0f);
    std::vector<uint32_t> rows(60), columns(60);
    std::vector<float> values(60);
    const ScoreRows all = {scores.data(), 3, 20, 0, 20, 0.5f};
    const auto find = GetScoreRowsTable().find_scores;
    EXPECT_EQ(find(all, 60, rows.data(), columns.data(), values.data()), 60);
    EXPECT_EQ(find(all, 59, rows.data(), columns.data(), values.data()), -1);
  });
}

std::vector<uint64_t> KeysOf(size_t count, int different) {
  std::vector<float> scores = testing::RandomFloats(count, 23, 0.0f, static_cast<float>(different));
  std::vector<uint64_t> keys;
  for (size_t i = 0; i < count; ++i) {
    keys.push_back(ScoreKey(std::floor(scores[i]) - 2, static_cast<uint32_t>(i)));
  }
  return keys;
}

TEST(SortKeys, AnyCount) {
  for (const size_t count : std::vector<size_t>{0, 1, 2, 100, 319, 320, 321, 5000}) {
    for (const int different : {1, 5, 1 << 20}) {
      const std::vector<uint64_t> keys = KeysOf(count, different);
      std::vector<uint64_t> expected = keys, sorted = keys, other(count);
      std::sort(expected.begin(), expected.end(), std::greater<>());
      SortKeys(sorted.data(), static_cast<int64_t>(count), other.data());
      EXPECT_EQ(sorted, expected) << count << ", " << different;
      for (const size_t k : {size_t{0}, size_t{1}, count / 3, count, count + 5}) {
        std::vector<uint64_t> some = keys;
        SelectTopKeys(some.data(), static_cast<int64_t>(count), static_cast<int64_t>(k));
        const auto best = static_cast<std::ptrdiff_t>(std::min(k, count));
        EXPECT_TRUE(std::equal(some.begin(), some.begin() + best, expected.begin())) << count;
      }
    }
  }
}

TEST(MoveTopKeys, AtLeastTheWanted) {
  for (const size_t count : std::vector<size_t>{1, 2, 100, 5000}) {
    for (const int different : {1, 5, 1 << 20}) {
      for (const size_t wanted : {size_t{0}, size_t{1}, count / 3, count, count + 5}) {
        const std::vector<uint64_t> keys = KeysOf(count, different);
        std::vector<uint64_t> moved = keys, other(count);
        const auto top = static_cast<size_t>(MoveTopKeys(
            moved.data(), static_cast<int64_t>(count), static_cast<int64_t>(wanted), other.data()));
        ASSERT_GE(top, std::min(count, wanted));
        ASSERT_LE(top, count);
        // Both parts in the order of the indices, as they came.
        std::vector<uint64_t> front, rest;
        const uint64_t least =
            top == 0 ? ~uint64_t{0}
                     : *std::min_element(moved.begin(),
                                         moved.begin() + static_cast<std::ptrdiff_t>(top));
        for (const uint64_t key : keys) (key >= least ? front : rest).push_back(key);
        front.insert(front.end(), rest.begin(), rest.end());
        EXPECT_EQ(moved, front) << count << ", " << wanted;
      }
    }
  }
}

TEST(SelectBestScores, TheBestThatPass) {
  ForEachTarget([] {
    for (const size_t count : std::vector<size_t>{0, 1, 9, 400, 1000, 40000}) {
      for (const bool few_values : {false, true}) {
        std::vector<float> scores = Scores(count);
        if (few_values) {
          for (float& score : scores) score = std::floor(2 * score) / 2;
        }
        for (const ScoreLimit limit : {ScoreLimit{-kInf, true}, ScoreLimit{-kInf}, ScoreLimit{0.0f},
                                       ScoreLimit{0.25f, true}, ScoreLimit{kInf}}) {
          std::vector<uint64_t> passed;
          for (size_t i = 0; i < count; ++i) {
            if (limit.Passes(scores[i])) {
              passed.push_back(ScoreKey(scores[i], static_cast<uint32_t>(i)));
            }
          }
          std::sort(passed.begin(), passed.end(), std::greater<>());
          for (const int64_t k : {0, 1, 3, 300, 50000}) {
            const auto n = static_cast<int64_t>(count);
            std::vector<uint64_t> expected = passed;
            expected.resize(std::min(passed.size(), static_cast<size_t>(k)));
            std::vector<uint64_t> keys(static_cast<size_t>(TopScoresCapacity(n, k)));
            const int64_t top = SelectTopScores(scores.data(), n, limit, k, keys.data());
            ASSERT_EQ(std::vector<uint64_t>(keys.begin(), keys.begin() + top), expected)
                << count << ", " << k;
            const int64_t best = SelectBestScores(scores.data(), n, limit, k, keys.data());
            keys.resize(static_cast<size_t>(best));
            std::stable_sort(keys.begin(), keys.end(),
                             [](uint64_t a, uint64_t b) { return KeyScore(a) > KeyScore(b); });
            ASSERT_EQ(keys, expected) << count << ", " << k;
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::keys_test
