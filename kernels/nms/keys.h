// Scores with their index as 64-bit keys, so that sorting is deterministic whatever the algorithm:
// the higher score is the greater key, of equal scores the lower index.
//
// key(score, index) = (order(score) << 32) | ~index, where order() maps floats to unsigned integers
// monotonically and -0 to the same as +0. NaN has no place in that order: filters never pass it.
#pragma once

#include <bit>
#include <cstdint>

namespace kinglet::kernels {

inline uint64_t ScoreKey(float score, uint32_t index) noexcept {
  const uint32_t bits = std::bit_cast<uint32_t>(score + 0.0f);
  const uint32_t order = bits ^ ((bits >> 31) != 0 ? 0xffffffffu : 0x80000000u);
  return uint64_t{order} << 32 | (index ^ 0xffffffffu);
}
inline uint32_t KeyIndex(uint64_t key) noexcept { return static_cast<uint32_t>(key) ^ 0xffffffffu; }
inline float KeyScore(uint64_t key) noexcept {
  const auto order = static_cast<uint32_t>(key >> 32);
  return std::bit_cast<float>(order ^ ((order >> 31) != 0 ? 0x80000000u : 0xffffffffu));
}

// What a score has to be to pass. NaN never passes.
struct ScoreLimit {
  float threshold;
  bool inclusive = false;  // score >= threshold; else score > threshold

  bool Passes(float score) const noexcept {
    return inclusive ? score >= threshold : score > threshold;
  }
};

// Writes the keys of the scores that pass, index i being scores[i], in ascending order of i; the
// result is their number. `keys` has room for `count`. Alignment: any; no over-read, no over-write.
using FilterScoresFn = int64_t (*)(const float* scores, int64_t count, const ScoreLimit& limit,
                                   uint64_t* keys) noexcept;
// The function for the active target. Fetch it at plan time.
FilterScoresFn GetFilterScores() noexcept;

// A matrix of scores, of which columns [first, first + width) count.
struct ScoreRows {
  const float* scores;
  int64_t rows, stride;  // elements from one row to the next
  int64_t first, width;
  float cut;              // scores that are at least this pass
  bool relative = false;  // to the score in column 0 of the row
};

struct ScoreRowsTable {
  // Writes which rows have a score that passes, and returns their number. `found` has room for
  // `rows`.
  int64_t (*find_rows)(const ScoreRows& rows, uint32_t* found) noexcept;
  // Writes row, column and value of all scores that pass, in this order, and returns their number;
  // -1 when there is no room for them: a capacity of rows * width always suffices.
  int64_t (*find_scores)(const ScoreRows& rows, int64_t capacity, uint32_t* row, uint32_t* column,
                         float* values) noexcept;
};
// Functions for the active target. Fetch them at plan time. Alignment: any; no over-read, no
// over-write.
const ScoreRowsTable& GetScoreRowsTable() noexcept;

// Sorts keys in descending order. They come in ascending order of their indices, as filters write
// them. `other` is as large as `keys`; the sorted ones are in `keys` afterwards.
void SortKeys(uint64_t* keys, int64_t count, uint64_t* other) noexcept;

// Moves `wanted` of the greatest keys or some more to the front, the others behind them, both in
// the order in which they came, and returns how many are at the front: all when they are no more
// than wanted. `other` is as large as `keys`.
int64_t MoveTopKeys(uint64_t* keys, int64_t count, int64_t wanted, uint64_t* other) noexcept;

// Moves the `k` greatest of `count` keys, distinct ones in any order, to the front, sorted
// descending.
void SelectTopKeys(uint64_t* keys, int64_t count, int64_t k) noexcept;

// Writes the keys of the `k` best scores that pass, sorted descending, and returns their number:
// less than k where fewer pass. Scores are compared with the worst that is still among the best
// before a key is made of them. `keys` has room for TopScoresCapacity(count, k).
int64_t TopScoresCapacity(int64_t count, int64_t k) noexcept;
int64_t SelectTopScores(const float* scores, int64_t count, ScoreLimit limit, int64_t k,
                        uint64_t* keys) noexcept;

// The same, and in any order in which equal scores come in the order of their indices: for those
// who sort anyway.
int64_t SelectBestScores(const float* scores, int64_t count, ScoreLimit limit, int64_t k,
                         uint64_t* keys) noexcept;

}  // namespace kinglet::kernels
