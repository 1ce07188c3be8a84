#include "kernels/layout/strided.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::strided_test {
namespace {

using testing::GuardedBuffer;

int64_t Elements(const StridedView& v) {
  return std::accumulate(v.dims, v.dims + v.rank, int64_t{1}, std::multiplies<>());
}

template <typename T>
void CopyNaive(const StridedView& v, const T* src, T* dst) {
  const int64_t count = Elements(v);
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i, from = 0, to = 0;
    for (int k = v.rank - 1; k >= 0; --k) {
      from += rest % v.dims[k] * v.src_strides[k];
      to += rest % v.dims[k] * v.dst_strides[k];
      rest /= v.dims[k];
    }
    dst[to] = src[from];
  }
}

// Source elements lie in [-low, high) around the base.
template <typename T>
void Check(const StridedView& v, int64_t low, int64_t high, int64_t dst_count) {
  std::vector<T> values(static_cast<size_t>(low + high));
  std::iota(values.begin(), values.end(), static_cast<T>(1));
  const GuardedBuffer<T> src(values, 1);
  GuardedBuffer<T> dst(static_cast<size_t>(dst_count), 1);
  std::vector<T> want(dst.size());
  CopyNaive(v, src.data() + low, want.data());
  const StridedCopy copy(v, sizeof(T));
  const int64_t half = copy.UnitCount() / 2;
  copy.Run(src.data() + low, dst.data(), half, copy.UnitCount());
  copy.Run(src.data() + low, dst.data(), 0, half);
  ASSERT_EQ(dst.values(), want);
  ASSERT_TRUE(dst.Intact());
}

void CheckAll(const StridedView& v, int64_t low, int64_t high, int64_t dst_count) {
  Check<uint8_t>(v, low, high, dst_count);
  Check<uint16_t>(v, low, high, dst_count);
  Check<uint32_t>(v, low, high, dst_count);
  Check<uint64_t>(v, low, high, dst_count);
}

StridedView Permuted(const std::vector<int64_t>& src_dims, const std::vector<int>& order) {
  const int rank = static_cast<int>(order.size());
  std::vector<int64_t> strides(order.size(), 1);
  for (int k = rank - 2; k >= 0; --k) {
    strides[static_cast<size_t>(k)] =
        strides[static_cast<size_t>(k + 1)] * src_dims[static_cast<size_t>(k + 1)];
  }
  StridedView v;
  v.rank = rank;
  int64_t dst = 1;
  for (int k = rank - 1; k >= 0; --k) {
    const auto from = static_cast<size_t>(order[static_cast<size_t>(k)]);
    v.dims[k] = src_dims[from];
    v.src_strides[k] = strides[from];
    v.dst_strides[k] = dst;
    dst *= v.dims[k];
  }
  return v;
}

TEST(StridedCopy, EveryPermutation) {
  testing::ForEachTarget([] {
    const std::vector<std::vector<int64_t>> shapes = {
        {7},          {5, 9},       {16, 16},     {33, 19},      {2, 3, 4},
        {3, 17, 21},  {1, 5, 1, 6}, {2, 3, 5, 7}, {4, 4, 8, 12}, {2, 1, 3, 2, 5},
        {300, 40, 1}, {3, 120, 90}, {120, 90, 3}};
    for (const auto& dims : shapes) {
      std::vector<int> order(dims.size());
      std::iota(order.begin(), order.end(), 0);
      do {
        const StridedView v = Permuted(dims, order);
        const int64_t count = Elements(v);
        SCOPED_TRACE(::testing::PrintToString(dims) + ::testing::PrintToString(order));
        CheckAll(v, 0, count, count);
      } while (std::next_permutation(order.begin(), order.end()) && !::testing::Test::HasFailure());
    }
  });
}

TEST(StridedCopy, RankEight) {
  CheckAll(Permuted({2, 3, 2, 1, 2, 3, 2, 2}, {7, 0, 6, 1, 5, 2, 4, 3}), 0, 288, 288);
}

TEST(StridedCopy, ReversedSteppedAndBroadcastSources) {
  StridedView reversed{2, {4, 9}, {-9, -1}, {9, 1}};
  CheckAll(reversed, 36, 1, 36);
  StridedView stepped{2, {4, 5}, {30, 3}, {5, 1}};
  CheckAll(stepped, 0, 120, 20);
  StridedView scalar{3, {2, 3, 4}, {0, 0, 0}, {12, 4, 1}};
  CheckAll(scalar, 0, 1, 24);
  StridedView row{2, {6, 5}, {0, 1}, {5, 1}};
  CheckAll(row, 0, 5, 30);
  StridedView column{2, {6, 5}, {1, 0}, {5, 1}};
  CheckAll(column, 0, 6, 30);
}

TEST(StridedCopy, ConcatWritesIntoASlice) {
  StridedView v{3, {2, 3, 4}, {12, 4, 1}, {70, 10, 1}};
  CheckAll(v, 0, 24, 94);
}

TEST(StridedCopy, NothingToDoAndScalars) {
  StridedView empty{2, {3, 0}, {0, 1}, {0, 1}};
  EXPECT_EQ(StridedCopy(empty, 4).UnitCount(), 0);
  StridedView scalar;
  CheckAll(scalar, 0, 1, 1);
}

TEST(StridedCopy, LargeRunsAreShared) {
  StridedView v{1, {100000}, {1}, {1}};
  EXPECT_GT(StridedCopy(v, 4).UnitCount(), 4);
  Check<uint32_t>(v, 0, 100000, 100000);
}

}  // namespace
}  // namespace kinglet::kernels::strided_test
