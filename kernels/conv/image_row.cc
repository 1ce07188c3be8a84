#include "kernels/conv/image_row.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/conv/image_row.cc"
#include "kernels/common/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;
template <typename T>
using PixelTag = hn::Rebind<T, Tag>;

HWY_INLINE Vec ToFloats(hn::Vec<PixelTag<uint8_t>> pixels) {
  return hn::ConvertTo(Tag(), hn::PromoteTo(PixelTag<int32_t>(), pixels));
}
HWY_INLINE Vec ToFloats(Vec pixels) { return pixels; }

// Pixels from `begin`, one by one.
template <typename T>
void ScaleSome(const ImageRow& row, int64_t begin) {
  for (int64_t c = 0; c < row.channels; ++c) {
    const T* from = static_cast<const T*>(row.from) + c * row.channel_stride;
    float* to = row.to + c * row.to_stride;
    for (int64_t i = begin; i < row.count; ++i) {
      to[i] = row.scale[c] * static_cast<float>(from[i * row.pixel_stride]) + row.shift[c];
    }
  }
}

template <typename T>
void ScalePlanes(const ImageRow& row) {
  const Tag tag;
  const auto lanes = static_cast<int64_t>(hn::Lanes(tag));
  const int64_t whole = row.count - row.count % lanes;
  for (int64_t c = 0; c < row.channels; ++c) {
    const T* from = static_cast<const T*>(row.from) + c * row.channel_stride;
    float* to = row.to + c * row.to_stride;
    const Vec scale = hn::Set(tag, row.scale[c]);
    const Vec shift = hn::Set(tag, row.shift[c]);
    for (int64_t i = 0; i < whole; i += lanes) {
      const Vec pixels = ToFloats(hn::LoadU(PixelTag<T>(), from + i));
      hn::StoreU(hn::MulAdd(pixels, scale, shift), tag, to + i);
    }
  }
  ScaleSome<T>(row, whole);
}

// Three channels side by side.
template <typename T>
void ScaleTriples(const ImageRow& row) {
  const Tag tag;
  const auto lanes = static_cast<int64_t>(hn::Lanes(tag));
  const int64_t whole = row.count - row.count % lanes;
  const auto* from = static_cast<const T*>(row.from);
  const auto store = [&](auto pixels, int64_t c, int64_t i) {
    const Vec scale = hn::Set(tag, row.scale[c]);
    const Vec shift = hn::Set(tag, row.shift[c]);
    hn::StoreU(hn::MulAdd(ToFloats(pixels), scale, shift), tag, row.to + c * row.to_stride + i);
  };
  for (int64_t i = 0; i < whole; i += lanes) {
    hn::Vec<PixelTag<T>> a, b, c;
    hn::LoadInterleaved3(PixelTag<T>(), from + 3 * i, a, b, c);
    store(a, 0, i);
    store(b, 1, i);
    store(c, 2, i);
  }
  ScaleSome<T>(row, whole);
}

template <typename T>
void Scale(const ImageRow& row) {
  if (row.pixel_stride == 1) {
    ScalePlanes<T>(row);
  } else if (row.pixel_stride == 3 && row.channels == 3 && row.channel_stride == 1) {
    ScaleTriples<T>(row);
  } else {
    ScaleSome<T>(row, 0);
  }
}

void ScaleImageRow(const ImageRow& row) noexcept {
  row.bytes ? Scale<uint8_t>(row) : Scale<float>(row);
}

}  // namespace

ImageRowFn GetImageRow() { return &ScaleImageRow; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(ImageRow);
HWY_EXPORT(GetImageRow);

ImageRowFn ResolveImageRow() { return KINGLET_RESOLVE(GetImageRow)(); }

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
