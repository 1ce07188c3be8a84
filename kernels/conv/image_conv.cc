#include "kernels/conv/image_conv.h"

#include <algorithm>

#include "kernels/conv/gather_conv.h"
#include "kernels/conv/input_window.h"

namespace kinglet::kernels {
namespace {

// Inlined for each distance of the pixels, so that the compiler knows it.
template <typename T>
inline void ScaleRow(const T* from, int64_t step, int64_t count, float scale, float shift,
                     float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = scale * static_cast<float>(from[i * step]) + shift;
}

template <typename T>
void CopyPixels(const ConvShape& s, const ImageInput& image, int64_t n, const InputWindow& w,
                float* copy) {
  const auto* pixels = static_cast<const T*>(image.pixels) + n * s.ic * s.ih * s.iw;
  const int64_t step = image.channels_last ? s.ic : 1;
  const int64_t plane = image.channels_last ? 1 : s.ih * s.iw;
  const WindowColumns columns = ColumnsOf(s, w);
  for (int64_t c = 0; c < s.ic; ++c) {
    for (int64_t r = 0; r < w.rows; ++r, copy += w.cols) {
      const int64_t y = w.y0 + r * w.row_step;
      if (y < 0 || y >= s.ih) {
        std::fill_n(copy, w.cols, 0.0f);
        continue;
      }
      std::fill_n(copy, columns.left, 0.0f);
      float* to = copy + columns.left;
      if (columns.valid > 0) {
        const T* from = pixels + c * plane + (y * s.iw + w.x0 + columns.left) * step;
        const float scale = image.scale[c];
        const float shift = image.shift[c];
        if (step == 1) {
          ScaleRow(from, 1, columns.valid, scale, shift, to);
        } else if (step == 3) {
          ScaleRow(from, 3, columns.valid, scale, shift, to);
        } else {
          ScaleRow(from, step, columns.valid, scale, shift, to);
        }
      }
      std::fill_n(to + columns.valid, columns.right, 0.0f);
    }
  }
}

}  // namespace

bool ImageConvSupports(const ConvShape& s) { return s.groups == 1 && ImageConvBase().supports(s); }

const ConvVariant& ImageConvBase() { return *FindConvVariant("conv/first_f32"); }

size_t ImageConvScratchBytes(const ConvShape& s) {
  return GatherScratchBytes(s, GatherUnit::kPlane, true);
}

void ImageConvRun(const ConvShape& s, const ImageInput& image, GatherGemmFn gemm,
                  const ConvArgs& args, int64_t begin_unit, int64_t end_unit,
                  void* scratch) noexcept {
  struct Source {
    const ConvShape& shape;
    const ImageInput& image;
  } const source{s, image};
  const CopyWindowFn copy = [](const void* from, int64_t n, const InputWindow& w, float* to) {
    const auto& [shape, picture] = *static_cast<const Source*>(from);
    picture.bytes ? CopyPixels<uint8_t>(shape, picture, n, w, to)
                  : CopyPixels<float>(shape, picture, n, w, to);
  };
  GatherRun(s, GatherUnit::kPlane, gemm, args, begin_unit, end_unit, scratch, {copy, &source});
}

}  // namespace kinglet::kernels
