// From a picture to the float32 tensor that a network reads.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kinglet/image.h"
#include "kinglet/tensor.h"

namespace kinglet {

enum class ColorOrder : std::uint8_t { kRgb, kBgr };
enum class ImageLayout : std::uint8_t { kNchw, kNhwc };

// How samples are interpolated; always with half-pixel centres, in float32, without rounding back
// to integers.
enum class ResizeRule : std::uint8_t {
  kNone,               // no interpolation: the picture must have the wanted size already
  kBilinear,           // the two nearest samples of each axis, edges clamped, whatever the scale
  kBilinearAntialias,  // triangle filter, widened by the scale when the picture shrinks
  kArea,               // mean of the source area that an output pixel covers
};

// How a picture is fitted into width x height.
enum class FitRule : std::uint8_t {
  kStretch,       // both axes on their own; the aspect ratio is not kept
  kLetterbox,     // aspect ratio kept, centred, the rest filled with pad_value
  kShortestSide,  // shortest side resized to resize_shortest, then the centre cut out
};

// Everything between a decoded picture and a network's input. In this order: the central crop,
// resizing and fitting, the colour order, and for each sample x of 0 to 255
//   (x * max_value / 255 - mean[c]) / stddev[c]
// where c counts channels in the order of the output (so mean[0] is blue's for kBgr).
struct PreprocessSpec {
  int width = 0;   // of the output, pixels
  int height = 0;  // of the output, pixels
  ColorOrder color_order = ColorOrder::kRgb;
  ImageLayout layout = ImageLayout::kNchw;
  ResizeRule resize = ResizeRule::kBilinear;
  FitRule fit = FitRule::kStretch;
  // Fraction of both sides that is kept before resizing, above 0 to 1. TF-slim's rule: rows
  // int((H - fraction * H) / 2) .. H - that, columns likewise.
  double central_crop = 1.0;
  int resize_shortest = 0;   // kShortestSide only: at least width and height
  float pad_value = 114.0f;  // kLetterbox only: on the scale 0 to 255, all channels
  float max_value = 255.0f;  // what a white sample is before mean and stddev: 255 or 1
  std::array<float, 3> mean = {0.0f, 0.0f, 0.0f};
  std::array<float, 3> stddev = {1.0f, 1.0f, 1.0f};
};

// Rules in common use, at any size:
//   slim         central crop 0.875, (x - 127.5) / 127.5
//   torch        central crop 0.875, x / 255 with the ImageNet mean and deviation
//   caffe        central crop 0.875, blue first, x - (104, 117, 123)
//   ssd          whole picture, (x - 127.5) / 127.5
//   ultraface    whole picture, (x - 127) / 128
// all bilinear without antialiasing, stretched.
PreprocessSpec SlimPreprocess(int width, int height);
PreprocessSpec TorchPreprocess(int width, int height);
PreprocessSpec CaffePreprocess(int width, int height);
PreprocessSpec SsdPreprocess(int width, int height);
PreprocessSpec UltraFacePreprocess(int width, int height);

// One of the rules above by its name. Throws Error(kInvalidInput) listing the names.
PreprocessSpec NamedPreprocess(std::string_view name, int width, int height);

// Throws Error(kInvalidInput) that names the first field with a value out of its range.
void CheckPreprocess(const PreprocessSpec& spec);

// {1, 3, height, width} or {1, height, width, 3}.
Shape PreprocessedShape(const PreprocessSpec& spec);

// Where the output lies in the picture. Coordinates are continuous: pixel i covers i to i + 1.
//   x_picture = x_output * scale_x + offset_x, and the same for y.
struct PictureMapping {
  double scale_x = 1.0, scale_y = 1.0;
  double offset_x = 0.0, offset_y = 0.0;

  double PictureX(double x) const noexcept { return x * scale_x + offset_x; }
  double PictureY(double y) const noexcept { return y * scale_y + offset_y; }
  double OutputX(double x) const noexcept { return (x - offset_x) / scale_x; }
  double OutputY(double y) const noexcept { return (y - offset_y) / scale_y; }
};

// The mapping for a picture of this size. Throws Error(kInvalidInput) for a bad spec, or when the
// picture has not the size that ResizeRule::kNone asks for.
PictureMapping MapToPicture(const PreprocessSpec& spec, int picture_width, int picture_height);

// Buffers that Preprocess uses again: one for each thread.
class PreprocessScratch {
 public:
  float* Floats(std::size_t count);
  std::int32_t* Ints(std::size_t count);

 private:
  std::vector<float> floats_;
  std::vector<std::int32_t> ints_;
};

// Writes one picture to `out`: 3 x height x width floats, or height x width x 3 for kNhwc. Takes
// memory only when `scratch` was never used for pictures as large. Throws Error(kInvalidInput) for
// a bad spec or an empty picture.
void Preprocess(const Image& image, const PreprocessSpec& spec, PreprocessScratch& scratch,
                float* out);

// The same into a new tensor of PreprocessedShape.
Tensor Preprocess(const Image& image, const PreprocessSpec& spec);

}  // namespace kinglet
