// What Resize and Upsample mean: from attributes and inputs to the samples behind every output.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/op/op.h"

namespace kinglet {

enum class ResizeMode { kNearest, kLinear, kCubic };
enum class NearestMode { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil, kSimple };
enum class CoordinateMode {
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kTfHalfPixelForNn,
  kTfCropAndResize,
};

struct ResizeAxis {
  std::int64_t in = 0, out = 0;
  float scale = 1;
  float roi_start = 0, roi_end = 1;
  // Output x shows input x.
  bool identity = true;
};

struct ResizeSpec {
  ResizeMode mode = ResizeMode::kNearest;
  NearestMode nearest = NearestMode::kRoundPreferFloor;
  CoordinateMode coordinates = CoordinateMode::kHalfPixel;
  float cubic_a = -0.75f;
  float extrapolation = 0;
  bool exclude_outside = false;
  bool antialias = false;
  std::vector<ResizeAxis> axes;  // all of them

  // The output has elements that show no input (tf_crop_and_resize).
  bool extrapolates() const { return coordinates == CoordinateMode::kTfCropAndResize; }
};

// For Upsample (opsets 7 and 9) and Resize (10 on). Throws Error(kInvalidModel) for what is wrong,
// Error(kUnsupported) when sizes or scales depend on data.
ResizeSpec ResizeSpecOf(const NodeContext& context);

// Where output `at` of an axis lies among its inputs.
float CoordinateOf(const ResizeSpec& spec, const ResizeAxis& axis, std::int64_t at);
// Whether an output that lies there shows no input.
bool IsOutside(const ResizeSpec& spec, const ResizeAxis& axis, float x);

// One axis as weighted sums: out[x] = sum over t of weight[x * taps + t] * in[index[x * taps + t]].
struct ResizeTaps {
  int taps = 0;
  std::vector<std::int64_t> index;  // -1 in all taps: the extrapolation value
  std::vector<double> weight;
};
// Linear and cubic. The axis is not empty.
ResizeTaps TapsOf(const ResizeSpec& spec, const ResizeAxis& axis);
// Nearest: the input index of each output, -1 for the extrapolation value.
std::vector<std::int64_t> NearestOf(const ResizeSpec& spec, const ResizeAxis& axis);

// Linear and cubic of integers; not all axes are identities, and the output is not empty.
std::unique_ptr<Step> PlanIntegerResize(const PlanContext& context, const ResizeSpec& spec);

}  // namespace kinglet
