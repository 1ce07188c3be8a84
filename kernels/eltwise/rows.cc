#include "kernels/eltwise/rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/eltwise/rows.cc"
#include "kernels/common/dispatch.h"
#include "kernels/eltwise/array-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

// As many vectors of kWidth as fit from i on; where they end.
template <int kWidth>
HWY_INLINE int64_t AddVectors(const float* x, int64_t i, int64_t count, float* y) {
  const hn::CappedTag<float, kWidth> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::Add(hn::LoadU(d, y + i), hn::LoadU(d, x + i)), d, y + i);
  }
  return i;
}

void Add(const float* x, int64_t x_stride, int64_t rows, int64_t count, float* y,
         int64_t y_stride) noexcept {
  for (int64_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
    int64_t i = AddVectors<16>(x, 0, count, y);
    i = AddVectors<8>(x, i, count, y);
    i = AddVectors<4>(x, i, count, y);
    for (; i < count; ++i) y[i] += x[i];
  }
}

// Two rows of at least a vector of kWidth; the last vector overlaps the one before.
template <int kWidth>
HWY_INLINE void InterleaveTwo(const float* a, const float* b, int64_t count, float* y) {
  const hn::CappedTag<float, kWidth> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i + lanes < count; i += lanes) {
    hn::StoreInterleaved2(hn::LoadU(d, a + i), hn::LoadU(d, b + i), d, y + 2 * i);
  }
  const int64_t last = count - lanes;
  hn::StoreInterleaved2(hn::LoadU(d, a + last), hn::LoadU(d, b + last), d, y + 2 * last);
}

void Interleave(const float* x, int64_t phases, int64_t phase_stride, int64_t count,
                float* y) noexcept {
  if (phases == 2 && count >= 4) {
    const float* other = x + phase_stride;
    if (count >= 16) return InterleaveTwo<16>(x, other, count, y);
    if (count >= 8) return InterleaveTwo<8>(x, other, count, y);
    return InterleaveTwo<4>(x, other, count, y);
  }
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t p = 0; p < phases; ++p) y[i * phases + p] = x[p * phase_stride + i];
  }
}

constexpr RowsTable kTable = {Add, Interleave};

}  // namespace

const RowsTable* RowsTableForTarget() { return &kTable; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Rows);
HWY_EXPORT(RowsTableForTarget);

const RowsTable& GetRowsTable() noexcept { return *KINGLET_RESOLVE(RowsTableForTarget)(); }

}  // namespace kinglet::kernels
#endif
