#include "kernels/layout/enlarge.h"

#include <cstddef>
#include <cstring>

#include "kernels/common/blocked.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layout/enlarge.cc"
#include "kernels/common/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

struct Pixel {
  uint8_t bytes[kPixelBytes];
};

// Every element kBy times, into two rows at once, which may be the same. False where the row is
// shorter than a vector of kBytes; else the last vector overlaps the one before.
template <int kBy, int kBytes, typename T>
HWY_INLINE bool RepeatVectors(const T* x, int64_t width, T* y, T* again) {
  const hn::CappedTag<T, kBytes / sizeof(T)> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  if (width < lanes) return false;
  const auto repeat = [&](int64_t i) HWY_ATTR {
    const auto v = hn::LoadU(d, x + i);
    if constexpr (kBy == 2) {
      hn::StoreInterleaved2(v, v, d, y + kBy * i);
      hn::StoreInterleaved2(v, v, d, again + kBy * i);
    } else {
      hn::StoreInterleaved4(v, v, v, v, d, y + kBy * i);
      hn::StoreInterleaved4(v, v, v, v, d, again + kBy * i);
    }
  };
  for (int64_t i = 0; i + lanes < width; i += lanes) repeat(i);
  repeat(width - lanes);
  return true;
}

template <int kBy, typename T>
HWY_INLINE bool RepeatRow(const T* x, int64_t width, T* y, T* again) {
  return RepeatVectors<kBy, 64>(x, width, y, again) || RepeatVectors<kBy, 32>(x, width, y, again) ||
         RepeatVectors<kBy, 16>(x, width, y, again);
}

// The first two of the rows that come of one, or the only one.
template <typename T>
HWY_INLINE void FirstRows(const Enlarge& e, const T* x, T* y, T* again) {
  if constexpr (sizeof(T) <= 8) {
    if (e.columns_by == 2 && RepeatRow<2>(x, e.width, y, again)) return;
    if (e.columns_by == 4 && RepeatRow<4>(x, e.width, y, again)) return;
  }
  for (int64_t i = 0; i < e.width; ++i) {
    const T value = x[i];
    for (int64_t k = 0; k < e.columns_by; ++k) {
      y[i * e.columns_by + k] = value;
      again[i * e.columns_by + k] = value;
    }
  }
}

template <typename T>
void Run(const Enlarge& e, const void* x_data, int64_t rows, void* y_data) noexcept {
  const auto* x = static_cast<const T*>(x_data);
  auto* y = static_cast<T*>(y_data);
  const int64_t row = e.width * e.columns_by;
  for (int64_t r = 0; r < rows; ++r, x += e.width, y += row * e.rows_by) {
    FirstRows(e, x, y, e.rows_by > 1 ? y + row : y);
    for (int64_t j = 2; j < e.rows_by; ++j) {
      std::memcpy(y + j * row, y, static_cast<size_t>(row) * sizeof(T));
    }
  }
}

}  // namespace

EnlargeFn EnlargeForTarget(int64_t element_bytes) {
  switch (element_bytes) {
    case 1:
      return &Run<uint8_t>;
    case 2:
      return &Run<uint16_t>;
    case 4:
      return &Run<uint32_t>;
    case 8:
      return &Run<uint64_t>;
    default:
      return &Run<Pixel>;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Enlarge);
HWY_EXPORT(EnlargeForTarget);

EnlargeFn GetEnlarge(int64_t element_bytes) noexcept {
  return KINGLET_RESOLVE(EnlargeForTarget)(element_bytes);
}

}  // namespace kinglet::kernels
#endif
