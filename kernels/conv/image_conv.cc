#include "kernels/conv/image_conv.h"

#include <algorithm>

#include "kernels/conv/gather_conv.h"
#include "kernels/conv/input_window.h"

namespace kinglet::kernels {
namespace {

struct Source {
  const ConvShape& shape;
  const ImageInput& image;
  ImageRowFn row;
};

// All channels of a window of image n.
void CopyPixels(const Source& source, int64_t n, const InputWindow& w, float* copy) {
  const ConvShape& s = source.shape;
  const ImageInput& image = source.image;
  const WindowColumns columns = ColumnsOf(s, w);
  ImageRow row;
  row.bytes = image.bytes;
  row.count = columns.valid;
  row.pixel_stride = image.channels_last ? s.ic : 1;
  row.channels = s.ic;
  row.channel_stride = image.channels_last ? 1 : s.ih * s.iw;
  row.scale = image.scale;
  row.shift = image.shift;
  row.to_stride = w.rows * w.cols;
  const int64_t element = image.bytes ? 1 : sizeof(float);
  const auto* pixels = static_cast<const char*>(image.pixels) + n * s.ic * s.ih * s.iw * element;
  for (int64_t r = 0; r < w.rows; ++r, copy += w.cols) {
    const int64_t y = w.y0 + r * w.row_step;
    const bool inside = y >= 0 && y < s.ih && columns.valid > 0;
    for (int64_t c = 0; c < s.ic; ++c) {
      float* to = copy + c * row.to_stride;
      std::fill_n(to, inside ? columns.left : w.cols, 0.0f);
      if (inside) std::fill_n(to + columns.left + columns.valid, columns.right, 0.0f);
    }
    if (!inside) continue;
    row.from = pixels + (y * s.iw + w.x0 + columns.left) * row.pixel_stride * element;
    row.to = copy + columns.left;
    source.row(row);
  }
}

}  // namespace

bool ImageConvSupports(const ConvShape& s) { return s.groups == 1 && ImageConvBase().supports(s); }

const ConvVariant& ImageConvBase() { return *FindConvVariant("conv/first_f32"); }

size_t ImageConvScratchBytes(const ConvShape& s) {
  return GatherScratchBytes(s, GatherUnit::kPlane, true);
}

ImageConvKernels ResolveImageConv() { return {ResolveGatherGemm(), ResolveImageRow()}; }

void ImageConvRun(const ConvShape& s, const ImageInput& image, const ImageConvKernels& kernels,
                  const ConvArgs& args, int64_t begin_unit, int64_t end_unit,
                  void* scratch) noexcept {
  const Source source{s, image, kernels.row};
  const CopyWindowFn copy = [](const void* from, int64_t n, const InputWindow& w, float* to) {
    CopyPixels(*static_cast<const Source*>(from), n, w, to);
  };
  GatherRun(s, GatherUnit::kPlane, kernels.gemm, args, begin_unit, end_unit, scratch,
            {copy, &source});
}

}  // namespace kinglet::kernels
