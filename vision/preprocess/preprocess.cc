#include "kinglet/preprocess.h"

#include <algorithm>

#include "kernels/resize/picture.h"
#include "vision/decode/fail.h"
#include "vision/preprocess/geometry.h"
#include "vision/preprocess/taps.h"

namespace kinglet {

float* PreprocessScratch::Floats(std::size_t count) {
  if (floats_.size() < count) floats_.resize(count);
  return floats_.data();
}

std::int32_t* PreprocessScratch::Ints(std::size_t count) {
  if (ints_.size() < count) ints_.resize(count);
  return ints_.data();
}

namespace vision {
namespace {

void CheckImage(const Image& image) {
  if (image.width <= 0 || image.height <= 0 ||
      image.pixels.size() / 3 / static_cast<std::size_t>(image.width) !=
          static_cast<std::size_t>(image.height) ||
      image.pixels.size() % (3 * static_cast<std::size_t>(image.width)) != 0) {
    Fail(ErrorCode::kInvalidInput, "preprocessing", "a picture of ", image.width, "x", image.height,
         " pixels with ", image.pixels.size(), " bytes");
  }
}

// Where the first sample of the resized part goes, and what is done to each.
kernels::PictureOutput OutputOf(const PreprocessSpec& spec, const Geometry& g, float* out) {
  const auto width = static_cast<std::size_t>(spec.width);
  const auto height = static_cast<std::size_t>(spec.height);
  kernels::PictureOutput output{};
  output.interleaved = spec.layout == ImageLayout::kNhwc;
  const std::size_t pixel = output.interleaved ? 3 : 1;
  output.row_stride = width * pixel;
  output.data = out + static_cast<std::size_t>(g.top) * output.row_stride +
                static_cast<std::size_t>(g.left) * pixel;
  for (std::size_t c = 0; c < 3; ++c) {
    const std::size_t position = spec.color_order == ColorOrder::kRgb ? c : 2 - c;
    output.channel[c] = output.interleaved ? position : position * width * height;
    const double unit = spec.max_value / 255.0;
    output.mean[c] = static_cast<float>(spec.mean[position] / unit);
    output.scale[c] = static_cast<float>(unit / spec.stddev[position]);
  }
  return output;
}

// Fills all of the output, when the resized part leaves some of it free.
void FillPadding(const PreprocessSpec& spec, const Geometry& g,
                 const kernels::PictureOutput& output, float* out) {
  if (g.x.count == spec.width && g.y.count == spec.height) return;
  const auto pixels = static_cast<std::size_t>(spec.width) * static_cast<std::size_t>(spec.height);
  for (std::size_t c = 0; c < 3; ++c) {
    const float value = (spec.pad_value - output.mean[c]) * output.scale[c];
    float* channel = out + output.channel[c];
    if (!output.interleaved) {
      std::fill_n(channel, pixels, value);
    } else {
      for (std::size_t i = 0; i < pixels; ++i) channel[3 * i] = value;
    }
  }
}

void RunLinear(const std::uint8_t* src, std::size_t stride, const Geometry& g,
               const kernels::PictureOutput& output, PreprocessScratch& scratch) {
  const auto nx = static_cast<std::size_t>(g.x.count), ny = static_cast<std::size_t>(g.y.count);
  std::int32_t* ints = scratch.Ints(2 * (nx + ny));
  float* floats = scratch.Floats(nx + ny + kernels::LinearScratch(nx));
  const auto x = MakeLinearTaps(g.x, ints, ints + nx, floats);
  const auto y = MakeLinearTaps(g.y, ints + 2 * nx, ints + 2 * nx + ny, floats + nx);
  kernels::GetPictureTable().linear(src, stride, static_cast<std::size_t>(g.x.in), x, y, output,
                                    floats + nx + ny);
}

void RunFilter(ResizeRule rule, const std::uint8_t* src, std::size_t stride, const Geometry& g,
               const kernels::PictureOutput& output, PreprocessScratch& scratch) {
  const auto nx = static_cast<std::size_t>(g.x.count), ny = static_cast<std::size_t>(g.y.count);
  const auto width = static_cast<std::size_t>(g.x.in);
  const std::size_t x_weights = nx * TapCount(rule, g.x), y_weights = ny * TapCount(rule, g.y);
  std::int32_t* ints = scratch.Ints(nx + ny);
  float* floats = scratch.Floats(x_weights + y_weights + kernels::FilterScratch(width, nx));
  const auto x = MakeFilterTaps(rule, g.x, ints, floats);
  const auto y = MakeFilterTaps(rule, g.y, ints + nx, floats + x_weights);
  kernels::GetPictureTable().filter(src, stride, width, x, y, output,
                                    floats + x_weights + y_weights);
}

}  // namespace
}  // namespace vision

void Preprocess(const Image& image, const PreprocessSpec& spec, PreprocessScratch& scratch,
                float* out) {
  vision::CheckImage(image);
  const vision::Geometry g = vision::FitPicture(spec, image.width, image.height);
  const kernels::PictureOutput output = vision::OutputOf(spec, g, out);
  vision::FillPadding(spec, g, output, out);
  const std::uint8_t* src = image.row(static_cast<int>(g.crop_y)) + 3 * g.crop_x;
  const std::size_t stride = std::size_t{3} * static_cast<std::size_t>(image.width);
  if (spec.resize == ResizeRule::kNone || spec.resize == ResizeRule::kBilinear) {
    vision::RunLinear(src, stride, g, output, scratch);
  } else {
    vision::RunFilter(spec.resize, src, stride, g, output, scratch);
  }
}

Tensor Preprocess(const Image& image, const PreprocessSpec& spec) {
  CheckPreprocess(spec);
  Tensor tensor(DataType::kFloat32, PreprocessedShape(spec));
  PreprocessScratch scratch;
  Preprocess(image, spec, scratch, tensor.data<float>());
  return tensor;
}

}  // namespace kinglet
