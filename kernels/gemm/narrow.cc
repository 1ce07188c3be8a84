// gemm/narrow_f32: up to four columns. Vectors go along K, with several sums for each output, so
// that nothing is read or computed for columns that a block of 16 would have beside them.
#include <algorithm>
#include <cstring>

#include "kernels/common/partition.h"
#include "kernels/gemm/packed.h"
#include "kernels/gemm/variants.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gemm/narrow.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"
#include "kernels/common/unroll.h"

#ifndef KINGLET_NARROW_UNITS
#define KINGLET_NARROW_UNITS
namespace kinglet::kernels {
namespace {

constexpr int64_t kMaxColumns = 4;
constexpr int64_t kMinDepth = 16;  // a vector of every target

int64_t UnitCount(const GemmShape& s) {
  constexpr double kMinMultiplyAdds = 64e3;
  const double work = static_cast<double>(s.m) * static_cast<double>(s.n) *
                      static_cast<double>(s.k) / kMinMultiplyAdds;
  return std::min(s.m, static_cast<int64_t>(std::clamp(work, 1.0, 64.0)));
}

}  // namespace
}  // namespace kinglet::kernels
#endif  // KINGLET_NARROW_UNITS

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Tag()));

// sums[n][j] += x * column n, vector j of J side by side.
template <int J, int N, int S>
HWY_INLINE void Accumulate(const Vec (&x)[J], const float* columns, int64_t stride,
                           Vec (&sums)[N][S]) {
  const Tag d;
  KINGLET_UNROLL
  for (int j = 0; j < J; ++j) {
    KINGLET_UNROLL
    for (int n = 0; n < N; ++n) {
      const Vec w = hn::LoadU(d, columns + n * stride + j * kLanes);
      sums[n][j] = hn::MulAdd(x[j], w, sums[n][j]);
    }
  }
}

// values[n] = bias[n] + sum over k of a[k] * column n.
template <int N>
HWY_INLINE void MultiplyRow(int64_t depth, const float* a, const GemmArgs& args, float* values) {
  constexpr int kSums = 8 / N;  // of each output: enough to hide the latency of multiply-adds
  const Tag d;
  const auto* columns = static_cast<const float*>(args.packed);
  Vec sums[N][kSums];
  for (auto& of_column : sums) {
    for (Vec& sum : of_column) sum = hn::Zero(d);
  }
  int64_t k = 0;
  for (; k + kSums * kLanes <= depth; k += kSums * kLanes) {
    Vec x[kSums];
    KINGLET_UNROLL
    for (int j = 0; j < kSums; ++j) x[j] = hn::LoadU(d, a + k + j * kLanes);
    Accumulate(x, columns + k, depth, sums);
  }
  for (; k + kLanes <= depth; k += kLanes) {
    const Vec x[] = {hn::LoadU(d, a + k)};
    Accumulate(x, columns + k, depth, sums);
  }
  if (k < depth) {  // the last vector again, without what is in the sums already
    const int64_t last = depth - kLanes;
    const auto done = hn::FirstN(d, static_cast<size_t>(k - last));
    const Vec x = hn::IfThenZeroElse(done, hn::LoadU(d, a + last));
    KINGLET_UNROLL
    for (int n = 0; n < N; ++n) {
      const Vec w = hn::IfThenZeroElse(done, hn::LoadU(d, columns + n * depth + last));
      sums[n][0] = hn::MulAdd(x, w, sums[n][0]);
    }
  }
  KINGLET_UNROLL
  for (int n = 0; n < N; ++n) {
    Vec sum = sums[n][0];
    KINGLET_UNROLL
    for (int j = 1; j < kSums; ++j) sum = hn::Add(sum, sums[n][j]);
    values[n] = hn::GetLane(hn::SumOfLanes(d, sum)) + (args.bias ? args.bias[n] : 0.0f);
  }
}

template <int N>
HWY_NOINLINE void MultiplyRows(const GemmShape& s, const GemmArgs& args, const Range& rows) {
  constexpr int64_t kRows = 16 / N;  // that are activated at once
  for (int64_t row = rows.begin; row < rows.end; row += kRows) {
    alignas(64) float values[16] = {};
    const int64_t count = std::min(kRows, rows.end - row);
    const float* a = static_cast<const float*>(args.a) + row * args.lda;
    for (int64_t r = 0; r < count; ++r) {
      MultiplyRow<N>(s.k, a + r * args.lda, args, values + r * N);
    }
    ActivateSpan(args.epilogue, values, 16);
    float* c = static_cast<float*>(args.c) + row * args.ldc;
    for (int64_t r = 0; r < count; ++r) {
      std::memcpy(c + r * args.ldc, values + r * N, N * sizeof(float));
    }
  }
}

void RunNarrow(const GemmShape& s, const GemmArgs& args, int64_t begin, int64_t end,
               void*) noexcept {
  if (begin >= end) return;
  const int64_t units = UnitCount(s);
  const Range rows = {EvenPart(s.m, units, begin).begin, EvenPart(s.m, units, end - 1).end};
  switch (s.n) {
    case 1:
      return MultiplyRows<1>(s, args, rows);
    case 2:
      return MultiplyRows<2>(s, args, rows);
    case 3:
      return MultiplyRows<3>(s, args, rows);
    default:
      return MultiplyRows<4>(s, args, rows);
  }
}

GemmRunFn GetRunNarrow() { return &RunNarrow; }

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(NarrowGemm);
HWY_EXPORT(GetRunNarrow);

namespace {

size_t PackedBytes(const GemmShape& s) { return static_cast<size_t>(s.n * s.k) * sizeof(float); }

// [column][k]
void Pack(const GemmShape& s, const GemmWeights& weights, void* packed) {
  const auto* data = static_cast<const float*>(weights.data);
  auto* to = static_cast<float*>(packed);
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t k = 0; k < s.k; ++k) *to++ = data[k * weights.k_stride + n * weights.n_stride];
  }
}

// Reading a row takes as long as one more column; at the end the lanes of each sum are added.
Work WorkOf(const GemmShape& s, int threads) {
  const auto rows = static_cast<double>(s.m);
  const auto columns = static_cast<double>(s.n);
  WorkStage stage = GemmTraffic(s);
  stage.Add(
      {.kind = WorkKind::kTile, .count = 2 * rows * static_cast<double>(s.k) * (columns + 1)});
  stage.Add({.kind = WorkKind::kTileEdge, .count = 16 * rows * columns});
  const int64_t units = UnitCount(s);
  return SharedWork(stage, units, static_cast<int>(std::min<int64_t>(threads, units)));
}

}  // namespace

GemmVariant NarrowGemmF32() {
  return {.id = "gemm/narrow_f32",
          .input = kPlainF32,
          .output = kPlainF32,
          .supports = [](const GemmShape& s) { return s.n <= kMaxColumns && s.k >= kMinDepth; },
          .work = &WorkOf,
          .packed_format =
              [](const GemmShape&) { return PackedFormat{.family = "gemm", .variant = "narrow"}; },
          .packed_bytes = &PackedBytes,
          .pack = &Pack,
          .units = &UnitCount,
          .scratch_bytes = [](const GemmShape&) -> size_t { return 0; },
          .run = KINGLET_RESOLVE(GetRunNarrow)()};
}

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
