// Reorders of elements of one and two bytes: 16x16 bytes, or 8x8 pairs of them, are transposed in
// registers.
#include "kernels/layout/narrow.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/layout/block_runs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layout/narrow.cc"
#include "kernels/common/blocked.h"
#include "kernels/common/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Lanes of a side of the squares, and channels of a pixel block.
template <typename T>
constexpr int64_t kSide = 16 / static_cast<int64_t>(sizeof(T));
template <typename T>
constexpr int64_t kLanes = kPixelBytes / static_cast<int64_t>(sizeof(T));

// to[j * to_stride + i] = from[i * from_stride + j] for i < rows, j < cols; for rows <= i < kSide
// it is zero.
template <typename T>
void TransposePart(const T* from, int64_t from_stride, int64_t rows, int64_t cols, T* to,
                   int64_t to_stride) {
  for (int64_t j = 0; j < cols; ++j) {
    for (int64_t i = 0; i < kSide<T>; ++i) {
      to[j * to_stride + i] = i < rows ? from[i * from_stride + j] : T{0};
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
// The same of a whole square: as often as the side can be halved, row i and row i + kSide / 2 are
// interleaved to rows 2i and 2i + 1.
template <typename T>
void TransposeSquare(const T* from, int64_t from_stride, int64_t rows, T* to, int64_t to_stride) {
  const hn::CappedTag<T, kSide<T>> d;
  constexpr auto kHalf = static_cast<size_t>(kSide<T> / 2);
  hn::Vec<decltype(d)> a[2 * kHalf], b[2 * kHalf];
  for (size_t i = 0; i < 2 * kHalf; ++i) {
    const auto row = static_cast<int64_t>(i);
    a[i] = row < rows ? hn::LoadU(d, from + row * from_stride) : hn::Zero(d);
  }
  for (size_t width = 2 * kHalf; width > 1; width /= 2) {
    for (size_t i = 0; i < kHalf; ++i) {
      b[2 * i] = hn::InterleaveLower(d, a[i], a[i + kHalf]);
      b[2 * i + 1] = hn::InterleaveUpper(d, a[i], a[i + kHalf]);
    }
    for (size_t i = 0; i < 2 * kHalf; ++i) a[i] = b[i];
  }
  for (size_t i = 0; i < 2 * kHalf; ++i) {
    hn::StoreU(a[i], d, to + static_cast<int64_t>(i) * to_stride);
  }
}
#endif

// One block: `channels` planes that are `plane` apart become lanes.
template <typename T>
void BlockFromPlanes(const T* src, int64_t plane, int64_t channels, int64_t pixels, T* dst) {
  for (int64_t c = 0; c < kLanes<T>; c += kSide<T>) {
    const int64_t rows = std::clamp<int64_t>(channels - c, 0, kSide<T>);
    const T* from = src + std::min(c, channels - 1) * plane;
    int64_t p = 0;
#if HWY_TARGET != HWY_SCALAR
    for (; p + kSide<T> <= pixels; p += kSide<T>) {
      TransposeSquare(from + p, plane, rows, dst + p * kLanes<T> + c, kLanes<T>);
    }
#endif
    TransposePart(from + p, plane, rows, pixels - p, dst + p * kLanes<T> + c, kLanes<T>);
  }
}

template <typename T>
void PlanesFromBlock(const T* src, int64_t plane, int64_t channels, int64_t pixels, T* dst) {
  for (int64_t c = 0; c < channels; c += kSide<T>) {
    int64_t p = 0;
#if HWY_TARGET != HWY_SCALAR
    if (c + kSide<T> <= channels) {
      for (; p + kSide<T> <= pixels; p += kSide<T>) {
        TransposeSquare(src + p * kLanes<T> + c, kLanes<T>, kSide<T>, dst + c * plane + p, plane);
      }
    }
#endif
    const int64_t lanes = std::min(channels - c, kSide<T>);
    for (; p < pixels; ++p) {
      for (int64_t l = 0; l < lanes; ++l) dst[(c + l) * plane + p] = src[p * kLanes<T> + c + l];
    }
  }
}

template <typename T>
void ToBlocked(const Reorder& r, const void* from, void* to, int64_t begin, int64_t end) noexcept {
  const auto* plain = static_cast<const T*>(from);
  auto* blocked = static_cast<T*>(to);
  const int64_t plane = r.h * r.w;
  ForEachRun(BlockCount(r.c, kLanes<T>), r.h, begin, end, [&](const BlockRun& run) {
    const int64_t c0 = run.block * kLanes<T>;
    const T* src = plain + run.n * r.plain_batch_stride + c0 * plane + run.row * r.w;
    T* dst = blocked + run.n * r.blocked_batch_stride + c0 * plane + run.row * r.w * kLanes<T>;
    BlockFromPlanes(src, plane, std::min(kLanes<T>, r.c - c0), run.rows * r.w, dst);
  });
}

template <typename T>
void ToPlain(const Reorder& r, const void* from, void* to, int64_t begin, int64_t end) noexcept {
  const auto* blocked = static_cast<const T*>(from);
  auto* plain = static_cast<T*>(to);
  const int64_t plane = r.h * r.w;
  ForEachRun(BlockCount(r.c, kLanes<T>), r.h, begin, end, [&](const BlockRun& run) {
    const int64_t c0 = run.block * kLanes<T>;
    const T* src =
        blocked + run.n * r.blocked_batch_stride + c0 * plane + run.row * r.w * kLanes<T>;
    T* dst = plain + run.n * r.plain_batch_stride + c0 * plane + run.row * r.w;
    PlanesFromBlock(src, plane, std::min(kLanes<T>, r.c - c0), run.rows * r.w, dst);
  });
}

}  // namespace

const NarrowReorders* NarrowReordersForTarget() {
  static constexpr NarrowReorders kReorders = {
      {&ToBlocked<uint8_t>, &ToBlocked<uint16_t>},
      {&ToPlain<uint8_t>, &ToPlain<uint16_t>},
  };
  return &kReorders;
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(NarrowLayout);
HWY_EXPORT(NarrowReordersForTarget);

const NarrowReorders& GetNarrowReorders() noexcept {
  return *KINGLET_RESOLVE(NarrowReordersForTarget)();
}

}  // namespace kinglet::kernels
#endif
