// The first convolution of a network straight from pictures: pixels of 8 bits or floats, NCHW or
// NHWC, become
//
//   x[n,c,y,x] = scale[c] * pixel + shift[c]
//
// while the windows are gathered, and zero outside the picture. Apart from that it is
// conv/first_f32 of kernels/conv/conv.h: packed weights, units and layouts, bias and epilogue,
// aliasing and threads; there is no residual. Its numerical bound holds for the x rounded to float.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/conv/conv.h"
#include "kernels/conv/image_row.h"
#include "kernels/gemm/gather_gemm.h"

namespace kinglet::kernels {

struct ImageInput {
  const void* pixels = nullptr;
  bool bytes = false;            // uint8, else float
  bool channels_last = false;    // NHWC, else NCHW
  const float* scale = nullptr;  // IC each
  const float* shift = nullptr;
};

// Few channels, without groups.
bool ImageConvSupports(const ConvShape& s);
size_t ImageConvScratchBytes(const ConvShape& s);
// The variant whose packed weights, units and cost these are.
const ConvVariant& ImageConvBase();

// What one target does.
struct ImageConvKernels {
  GatherGemmFn gemm;
  ImageRowFn row;
};
// For the active target.
ImageConvKernels ResolveImageConv();

// `args.input` is ignored.
void ImageConvRun(const ConvShape& s, const ImageInput& image, const ImageConvKernels& kernels,
                  const ConvArgs& args, int64_t begin_unit, int64_t end_unit,
                  void* scratch) noexcept;

}  // namespace kinglet::kernels
