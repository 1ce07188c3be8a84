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

#ifndef KINGLET_SCORE_LINE_TABLE
#define KINGLET_SCORE_LINE_TABLE
namespace kinglet::kernels {

struct ScoreLineTable {
  // How many scores pass; the greatest score, -infinity without any.
  int64_t (*count)(const float* scores, int64_t count, const ScoreLimit& limit) noexcept;
  float (*greatest)(const float* scores, int64_t count) noexcept;
};

}  // namespace kinglet::kernels
#endif

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

// Calls f(i) for vectors of elements [i, i + lanes), and returns where they end.
template <typename F>
HWY_INLINE int64_t ForEachVector(int64_t count, F f) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(ArrayTag()));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) f(i);
  return i;
}

int64_t CountScores(const float* scores, int64_t count, const ScoreLimit& limit) noexcept {
  const ArrayTag d;
  const hn::RebindToSigned<ArrayTag> di;
  const ArrayVec threshold = hn::Set(d, limit.threshold);
  auto found = hn::Zero(di);  // less one for each that passes
  int64_t i = ForEachVector(count, [&](int64_t at) HWY_ATTR {
    const ArrayVec x = hn::LoadU(d, scores + at);
    const auto passes = limit.inclusive ? hn::Ge(x, threshold) : hn::Gt(x, threshold);
    found = hn::Add(found, hn::VecFromMask(di, hn::RebindMask(di, passes)));
  });
  int64_t total = -int64_t{hn::GetLane(hn::SumOfLanes(di, found))};
  for (; i < count; ++i) total += limit.Passes(scores[i]) ? 1 : 0;
  return total;
}

float GreatestScore(const float* scores, int64_t count) noexcept {
  const ArrayTag d;
  ArrayVec most = hn::Set(d, -std::numeric_limits<float>::infinity());
  int64_t i = ForEachVector(count, [&](int64_t at) HWY_ATTR {
    const ArrayVec x = hn::LoadU(d, scores + at);
    most = hn::IfThenElse(hn::Gt(x, most), x, most);  // NaN is no score
  });
  float greatest = hn::GetLane(hn::MaxOfLanes(d, most));
  for (; i < count; ++i) greatest = scores[i] > greatest ? scores[i] : greatest;
  return greatest;
}

constexpr ScoreLineTable kLineTable = {CountScores, GreatestScore};

}  // namespace

FilterScoresFn FilterScoresForTarget() { return FilterScores; }
const ScoreRowsTable* ScoreRowsForTarget() { return &kRowsTable; }
const ScoreLineTable* ScoreLineForTarget() { return &kLineTable; }

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

// Scores that the caches of a core hold: reading them some times costs less than any ordering.
constexpr int64_t kLine = 1 << 15;

// One stable pass, greater digits first. False where all keys have the same digit.
bool RadixPass(const uint64_t* keys, int64_t count, int pass, uint32_t* counts, uint64_t* out) {
  if (counts[Digit(keys[0], pass)] == static_cast<uint32_t>(count)) return false;
  uint32_t first = 0;
  for (size_t digit = 0; digit < kRadix; ++digit) first += std::exchange(counts[digit], first);
  for (int64_t i = 0; i < count; ++i) out[counts[Digit(keys[i], pass)]++] = keys[i];
  return true;
}

}  // namespace

KINGLET_EXPORT_TARGET(Keys);
HWY_EXPORT(FilterScoresForTarget);
HWY_EXPORT(ScoreRowsForTarget);
HWY_EXPORT(ScoreLineForTarget);

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

int64_t MoveTopKeys(uint64_t* keys, int64_t count, int64_t wanted, uint64_t* other) noexcept {
  if (wanted >= count) return count;
  // Counted by their distance from the least key, in so many steps: the cut is at one of these.
  uint64_t least = keys[0], greatest = keys[0];
  for (int64_t i = 1; i < count; ++i) {
    least = std::min(least, keys[i]);
    greatest = std::max(greatest, keys[i]);
  }
  const int shift = std::max(0, static_cast<int>(std::bit_width(greatest - least)) - kRadixBits);
  uint32_t counts[kRadix] = {};
  for (int64_t i = 0; i < count; ++i) ++counts[(keys[i] - least) >> shift];
  size_t step = kRadix - 1;
  int64_t found = counts[step];
  while (found < wanted) found += counts[--step];
  const uint64_t cut = least + (static_cast<uint64_t>(step) << shift);
  int64_t front = 0, rest = 0;
  for (int64_t i = 0; i < count; ++i) {  // every key is written, and overwritten where it is not it
    const uint64_t key = keys[i];
    keys[front] = other[rest] = key;
    front += key >= cut ? 1 : 0;
    rest += key >= cut ? 0 : 1;
  }
  std::copy(other, other + rest, keys + front);
  return front;
}

void SelectTopKeys(uint64_t* keys, int64_t count, int64_t k) noexcept {
  if (k < count) std::nth_element(keys, keys + k, keys + count, std::greater<>());
  std::sort(keys, keys + std::min(k, count), std::greater<>());
}

int64_t TopScoresCapacity(int64_t count, int64_t k) noexcept {
  // What is read at once, or sorted by counting.
  return count <= kLine ? 2 * count : 2 * k + kScoresAtOnce;
}

int64_t SelectBestScores(const float* scores, int64_t count, ScoreLimit limit, int64_t k,
                         uint64_t* keys) noexcept {
  if (k <= 0) return 0;
  if (count > kLine) return SelectTopScores(scores, count, limit, k, keys);
  const ScoreLineTable& line = *KINGLET_RESOLVE(ScoreLineForTarget)();
  float least = limit.threshold;  // of those that pass, where they are too many
  if (line.count(scores, count, limit) > k) {
    // In the order of keys: at least k are above the limit, less than k above `over`.
    const auto score_of = [](uint64_t order) { return KeyScore(order << 32); };
    uint64_t under = ScoreKey(limit.threshold, 0) >> 32;
    uint64_t over = ScoreKey(line.greatest(scores, count), 0) >> 32;
    while (over > under + 1) {
      const uint64_t middle = under + (over - under) / 2;
      const ScoreLimit tried{score_of(middle), false};
      const int64_t found = line.count(scores, count, tried);
      if (found < k) {
        over = middle;
        continue;
      }
      under = middle;
      limit = tried;
      if (found == k) break;
    }
    least = score_of(over);
  }
  const int64_t found = GetFilterScores()(scores, count, limit, keys);
  // The last ones of the least are too many.
  int64_t from = found, to = found;
  for (int64_t left = found - k; left > 0;) {
    const uint64_t key = keys[--from];
    if (KeyScore(key) > least) {
      keys[--to] = key;
    } else {
      --left;
    }
  }
  if (to < found || from < found) std::copy(keys + to, keys + found, keys + from);
  return std::min(found, k);
}

int64_t SelectTopScores(const float* scores, int64_t count, ScoreLimit limit, int64_t k,
                        uint64_t* keys) noexcept {
  if (k <= 0) return 0;
  if (count <= kLine) {
    const int64_t found = SelectBestScores(scores, count, limit, k, keys);
    SortKeys(keys, found, keys + found);
    return found;
  }
  const FilterScoresFn filter = GetFilterScores();
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
