#include "kernels/layout/layout.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/layout/block_runs.h"
#include "kernels/layout/narrow.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layout/layout.cc"
#include "kernels/common/blocked.h"
#include "kernels/common/dispatch.h"
#include "kernels/common/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR
// The 4x4 matrices in each 128 bits of four vectors.
template <class D, class V>
HWY_INLINE void Transpose4x4(D d, V& a, V& b, V& c, V& e) {
  const hn::Repartition<double, D> dd;
  const auto ab_lo = hn::BitCast(dd, hn::InterleaveLower(d, a, b));
  const auto ab_hi = hn::BitCast(dd, hn::InterleaveUpper(d, a, b));
  const auto ce_lo = hn::BitCast(dd, hn::InterleaveLower(d, c, e));
  const auto ce_hi = hn::BitCast(dd, hn::InterleaveUpper(d, c, e));
  a = hn::BitCast(d, hn::InterleaveLower(dd, ab_lo, ce_lo));
  b = hn::BitCast(d, hn::InterleaveUpper(dd, ab_lo, ce_lo));
  c = hn::BitCast(d, hn::InterleaveLower(dd, ab_hi, ce_hi));
  e = hn::BitCast(d, hn::InterleaveUpper(dd, ab_hi, ce_hi));
}

using D4 = hn::CappedTag<float, 4>;

// dst[r * dst_stride + c] = src[c * src_stride + r], r, c < 4.
template <typename T>
HWY_INLINE void TransposeFour(const T* src, int64_t src_stride, T* dst, int64_t dst_stride) {
  const D4 d;
  const hn::CappedTag<T, 4> dt;
  hn::Vec<D4> v[4];
  KINGLET_UNROLL
  for (int64_t i = 0; i < 4; ++i) v[i] = hn::BitCast(d, hn::LoadU(dt, src + i * src_stride));
  Transpose4x4(d, v[0], v[1], v[2], v[3]);
  KINGLET_UNROLL
  for (int64_t i = 0; i < 4; ++i) hn::StoreU(hn::BitCast(dt, v[i]), dt, dst + i * dst_stride);
}
#endif

#undef KINGLET_TRANSPOSE_EIGHT
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
#define KINGLET_TRANSPOSE_EIGHT 1
// The same of r, c < 8.
template <typename T>
HWY_INLINE void TransposeEight(const T* src, int64_t src_stride, T* dst, int64_t dst_stride) {
  const hn::CappedTag<float, 8> d;
  const hn::CappedTag<T, 8> dt;
  hn::Vec<decltype(d)> v[8];
  KINGLET_UNROLL
  for (int64_t i = 0; i < 8; ++i) v[i] = hn::BitCast(d, hn::LoadU(dt, src + i * src_stride));
  Transpose4x4(d, v[0], v[1], v[2], v[3]);
  Transpose4x4(d, v[4], v[5], v[6], v[7]);
  KINGLET_UNROLL
  for (int64_t i = 0; i < 4; ++i) {
    T* upper = dst + i * dst_stride;
    hn::StoreU(hn::BitCast(dt, hn::ConcatLowerLower(d, v[i + 4], v[i])), dt, upper);
    hn::StoreU(hn::BitCast(dt, hn::ConcatUpperUpper(d, v[i + 4], v[i])), dt,
               upper + 4 * dst_stride);
  }
}
#else
#define KINGLET_TRANSPOSE_EIGHT 0
#endif

// dst[r * dst_stride + c] = src[c * src_stride + r], r < rows, c < kCols (4 or 8).
template <int64_t kCols, typename T>
HWY_INLINE void TransposeColumns(const T* src, int64_t src_stride, T* dst, int64_t dst_stride,
                                 int64_t rows) {
  int64_t r = 0;
#if KINGLET_TRANSPOSE_EIGHT
  if (kCols == 8) {
    for (; r + 8 <= rows; r += 8) {
      TransposeEight(src + r, src_stride, dst + r * dst_stride, dst_stride);
    }
  }
#endif
#if HWY_TARGET != HWY_SCALAR
  for (; r + 4 <= rows; r += 4) {
    for (int64_t c = 0; c < kCols; c += 4) {
      TransposeFour(src + c * src_stride + r, src_stride, dst + r * dst_stride + c, dst_stride);
    }
  }
#endif
  for (; r < rows; ++r) {
    for (int64_t c = 0; c < kCols; ++c) dst[r * dst_stride + c] = src[c * src_stride + r];
  }
}

// Rows that lie side by side in the source, two or three elements of each column: from column i on,
// as many as vectors of kWidth take; where they end.
template <int kWidth, typename T>
HWY_INLINE int64_t SeparateRows(const T* src, T* dst, int64_t dst_stride, int64_t rows, int64_t i,
                                int64_t cols) {
  const hn::CappedTag<T, kWidth> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  hn::Vec<decltype(d)> a, b, c = hn::Zero(d);
  for (; i + lanes <= cols; i += lanes) {
    if (rows == 2) {
      hn::LoadInterleaved2(d, src + 2 * i, a, b);
    } else {
      hn::LoadInterleaved3(d, src + 3 * i, a, b, c);
      hn::StoreU(c, d, dst + 2 * dst_stride + i);
    }
    hn::StoreU(a, d, dst + i);
    hn::StoreU(b, d, dst + dst_stride + i);
  }
  return i;
}

// The other way round: columns that lie side by side in the destination, from row i on.
template <int kWidth, typename T>
HWY_INLINE int64_t JoinColumns(const T* src, int64_t src_stride, T* dst, int64_t i, int64_t rows,
                               int64_t cols) {
  const hn::CappedTag<T, kWidth> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; i + lanes <= rows; i += lanes) {
    const auto a = hn::LoadU(d, src + i), b = hn::LoadU(d, src + src_stride + i);
    if (cols == 2) {
      hn::StoreInterleaved2(a, b, d, dst + 2 * i);
    } else {
      hn::StoreInterleaved3(a, b, hn::LoadU(d, src + 2 * src_stride + i), d, dst + 3 * i);
    }
  }
  return i;
}

// 16 rows at a time, so that each cache line of the source is used whole.
template <typename T>
void Transpose(const T* src, int64_t src_stride, T* dst, int64_t dst_stride, int64_t rows,
               int64_t cols) {
  if ((rows == 2 || rows == 3) && src_stride == rows) {
    int64_t done = SeparateRows<16>(src, dst, dst_stride, rows, 0, cols);
    done = SeparateRows<4>(src, dst, dst_stride, rows, done, cols);
    src += done * src_stride;
    dst += done;
    cols -= done;
  } else if ((cols == 2 || cols == 3) && dst_stride == cols) {
    int64_t done = JoinColumns<16>(src, src_stride, dst, 0, rows, cols);
    done = JoinColumns<4>(src, src_stride, dst, done, rows, cols);
    src += done;
    dst += done * dst_stride;
    rows -= done;
  }
  for (int64_t r0 = 0; r0 < rows; r0 += 16) {
    const int64_t count = std::min(rows - r0, int64_t{16});
    const T* in = src + r0;
    T* out = dst + r0 * dst_stride;
    int64_t c = 0;
#if KINGLET_TRANSPOSE_EIGHT
    for (; c + 8 <= cols && count >= 8; c += 8) {
      TransposeColumns<8>(in + c * src_stride, src_stride, out + c, dst_stride, count);
    }
#endif
    for (; c + 4 <= cols && count >= 4; c += 4) {
      TransposeColumns<4>(in + c * src_stride, src_stride, out + c, dst_stride, count);
    }
    for (int64_t r = 0; r < count; ++r) {
      for (int64_t i = c; i < cols; ++i) out[r * dst_stride + i] = in[i * src_stride + r];
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
// More elements than a vector of kWidth has. The last vector overlaps the one before, and is loaded
// from one element earlier on, as there may be none behind the last one.
template <int kWidth>
HWY_INLINE void EveryOtherVectors(const uint32_t* src, uint32_t* dst, int64_t count) {
  const hn::CappedTag<uint32_t, kWidth> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i + lanes < count; i += lanes) {
    const uint32_t* from = src + 2 * i;
    hn::StoreU(hn::ConcatEven(d, hn::LoadU(d, from + lanes), hn::LoadU(d, from)), d, dst + i);
  }
  const int64_t last = count - lanes;
  const uint32_t* from = src + 2 * last - 1;
  hn::StoreU(hn::ConcatOdd(d, hn::LoadU(d, from + lanes), hn::LoadU(d, from)), d, dst + last);
}
#endif

void EveryOther32(const uint32_t* src, uint32_t* dst, int64_t count) noexcept {
#if HWY_TARGET != HWY_SCALAR
  if (count > 16) return EveryOtherVectors<16>(src, dst, count);
  if (count > 8) return EveryOtherVectors<8>(src, dst, count);
  if (count > 4) return EveryOtherVectors<4>(src, dst, count);
#endif
  for (int64_t i = 0; i < count; ++i) dst[i] = src[2 * i];
}

void Transpose32(const uint32_t* src, int64_t src_stride, uint32_t* dst, int64_t dst_stride,
                 int64_t rows, int64_t cols) noexcept {
  Transpose(src, src_stride, dst, dst_stride, rows, cols);
}

// One block: `channels` planes that are `plane` apart become lanes.
void BlockFromPlanes(const float* src, int64_t plane, int64_t channels, int64_t pixels,
                     float* dst) {
  const int64_t whole = channels / 4 * 4;
  if (whole > 0) Transpose(src, plane, dst, kBlock, pixels, whole);
  if (whole == kBlock) return;
  const int64_t rest = channels - whole;
  for (int64_t p = 0; p < pixels; ++p) {
    float quad[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    for (int64_t r = 0; r < rest; ++r) quad[r] = src[(whole + r) * plane + p];
    float* out = dst + p * kBlock;
    std::memcpy(out + whole, quad, sizeof(quad));
    std::fill(out + whole + 4, out + kBlock, 0.0f);
  }
}

void ToBlocked(const Reorder& r, const void* from, void* to, int64_t begin, int64_t end) noexcept {
  const auto* plain = static_cast<const float*>(from);
  auto* blocked = static_cast<float*>(to);
  const int64_t plane = r.h * r.w;
  ForEachRun(BlockCount(r.c), r.h, begin, end, [&](const BlockRun& run) {
    const int64_t c0 = run.block * kBlock;
    const float* src = plain + run.n * r.plain_batch_stride + c0 * plane + run.row * r.w;
    float* dst = blocked + run.n * r.blocked_batch_stride + c0 * plane + run.row * r.w * kBlock;
    BlockFromPlanes(src, plane, std::min(kBlock, r.c - c0), run.rows * r.w, dst);
  });
}

void ToPlain(const Reorder& r, const void* from, void* to, int64_t begin, int64_t end) noexcept {
  const auto* blocked = static_cast<const float*>(from);
  auto* plain = static_cast<float*>(to);
  const int64_t plane = r.h * r.w;
  ForEachRun(BlockCount(r.c), r.h, begin, end, [&](const BlockRun& run) {
    const int64_t c0 = run.block * kBlock;
    const float* src =
        blocked + run.n * r.blocked_batch_stride + c0 * plane + run.row * r.w * kBlock;
    float* dst = plain + run.n * r.plain_batch_stride + c0 * plane + run.row * r.w;
    Transpose(src, kBlock, dst, plane, std::min(kBlock, r.c - c0), run.rows * r.w);
  });
}

// Bytes [0, kWidth) and [bytes - kWidth, bytes) of each pixel, which overlap: kWidth <= bytes
// <= 2 * kWidth.
template <int64_t kWidth>
void CopyPixelParts(const uint8_t* src, uint8_t* dst, int64_t bytes, int64_t pixels) {
  const hn::CappedTag<uint8_t, kWidth> d;
  const int64_t step = static_cast<int64_t>(hn::Lanes(d)), last = bytes - kWidth;
  for (int64_t p = 0; p < pixels * kPixelBytes; p += kPixelBytes) {
    for (int64_t i = 0; i < kWidth; i += step)
      hn::StoreU(hn::LoadU(d, src + p + i), d, dst + p + i);
    for (int64_t i = last; i < bytes; i += step)
      hn::StoreU(hn::LoadU(d, src + p + i), d, dst + p + i);
  }
}

// The first `bytes` < 64 of each pixel.
void CopyLanes(const uint8_t* src, uint8_t* dst, int64_t bytes, int64_t pixels) {
  if (bytes >= 32) return CopyPixelParts<32>(src, dst, bytes, pixels);
  if (bytes >= 16) return CopyPixelParts<16>(src, dst, bytes, pixels);
  if (bytes >= 8) return CopyPixelParts<8>(src, dst, bytes, pixels);
  if (bytes >= 4) return CopyPixelParts<4>(src, dst, bytes, pixels);
  for (int64_t p = 0; p < pixels * kPixelBytes; p += kPixelBytes) {
    for (int64_t i = 0; i < bytes; ++i) dst[p + i] = src[p + i];
  }
}

void ZeroLanes(uint8_t* dst, int64_t bytes, int64_t pixels) {
  for (int64_t p = 0; p < pixels; ++p) std::fill_n(dst + p * kPixelBytes, bytes, uint8_t{0});
}

void CopyChannels(const ChannelCopy& p, const void* from, void* to, int64_t begin,
                  int64_t end) noexcept {
  const auto* src = static_cast<const uint8_t*>(from);
  auto* dst = static_cast<uint8_t*>(to);
  const int64_t size = kPixelBytes / p.block;  // of an element
  const int64_t block_bytes = p.h * p.w * kPixelBytes;
  const int64_t dst_end = p.dst_begin + p.count, first = p.dst_begin / p.block;
  const int64_t blocks = BlockCount(dst_end, p.block) - first;
  ForEachRun(blocks, p.h, begin, end, [&](const BlockRun& run) {
    const int64_t block = first + run.block, pixels = run.rows * p.w;
    const int64_t at = run.row * p.w * kPixelBytes;
    uint8_t* out = dst + run.n * p.dst_batch_stride * size + block * block_bytes + at;
    const uint8_t* in = src + run.n * p.src_batch_stride * size + at;
    int64_t lane = std::max(p.dst_begin - block * p.block, int64_t{0});
    const int64_t last = std::min(dst_end - block * p.block, p.block);
    while (lane < last) {
      const int64_t channel = p.src_begin + block * p.block + lane - p.dst_begin;
      const int64_t lanes = std::min(last - lane, p.block - channel % p.block);
      const uint8_t* part = in + channel / p.block * block_bytes + channel % p.block * size;
      if (lanes == p.block) {
        std::memcpy(out, part, static_cast<size_t>(pixels * kPixelBytes));
      } else {
        CopyLanes(part, out + lane * size, lanes * size, pixels);
      }
      lane += lanes;
    }
    if (last < p.block && dst_end == p.dst_c) {
      ZeroLanes(out + last * size, (p.block - last) * size, pixels);
    }
  });
}

#if HWY_TARGET != HWY_SCALAR
// A block of a two-group shuffle whose channel pairs do not straddle source blocks: `even` and
// `odd` point to the pair of each group for each quad of lanes.
void InterleavePairs(const float* const* even, const float* const* odd, int64_t pixels,
                     float* dst) {
  const D4 d;
  const hn::CappedTag<float, 2> pair;
  for (int64_t p = 0; p < pixels * kBlock; p += kBlock) {
    for (int64_t q = 0; q < 4; ++q) {
      const auto a = hn::ZeroExtendVector(d, hn::LoadU(pair, even[q] + p));
      const auto b = hn::ZeroExtendVector(d, hn::LoadU(pair, odd[q] + p));
      hn::StoreU(hn::InterleaveLower(d, a, b), d, dst + p + 4 * q);
    }
  }
}

#endif

void ShuffleChannels(const ChannelShuffle& p, const float* src, float* dst, int64_t begin,
                     int64_t end) noexcept {
  const int64_t plane = p.h * p.w, per_group = p.c / p.groups;
  const int64_t blocks = BlockCount(p.c);
  ForEachRun(blocks, p.h, begin, end, [&](const BlockRun& run) {
    const int64_t image = run.n * blocks * kBlock * plane, at = run.row * p.w * kBlock;
    const int64_t pixels = run.rows * p.w;
    const int64_t lanes = std::min(kBlock, p.c - run.block * kBlock);
    float* out = dst + image + run.block * kBlock * plane + at;
    const float* from[kBlock];
    for (int64_t l = 0; l < lanes; ++l) {
      const int64_t c = run.block * kBlock + l;
      const int64_t s = c % p.groups * per_group + c / p.groups;
      from[l] = src + image + s / kBlock * kBlock * plane + at + s % kBlock;
    }
#if HWY_TARGET != HWY_SCALAR
    const bool pairs = p.groups == 2 && per_group % 2 == 0;
    if (pairs && lanes == kBlock) {
      const float* const even[4] = {from[0], from[4], from[8], from[12]};
      const float* const odd[4] = {from[1], from[5], from[9], from[13]};
      InterleavePairs(even, odd, pixels, out);
      return;
    }
#endif
    for (int64_t i = 0; i < pixels * kBlock; i += kBlock) {
      for (int64_t l = 0; l < lanes; ++l) out[i + l] = from[l][i];
      for (int64_t l = lanes; l < kBlock; ++l) out[i + l] = 0.0f;
    }
  });
}

constexpr LayoutTable kTable = {ToBlocked,       ToPlain,     CopyChannels,
                                ShuffleChannels, Transpose32, EveryOther32};
}  // namespace

const LayoutTable* LayoutTableForTarget() { return &kTable; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Layout);
HWY_EXPORT(LayoutTableForTarget);

const LayoutTable& GetLayoutTable() noexcept { return *KINGLET_RESOLVE(LayoutTableForTarget)(); }

Reordering FindReordering(const TensorDesc& from, const TensorDesc& to) noexcept {
  if (from == kPlainF32 && to == kBlockedF32) {
    return {"layout/to_blocked_f32", GetLayoutTable().to_blocked};
  }
  if (from == kBlockedF32 && to == kPlainF32) {
    return {"layout/to_plain_f32", GetLayoutTable().to_plain};
  }
  if (from.type != to.type || from.layout == to.layout) return {};
  const int64_t bytes = ElementBytes(from.type);
  if (bytes != 1 && bytes != 2) return {};
  const NarrowReorders& narrow = GetNarrowReorders();
  const char* ids[2][2] = {{"layout/to_plain_8", "layout/to_plain_16"},
                           {"layout/to_blocked_8", "layout/to_blocked_16"}};
  const int64_t i = bytes - 1;
  return {ids[to.blocked()][i], (to.blocked() ? narrow.to_blocked : narrow.to_plain)[i]};
}

int64_t UnitCount(const Reorder& r) noexcept { return r.n * BlockCount(r.c, r.block) * r.h; }

int64_t UnitCount(const ChannelCopy& p) noexcept {
  if (p.count <= 0) return 0;
  return p.n * (BlockCount(p.dst_begin + p.count, p.block) - p.dst_begin / p.block) * p.h;
}

int64_t UnitCount(const ChannelShuffle& p) noexcept { return p.n * (BlockCount(p.c)) * p.h; }

}  // namespace kinglet::kernels
#endif
