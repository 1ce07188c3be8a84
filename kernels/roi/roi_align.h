// RoiAlign of plain float32 feature maps: regions cut into bins, each the average or the maximum of
// bilinear samples.
//
// Region r = {x1, y1, x2, y2} of image batch[r], in units of 1 / scale. Along y (x likewise):
//   start = y1 * scale - shift, size = y2 * scale - start - shift; shift is 1/2 with half_pixel,
//   and without it 0, and size at least 1
//   bin = size / bins, n = samples, or ceil(bin) where that is 0
//   sample i of bin p lies at start + p * bin + (i + 1/2) * bin / n
// Samples below -1 or above the map's size count as 0; others are clamped to the map, and
// interpolated between its pixels as ONNX defines. Average: the sum over n_y * n_x; 0 where there
// are no samples. Maximum: the greatest of the samples' weighted pixels (weights multiplied, not
// added up), as ONNX has it.
// A region that is not finite gives zeros. However large a region is, only samples in the map are
// visited.
//
// Shapes: maps {N, C, H, W}, regions {R, 4}, out {R, C, bins_h, bins_w}.
// Work units: (image, block of 16 channels), each for all regions of the image: the block is laid
// out pixel by pixel first where the regions are many enough for that.
// Alignment: any, scratch 64 bytes. Over-read, over-write: none. Aliasing: none.
// Bound: (2 n_y n_x + 8) * 2^-24 times the largest pixel.
// Source: He et al., Mask R-CNN (2017); ONNX, RoiAlign.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kinglet::kernels {

struct RoiAlign {
  int64_t images, channels, height, width;
  int64_t regions;
  int64_t bins_h, bins_w;
  int64_t samples = 0;  // of a bin along each axis; 0: as many as it has pixels
  float scale = 1.0f;
  bool half_pixel = true;
  bool maximum = false;
};

inline int64_t UnitCount(const RoiAlign& p) noexcept {
  return p.regions * p.bins_h * p.bins_w == 0 ? 0 : p.images * ((p.channels + 15) / 16);
}
size_t RoiAlignScratchBytes(const RoiAlign& p) noexcept;

// `batch` has the image of each region, in [0, images).
template <typename Index>
using RoiAlignFn = void (*)(const RoiAlign& p, const float* maps, const float* regions,
                            const Index* batch, float* out, void* scratch, int64_t begin,
                            int64_t end) noexcept;
struct RoiAlignTable {
  RoiAlignFn<int32_t> index32;
  RoiAlignFn<int64_t> index64;
};
// Functions for the active target. Fetch them at plan time.
const RoiAlignTable& GetRoiAlignTable() noexcept;

}  // namespace kinglet::kernels
