#include "kernels/nms/keys.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <functional>
#include <limits>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/nms/keys.cc"
#include "kernels/common/dispatch.h"
#include "kernels/eltwise/array-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

// The lanes of a mask as bits.
template <class Mask>
HWY_INLINE uint64_t Bits(Mask mask) {
  uint8_t bytes[8] = {};
  hn::StoreMaskBits(ArrayTag(), mask, bytes);
  uint64_t bits = 0;
  std::memcpy(&bits, bytes, sizeof(bits));
  return bits;
}

// Calls f(lane) for each set bit. Few are set as a rule; Highway's Compress, which would serve many
// at once, copies its table to the stack at each call where GCC compiles it.
template <typename F>
HWY_INLINE void ForEachLane(uint64_t bits, F f) {
  for (; bits != 0; bits &= bits - 1) f(std::countr_zero(bits));
}

int64_t FilterScores(const float* scores, int64_t count, const ScoreLimit& limit,
                     uint64_t* keys) noexcept {
  const ArrayTag d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const ArrayVec threshold = hn::Set(d, limit.threshold);
  uint64_t* out = keys;
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const ArrayVec x = hn::LoadU(d, scores + i);
    const auto mask = limit.inclusive ? hn::Ge(x, threshold) : hn::Gt(x, threshold);
    if (hn::AllFalse(d, mask)) continue;
    ForEachLane(Bits(mask), [&](int lane) {
      *out++ = ScoreKey(scores[i + lane], static_cast<uint32_t>(i + lane));
    });
  }
  for (; i < count; ++i) {
    if (limit.Passes(scores[i])) *out++ = ScoreKey(scores[i], static_cast<uint32_t>(i));
  }
  return out - keys;
}

bool AnyPasses(const float* x, int64_t count, float cut) {
  const ArrayTag d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  bool any = false;
  if (count < lanes) {
    for (int64_t i = 0; i < count; ++i) any = any || x[i] >= cut;
    return any;
  }
  const ArrayVec least = hn::Set(d, cut);
  auto mask = hn::Ge(hn::LoadU(d, x + count - lanes), least);
  for (int64_t i = 0; i + lanes < count; i += lanes) {
    mask = hn::Or(mask, hn::Ge(hn::LoadU(d, x + i), least));
  }
  return !hn::AllFalse(d, mask);
}

float CutOf(const ScoreRows& rows, const float* row) {
  return rows.relative ? row[0] + rows.cut : rows.cut;
}

int64_t FindRows(const ScoreRows& rows, uint32_t* found) noexcept {
  int64_t count = 0;
  for (int64_t r = 0; r < rows.rows; ++r) {
    const float* row = rows.scores + r * rows.stride;
    found[count] = static_cast<uint32_t>(r);
    count += AnyPasses(row + rows.first, rows.width, CutOf(rows, row)) ? 1 : 0;
  }
  return count;
}

// Writes what passes of x[0, count), whose first column is `first`; there is room for all.
int64_t PassingColumns(const float* x, int64_t count, uint32_t first, float cut, uint32_t* column,
                       float* values) {
  const ArrayTag d;
  const hn::RebindToUnsigned<ArrayTag> du;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const ArrayVec least = hn::Set(d, cut);
  int64_t out = 0, i = 0;
  for (; i + lanes <= count; i += lanes) {
    const ArrayVec v = hn::LoadU(d, x + i);
    const auto mask = hn::Ge(v, least);
    const uint32_t at = first + static_cast<uint32_t>(i);
    if (hn::AllFalse(d, mask)) continue;
    if (hn::AllTrue(d, mask)) {
      hn::StoreU(v, d, values + out);
      hn::StoreU(hn::Iota(du, at), du, column + out);
      out += lanes;
      continue;
    }
    ForEachLane(Bits(mask), [&](int lane) {
      values[out] = x[i + lane];
      column[out++] = at + static_cast<uint32_t>(lane);
    });
  }
  for (; i < count; ++i) {
    if (!(x[i] >= cut)) continue;
    values[out] = x[i];
    column[out++] = first + static_cast<uint32_t>(i);
  }
  return out;
}

int64_t FindScores(const ScoreRows& rows, int64_t capacity, uint32_t* row_out, uint32_t* column,
                   float* values) noexcept {
  int64_t count = 0;
  for (int64_t r = 0; r < rows.rows; ++r) {
    const float* row = rows.scores + r * rows.stride;
    const float cut = CutOf(rows, row);
    if (!AnyPasses(row + rows.first, rows.width, cut)) continue;
    if (count + rows.width > capacity) return -1;
    const int64_t passed =
        PassingColumns(row + rows.first, rows.width, static_cast<uint32_t>(rows.first), cut,
                       column + count, values + count);
    std::fill_n(row_out + count, passed, static_cast<uint32_t>(r));
    count += passed;
  }
  return count;
}

constexpr ScoreRowsTable kRowsTable = {FindRows, FindScores};

}  // namespace

FilterScoresFn FilterScoresForTarget() { return FilterScores; }
const ScoreRowsTable* ScoreRowsForTarget() { return &kRowsTable; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {
namespace {

constexpr int kRadixBits = 11;  // three passes over the score's bits
constexpr size_t kRadix = size_t{1} << kRadixBits;
constexpr int64_t kRadixFrom = 320;  // below, comparing is faster than counting

size_t Digit(uint64_t key, int pass) {
  return static_cast<size_t>(~key >> (32 + pass * kRadixBits)) & (kRadix - 1);
}

constexpr int64_t kScoresAtOnce = 1024;

// So many of the scores are wanted that all are sorted.
bool IsMost(int64_t count, int64_t k) { return 4 * k >= count || count <= kScoresAtOnce / 4; }

// One stable pass, greater digits first. False where all keys have the same digit.
bool RadixPass(const uint64_t* keys, int64_t count, int pass, uint32_t* counts, uint64_t* out) {
  if (counts[Digit(keys[0], pass)] == static_cast<uint32_t>(count)) return false;
  uint32_t first = 0;
  for (size_t digit = 0; digit < kRadix; ++digit) first += std::exchange(counts[digit], first);
  for (int64_t i = 0; i < count; ++i) out[counts[Digit(keys[i], pass)]++] = keys[i];
  return true;
}

}  // namespace

HWY_EXPORT(FilterScoresForTarget);
HWY_EXPORT(ScoreRowsForTarget);

FilterScoresFn GetFilterScores() noexcept { return KINGLET_RESOLVE(FilterScoresForTarget)(); }

const ScoreRowsTable& GetScoreRowsTable() noexcept {
  return *KINGLET_RESOLVE(ScoreRowsForTarget)();
}

void SortKeys(uint64_t* keys, int64_t count, uint64_t* other) noexcept {
  if (count < kRadixFrom) {
    std::sort(keys, keys + count, std::greater<>());
    return;
  }
  uint32_t counts[3][kRadix] = {};
  for (int64_t i = 0; i < count; ++i) {
    for (int pass = 0; pass < 3; ++pass) ++counts[pass][Digit(keys[i], pass)];
  }
  uint64_t* from = keys;
  uint64_t* to = other;
  for (int pass = 0; pass < 3; ++pass) {
    if (RadixPass(from, count, pass, counts[pass], to)) std::swap(from, to);
  }
  if (from != keys) std::copy(from, from + count, keys);
}

void SelectTopKeys(uint64_t* keys, int64_t count, int64_t k) noexcept {
  if (k < count) std::nth_element(keys, keys + k, keys + count, std::greater<>());
  std::sort(keys, keys + std::min(k, count), std::greater<>());
}

int64_t TopScoresCapacity(int64_t count, int64_t k) noexcept {
  // What is read at once, or sorted by counting.
  return IsMost(count, k) ? 2 * count : 2 * k + kScoresAtOnce;
}

int64_t SelectTopScores(const float* scores, int64_t count, int64_t k, uint64_t* keys) noexcept {
  const FilterScoresFn filter = GetFilterScores();
  ScoreLimit limit = {-std::numeric_limits<float>::infinity(), true};
  if (IsMost(count, k)) {
    const int64_t found = filter(scores, count, limit, keys);
    SortKeys(keys, found, keys + count);
    return std::min(found, k);
  }
  int64_t found = 0;
  for (int64_t first = 0; first < count; first += kScoresAtOnce) {
    uint64_t* more = keys + found;
    const int64_t passed =
        filter(scores + first, std::min(kScoresAtOnce, count - first), limit, more);
    for (int64_t i = 0; i < passed; ++i) more[i] -= static_cast<uint64_t>(first);
    found += passed;
    if (found < 2 * k) continue;
    std::nth_element(keys, keys + k - 1, keys + found, std::greater<>());
    found = k;
    limit = {KeyScore(keys[k - 1]), false};  // an equal one comes later, which loses
  }
  SelectTopKeys(keys, found, k);
  return std::min(found, k);
}

}  // namespace kinglet::kernels
#endif
