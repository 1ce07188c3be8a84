#include <algorithm>
#include <array>
#include <cmath>

#include "engine/graph/fusion.h"
#include "engine/ops/resize.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

// The version of Resize that the node is of; QLinearResize says it.
int ResizeOpset(const NodeContext& context) {
  if (context.node().domain != kKingletDomain) return context.opset();
  return static_cast<int>(std::clamp<std::int64_t>(context.attributes().Int("opset", kMaxOpset),
                                                   kFirstSettledOpset, kMaxOpset));
}

template <typename Enum>
struct Named {
  const char* name;
  Enum value;
  int since = kFirstSettledOpset;
  int until = kMaxOpset;
};

template <typename Enum, std::size_t N>
Enum Lookup(const NodeContext& context, const char* attribute, const char* fallback,
            const std::array<Named<Enum>, N>& names) {
  const std::string text = context.attributes().String(attribute, fallback);
  std::string known;
  for (const Named<Enum>& entry : names) {
    if (ResizeOpset(context) < entry.since || ResizeOpset(context) > entry.until) continue;
    if (text == entry.name) return entry.value;
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  context.Invalid("attribute '" + std::string(attribute) + "' is '" + text + "', expected one of " +
                  known);
}

constexpr std::array<Named<ResizeMode>, 3> kModes = {{
    {"nearest", ResizeMode::kNearest},
    {"linear", ResizeMode::kLinear},
    {"cubic", ResizeMode::kCubic, 11},
}};
constexpr std::array<Named<NearestMode>, 4> kNearestModes = {{
    {"round_prefer_floor", NearestMode::kRoundPreferFloor},
    {"round_prefer_ceil", NearestMode::kRoundPreferCeil},
    {"floor", NearestMode::kFloor},
    {"ceil", NearestMode::kCeil},
}};
constexpr std::array<Named<CoordinateMode>, 7> kCoordinateModes = {{
    {"half_pixel", CoordinateMode::kHalfPixel},
    {"half_pixel_symmetric", CoordinateMode::kHalfPixelSymmetric, 19},
    {"pytorch_half_pixel", CoordinateMode::kPytorchHalfPixel},
    {"align_corners", CoordinateMode::kAlignCorners},
    {"asymmetric", CoordinateMode::kAsymmetric},
    {"tf_half_pixel_for_nn", CoordinateMode::kTfHalfPixelForNn, 11, 12},
    {"tf_crop_and_resize", CoordinateMode::kTfCropAndResize},
}};

// The axes that scales, sizes and roi speak of: all, or those that opset 18 names.
std::vector<std::size_t> ResizedAxes(const NodeContext& context) {
  const std::size_t rank = context.InputShape(0).size();
  std::vector<std::size_t> axes;
  if (ResizeOpset(context) >= 18 && context.attributes().Has("axes")) {
    const auto named = context.attributes().Ints("axes");
    SortedAxes(context, named, rank);  // each once
    for (const std::int64_t axis : named) axes.push_back(context.Axis(axis, rank));
  } else {
    for (std::size_t k = 0; k < rank; ++k) axes.push_back(k);
  }
  return axes;
}

void CheckCount(const NodeContext& context, const char* what, std::size_t found,
                std::size_t expected) {
  if (found == expected) return;
  context.Invalid(std::to_string(found) + " " + what + ", expected " + std::to_string(expected));
}

void ApplyScales(const NodeContext& context, const std::vector<std::size_t>& axes,
                 const std::vector<float>& scales, ResizeSpec& spec) {
  CheckCount(context, "scales", scales.size(), axes.size());
  for (std::size_t k = 0; k < axes.size(); ++k) {
    ResizeAxis& axis = spec.axes[axes[k]];
    if (!(scales[k] > 0) || !std::isfinite(scales[k])) {
      context.Invalid("a scale must be positive and finite, found " + std::to_string(scales[k]));
    }
    axis.scale = scales[k];
    float size = static_cast<float>(axis.in) * scales[k];
    if (spec.extrapolates()) size *= axis.roi_end - axis.roi_start;
    if (!(size >= 0) || size > 1e15f) {
      context.Invalid("the scale " + std::to_string(scales[k]) + " makes an axis of size " +
                      std::to_string(axis.in) + " too large");
    }
    axis.out = static_cast<std::int64_t>(size);
  }
}

// Opset 18: one scale for all axes, so that no axis is larger (or smaller) than its size says.
void KeepAspectRatio(const NodeContext& context, const std::vector<std::size_t>& axes,
                     ResizeSpec& spec) {
  const std::string policy = context.attributes().String("keep_aspect_ratio_policy", "stretch");
  if (policy == "stretch") return;
  if (policy != "not_larger" && policy != "not_smaller") {
    context.Invalid("attribute 'keep_aspect_ratio_policy' is '" + policy +
                    "', expected stretch, not_larger or not_smaller");
  }
  const bool smallest = policy == "not_larger";
  float scale = 0;
  for (std::size_t k = 0; k < axes.size(); ++k) {
    const float own = spec.axes[axes[k]].scale;
    scale = k == 0 ? own : smallest ? std::min(scale, own) : std::max(scale, own);
  }
  for (const std::size_t k : axes) {
    ResizeAxis& axis = spec.axes[k];
    axis.scale = scale;
    axis.out = static_cast<std::int64_t>(std::floor(scale * static_cast<float>(axis.in) + 0.5f));
  }
}

void ApplySizes(const NodeContext& context, const std::vector<std::size_t>& axes,
                const std::vector<std::int64_t>& sizes, ResizeSpec& spec) {
  CheckCount(context, "sizes", sizes.size(), axes.size());
  for (std::size_t k = 0; k < axes.size(); ++k) {
    ResizeAxis& axis = spec.axes[axes[k]];
    if (sizes[k] < 0 || (axis.in == 0 && sizes[k] > 0) || sizes[k] > (std::int64_t{1} << 50)) {
      context.Invalid("cannot resize axis " + std::to_string(axes[k]) + " of size " +
                      std::to_string(axis.in) + " to " + std::to_string(sizes[k]));
    }
    axis.out = sizes[k];
    if (axis.in > 0 && axis.out > 0) {
      axis.scale = static_cast<float>(axis.out) / static_cast<float>(axis.in);
    }
  }
  KeepAspectRatio(context, axes, spec);
}

bool IsGiven(const NodeContext& context, std::size_t i) {
  return context.HasInput(i) && ElementCount(context.InputShape(i)) > 0;
}

void ApplyRoi(const NodeContext& context, const std::vector<std::size_t>& axes, ResizeSpec& spec) {
  if (!spec.extrapolates()) return;
  if (!IsGiven(context, 1)) context.Invalid("tf_crop_and_resize needs a roi (input 1)");
  const std::vector<float> roi = context.InputFloats(1, "the roi");
  CheckCount(context, "roi values", roi.size(), 2 * axes.size());
  for (std::size_t k = 0; k < axes.size(); ++k) {
    spec.axes[axes[k]].roi_start = roi[k];
    spec.axes[axes[k]].roi_end = roi[axes.size() + k];
  }
}

void ReadAttributes(const NodeContext& context, ResizeSpec& spec) {
  spec.mode = Lookup(context, "mode", "nearest", kModes);
  if (ResizeOpset(context) < 11) {  // Upsample, and the first Resize
    spec.coordinates = CoordinateMode::kAsymmetric;
    spec.nearest = NearestMode::kSimple;
    return;
  }
  spec.coordinates =
      Lookup(context, "coordinate_transformation_mode", "half_pixel", kCoordinateModes);
  spec.nearest = Lookup(context, "nearest_mode", "round_prefer_floor", kNearestModes);
  spec.cubic_a = context.attributes().Float("cubic_coeff_a", -0.75f);
  spec.extrapolation = context.attributes().Float("extrapolation_value", 0.0f);
  spec.exclude_outside = context.attributes().Int("exclude_outside", 0) != 0;
  spec.antialias = context.attributes().Int("antialias", 0) != 0;
}

double CubicWeight(double distance, double a) {
  const double x = std::abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

// Weights of the taps first, first + 1, ... around x, before the edges are looked at. With
// antialias the kernel widens as the axis shrinks.
double WeightAt(const ResizeSpec& spec, double distance, double widen) {
  if (spec.mode == ResizeMode::kCubic) return CubicWeight(distance * widen, spec.cubic_a);
  return std::max(0.0, 1 - std::abs(distance * widen));
}

// With antialias every output has about 4 / scale taps. That is no more than the input has
// elements, unless a roi keeps the output large where the scale is tiny.
void CheckTapCount(const NodeContext& context, const ResizeSpec& spec, const ResizeAxis& axis) {
  if (!spec.antialias || axis.scale >= 1) return;
  const double taps = 4.0 * static_cast<double>(axis.out) / static_cast<double>(axis.scale);
  if (taps > 8.0 * static_cast<double>(axis.in) + 64) {
    context.Unsupported("antialias with a scale of " + std::to_string(axis.scale) +
                        " for a region of " + std::to_string(axis.out) + " outputs");
  }
}

}  // namespace

float CoordinateOf(const ResizeSpec& spec, const ResizeAxis& axis, std::int64_t at) {
  const auto x = static_cast<float>(at);
  const auto in = static_cast<float>(axis.in);
  const auto last_in = static_cast<float>(axis.in - 1);
  const auto last_out = static_cast<float>(axis.out - 1);
  switch (spec.coordinates) {
    case CoordinateMode::kHalfPixel:
      return (x + 0.5f) / axis.scale - 0.5f;
    case CoordinateMode::kHalfPixelSymmetric: {
      const float adjustment = static_cast<float>(axis.out) / (axis.scale * in);
      const float offset = in / 2 * (1 - adjustment);
      return static_cast<float>(offset + (static_cast<double>(x) + 0.5) / axis.scale - 0.5);
    }
    case CoordinateMode::kPytorchHalfPixel:
      return axis.out > 1 ? (x + 0.5f) / axis.scale - 0.5f : 0.0f;
    case CoordinateMode::kAlignCorners:
      return axis.out > 1 ? x * last_in / last_out : 0.0f;
    case CoordinateMode::kAsymmetric:
      return x / axis.scale;
    case CoordinateMode::kTfHalfPixelForNn:
      return (x + 0.5f) / axis.scale;
    case CoordinateMode::kTfCropAndResize:
      return axis.out > 1 ? axis.roi_start * last_in +
                                x * (axis.roi_end - axis.roi_start) * last_in / last_out
                          : 0.5f * (axis.roi_start + axis.roi_end) * last_in;
  }
  return 0;
}

bool IsOutside(const ResizeSpec& spec, const ResizeAxis& axis, float x) {
  // NaN, of an infinite roi, is outside as well.
  return spec.extrapolates() && !(x >= 0 && x <= static_cast<float>(axis.in - 1));
}

ResizeSpec ResizeSpecOf(const NodeContext& context) {
  const Shape& in = context.InputShape(0);
  ResizeSpec spec;
  ReadAttributes(context, spec);
  for (const std::int64_t size : in) spec.axes.push_back({.in = size, .out = size});
  const std::vector<std::size_t> axes = ResizedAxes(context);
  ApplyRoi(context, axes, spec);
  const bool attribute = context.node().op == "Upsample" && ResizeOpset(context) < 9;
  const std::size_t scales_input = ResizeOpset(context) < 11 ? 1 : 2;
  const bool sized = ResizeOpset(context) >= 11 && IsGiven(context, 3);
  if (attribute) {
    ApplyScales(context, axes, context.attributes().Floats("scales"), spec);
  } else if (sized) {
    if (IsGiven(context, 2)) context.Invalid("both scales and sizes are given");
    ApplySizes(context, axes, context.InputInts(3, "the sizes"), spec);
  } else if (IsGiven(context, scales_input) || in.empty()) {
    const auto scales =
        in.empty() ? std::vector<float>{} : context.InputFloats(scales_input, "the scales");
    ApplyScales(context, axes, scales, spec);
  } else {
    context.Invalid("neither scales nor sizes are given");
  }
  for (ResizeAxis& axis : spec.axes) {
    CheckTapCount(context, spec, axis);
    axis.identity = axis.in == axis.out && axis.scale == 1.0f &&
                    (!spec.extrapolates() || (axis.roi_start == 0.0f && axis.roi_end == 1.0f));
  }
  return spec;
}

ResizeTaps TapsOf(const ResizeSpec& spec, const ResizeAxis& axis) {
  const double widen = spec.antialias ? std::min(1.0, static_cast<double>(axis.scale)) : 1.0;
  const double radius = (spec.mode == ResizeMode::kCubic ? 2 : 1) / widen;
  // Taps left of x: those at a distance below the radius from anywhere within a step of one.
  const auto left = static_cast<std::int64_t>(std::ceil(radius)) - 1;
  ResizeTaps result;
  result.taps = static_cast<int>(2 * (left + 1));
  for (std::int64_t at = 0; at < axis.out; ++at) {
    const float x = CoordinateOf(spec, axis, at);
    if (IsOutside(spec, axis, x)) {
      result.index.insert(result.index.end(), static_cast<std::size_t>(result.taps), -1);
      result.weight.insert(result.weight.end(), static_cast<std::size_t>(result.taps), 0.0);
      continue;
    }
    const auto base = static_cast<std::int64_t>(std::floor(x));
    double sum = 0;
    const std::size_t start = result.weight.size();
    for (std::int64_t tap = base - left; tap < base - left + result.taps; ++tap) {
      double weight = WeightAt(spec, static_cast<double>(tap) - static_cast<double>(x), widen);
      if (spec.exclude_outside && (tap < 0 || tap >= axis.in)) weight = 0;
      result.index.push_back(std::clamp<std::int64_t>(tap, 0, axis.in - 1));
      result.weight.push_back(weight);
      sum += weight;
    }
    if ((spec.antialias || spec.exclude_outside) && sum != 0) {
      for (std::size_t k = start; k < result.weight.size(); ++k) result.weight[k] /= sum;
    }
  }
  return result;
}

std::vector<std::int64_t> NearestOf(const ResizeSpec& spec, const ResizeAxis& axis) {
  std::vector<std::int64_t> source;
  for (std::int64_t at = 0; at < axis.out; ++at) {
    if (axis.identity) {
      source.push_back(at);
      continue;
    }
    const float x = CoordinateOf(spec, axis, at);
    if (IsOutside(spec, axis, x)) {
      source.push_back(-1);
      continue;
    }
    float nearest = x;
    switch (spec.nearest) {
      case NearestMode::kRoundPreferFloor:
        nearest = std::ceil(x - 0.5f);
        break;
      case NearestMode::kRoundPreferCeil:
        nearest = std::floor(x + 0.5f);
        break;
      case NearestMode::kFloor:
        nearest = std::floor(x);
        break;
      case NearestMode::kCeil:
        nearest = std::ceil(x);
        break;
      case NearestMode::kSimple:  // as runtimes did before opset 11 said
        nearest = axis.scale < 1 ? std::ceil(x) : std::floor(x);
        break;
    }
    source.push_back(std::clamp<std::int64_t>(static_cast<std::int64_t>(nearest), 0, axis.in - 1));
  }
  return source;
}

}  // namespace kinglet
