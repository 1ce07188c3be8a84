// Resize of integers, rounded as ONNX Runtime does: linear cuts off what is behind the point of one
// sum over all corners; with antialias one axis follows the other, and what is in between is
// rounded to the element type; cubic is rounded once.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "engine/ops/dispatch.h"
#include "engine/ops/resize.h"
#include "engine/ops/resize_passes.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

template <typename T>
using RealFor = std::conditional_t<sizeof(T) == 8, double, float>;

// The two inputs that an output of an axis lies between.
struct Between {
  std::int64_t low = 0, high = 0;
  float to_low = 1, to_high = 0;  // their weights
  bool outside = false;
};

// `coarse`: the weights are fractions of 1024.
std::vector<Between> BetweenOf(const ResizeSpec& spec, const ResizeAxis& axis, bool coarse) {
  std::vector<Between> result;
  const auto last = static_cast<float>(axis.in - 1);
  for (std::int64_t at = 0; at < axis.out; ++at) {
    const float x = axis.scale == 1.0f ? static_cast<float>(at) : CoordinateOf(spec, axis, at);
    Between between;
    between.outside = IsOutside(spec, axis, x);
    const float inside = std::max(0.0f, std::min(x, last));
    between.low = std::min(static_cast<std::int64_t>(inside), axis.in - 1);
    between.high = std::min(between.low + 1, axis.in - 1);
    between.to_high = std::abs(inside - static_cast<float>(between.low));
    between.to_low = std::abs(inside - static_cast<float>(between.high));
    if (coarse) {
      constexpr float kParts = 1024;
      between.to_high = std::floor(inside * kParts) / kParts - static_cast<float>(between.low);
      between.to_low = 1 - between.to_high;
    }
    if (between.low == between.high) between.to_low = between.to_high = 0.5f;
    result.push_back(between);
  }
  return result;
}

// The axes [first, last) that are interpolated at once: all that are resized, and as ONNX Runtime
// the image's two or the volume's three, which makes a difference to the order of sums.
struct AxisRange {
  std::size_t first = 0, last = 0;
};

AxisRange LinearAxes(const std::vector<ResizeAxis>& axes) {
  AxisRange range{axes.size(), 0};
  for (std::size_t k = 0; k < axes.size(); ++k) {
    if (axes[k].identity) continue;
    range.first = std::min(range.first, k);
    range.last = k + 1;
  }
  const std::size_t rank = axes.size();
  if (rank == 4 && range.first == 1 && range.last == 2) range.last = 3;
  const std::size_t usual = rank == 2 || rank == 4 ? 2 : 3;
  if (rank < usual || range.first + usual < rank) return range;
  return {rank - usual, rank};
}

// Pictures whose channels are last: those of 8 bits have weights of 10 bits and exact sums.
bool ChannelsAreLast(const AxisRange& range, const std::vector<ResizeAxis>& axes) {
  return axes.size() == 4 && range.first == 1 && range.last == 3;
}

// x is [outer][the axes][inner].
struct LinearPlan {
  std::int64_t outer = 1, inner = 1;
  std::int64_t in_size = 1;   // elements of the axes together
  std::int64_t out_rows = 1;  // of the axes before the last
  std::vector<std::int64_t> in;
  std::vector<std::vector<Between>> axes;
};

// What one row of outputs shows of the axes before the last: the rows behind it, and the weights of
// each, one for each of those axes from the last to the first.
struct Corners {
  static constexpr std::size_t kMost = std::size_t{1} << (kMaxRank - 1);
  std::size_t count = 1;
  bool outside = false;
  std::int64_t row[kMost] = {};
  float weights[kMost][kMaxRank] = {};
};

Corners CornersOf(const LinearPlan& plan, std::int64_t row) {
  Corners corners;
  std::int64_t stride = 1;
  const std::size_t before = plan.axes.size() - 1;
  for (std::size_t d = before; d-- > 0;) {
    const std::vector<Between>& axis = plan.axes[d];
    const auto size = static_cast<std::int64_t>(axis.size());
    const Between& at = axis[static_cast<std::size_t>(row % size)];
    row /= size;
    corners.outside = corners.outside || at.outside;
    for (std::size_t k = 0; k < corners.count; ++k) {
      const std::size_t high = corners.count + k;
      corners.row[high] = corners.row[k] + at.high * stride;
      corners.row[k] += at.low * stride;
      std::copy_n(corners.weights[k], kMaxRank, corners.weights[high]);
      corners.weights[high][before - 1 - d] = at.to_high;
      corners.weights[k][before - 1 - d] = at.to_low;
    }
    corners.count *= 2;
    stride *= plan.in[d];
  }
  return corners;
}

// One output row of `inner` elements at each place of the last axis.
template <typename Real, typename T>
void LinearRow(const LinearPlan& plan, const Corners& corners, const T* in, T value, T* out) {
  const std::vector<Between>& axis = plan.axes.back();
  const std::size_t factors = plan.axes.size() - 1;
  const std::int64_t stride = plan.in.back() * plan.inner;
  for (const Between& at : axis) {
    for (std::int64_t j = 0; j < plan.inner; ++j, ++out) {
      if (corners.outside || at.outside) {
        *out = value;
        continue;
      }
      Real sum = 0;
      for (std::size_t k = 0; k < corners.count; ++k) {
        const T* row = in + corners.row[k] * stride + j;
        float low = at.to_low;
        float high = at.to_high;
        for (std::size_t f = 0; f < factors; ++f) {
          low *= corners.weights[k][f];
          high *= corners.weights[k][f];
        }
        const Real a = static_cast<Real>(low) * static_cast<Real>(row[at.low * plan.inner]);
        const Real b = static_cast<Real>(high) * static_cast<Real>(row[at.high * plan.inner]);
        sum = k == 0 ? a : sum + a;
        sum += b;
      }
      *out = Saturated<T>(sum);
    }
  }
}

LinearPlan LinearPlanOf(const ResizeSpec& spec, bool coarse) {
  const AxisRange range = LinearAxes(spec.axes);
  LinearPlan plan;
  for (std::size_t k = 0; k < spec.axes.size(); ++k) {
    const ResizeAxis& axis = spec.axes[k];
    if (k < range.first) plan.outer *= axis.in;
    if (k >= range.last) plan.inner *= axis.in;
    if (k < range.first || k >= range.last) continue;
    plan.in.push_back(axis.in);
    plan.in_size *= axis.in;
    plan.axes.push_back(BetweenOf(spec, axis, coarse));
    if (k + 1 < range.last) plan.out_rows *= axis.out;
  }
  return plan;
}

template <typename Real, typename T>
std::unique_ptr<Step> MakeLinearIn(const ResizeSpec& spec, bool coarse) {
  LinearPlan plan = LinearPlanOf(spec, coarse);
  const T value = ExtrapolationOf<T>(spec);
  const auto width = static_cast<std::int64_t>(plan.axes.back().size()) * plan.inner;
  const std::int64_t rows = plan.outer * plan.out_rows;
  auto step = MakeItemStep(
      "resize/linear_integers", rows, width * 8,
      [=, plan = std::move(plan)](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const T* x = static_cast<const T*>(args.inputs[0]);
        T* y = static_cast<T*>(args.outputs[0]);
        for (std::int64_t row = begin; row < end; ++row) {
          const std::int64_t image = row / plan.out_rows;
          LinearRow<Real>(plan, CornersOf(plan, row % plan.out_rows),
                          x + image * plan.in_size * plan.inner, value, y + row * width);
        }
      });
  return step;
}

template <typename T>
std::unique_ptr<Step> MakeLinear(const ResizeSpec& spec) {
  if (sizeof(T) == 1 && ChannelsAreLast(LinearAxes(spec.axes), spec.axes)) {
    return MakeLinearIn<double, T>(spec, true);
  }
  return MakeLinearIn<RealFor<T>, T>(spec, false);
}

// Antialias: the weights of consecutive inputs of each output of an axis, those of 8-bit elements
// as fractions of 2^22.
struct Filter {
  std::int64_t outer = 1, in = 1, out = 1, inner = 1;
  std::vector<std::int64_t> first, count;  // of the inputs of each output
  std::int64_t most = 0;                   // weights kept for each output
  std::vector<float> weights;
  std::vector<std::int32_t> fractions;
  std::vector<bool> outside;
};
constexpr int kFractionBits = 22;

float KernelAt(const ResizeSpec& spec, float x) {
  x = std::abs(x);
  if (spec.mode == ResizeMode::kLinear) return x < 1 ? 1 - x : 0;
  const float a = spec.cubic_a;
  if (x < 1) return ((a + 2.0f) * x - (a + 3.0f)) * x * x + 1;
  return x < 2 ? (((x - 5.0f) * x + 8.0f) * x - 4.0f) * a : 0;
}

// Weights of the inputs [from, to) around `center`; what lies beyond the edges counts for them
// unless it is excluded.
std::vector<float> WeightsAround(const ResizeSpec& spec, const ResizeAxis& axis, float center,
                                 float support, float narrow, std::int64_t* first) {
  const auto from = static_cast<std::int64_t>(std::floor(center - support + 0.5f));
  const auto to = static_cast<std::int64_t>(std::floor(center + support + 0.5f));
  const std::int64_t low = std::clamp<std::int64_t>(from, 0, axis.in - 1);
  const std::int64_t high = std::clamp<std::int64_t>(to - 1, low, axis.in - 1);
  std::vector<float> weights(static_cast<std::size_t>(high - low + 1), 0.0f);
  const auto at = [&](std::int64_t x) -> float& {
    return weights[static_cast<std::size_t>(std::clamp(x, low, high) - low)];
  };
  const auto beyond = [&](std::int64_t x) { return x < 0 || x >= axis.in; };
  const auto weight = [&](std::int64_t x) {
    return KernelAt(spec, (static_cast<float>(x) - center + 0.5f) * narrow);
  };
  float total = 0;
  for (std::int64_t x = from; x < to; ++x) {
    if (beyond(x) && spec.exclude_outside) continue;
    total += weight(x);
    if (!beyond(x)) at(x) = weight(x);
  }
  for (std::int64_t x = from; x < to && !spec.exclude_outside; ++x) {
    if (beyond(x)) at(x) += weight(x);
  }
  const float scale = total == 0.0f ? 1.0f : 1.0f / total;
  for (float& w : weights) w *= scale;
  *first = low;
  return weights;
}

Filter FilterOf(const ResizeSpec& spec, const ResizeAxis& axis) {
  Filter filter;
  filter.in = axis.in;
  filter.out = axis.out;
  const float scale = 1.0f / axis.scale;
  const float radius = spec.mode == ResizeMode::kCubic ? 2.0f : 1.0f;
  const float support = scale >= 1.0f ? radius * scale : radius;
  const float narrow = scale >= 1.0f ? 1.0f / scale : 1.0f;
  std::vector<std::vector<float>> all;
  for (std::int64_t at = 0; at < axis.out; ++at) {
    const float x = scale == 1.0f ? static_cast<float>(at) : CoordinateOf(spec, axis, at);
    filter.outside.push_back(IsOutside(spec, axis, x));
    // What is far outside is replaced, or counts as the edge; NaN is of a roi that is infinite.
    const float far = static_cast<float>(axis.in) + support + 1.0f;
    const float center = 0.5f + (std::isnan(x) ? 0.0f : std::clamp(x, -support - 1.0f, far));
    std::int64_t first = 0;
    all.push_back(WeightsAround(spec, axis, center, support, narrow, &first));
    filter.first.push_back(first);
    filter.count.push_back(static_cast<std::int64_t>(all.back().size()));
    filter.most = std::max(filter.most, filter.count.back());
  }
  for (std::vector<float>& weights : all) {
    weights.resize(static_cast<std::size_t>(filter.most), 0.0f);
    for (const float weight : weights) {
      filter.weights.push_back(weight);
      const float whole = std::round(weight * static_cast<float>(1 << kFractionBits));
      filter.fractions.push_back(Saturated<std::int32_t>(whole));
    }
  }
  return filter;
}

template <typename T>
T Filtered(const Filter& filter, std::int64_t at, const T* in) {
  const std::int64_t count = filter.count[static_cast<std::size_t>(at)];
  if constexpr (sizeof(T) == 1) {
    const std::int32_t* weights = filter.fractions.data() + at * filter.most;
    std::int64_t sum = std::int64_t{1} << (kFractionBits - 1);
    for (std::int64_t t = 0; t < count; ++t) {
      sum += static_cast<std::int64_t>(in[t * filter.inner]) * weights[t];
    }
    return static_cast<T>(std::clamp<std::int64_t>(
        sum >> kFractionBits, std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max()));
  } else {
    using Real = RealFor<T>;
    const float* weights = filter.weights.data() + at * filter.most;
    Real sum = 0;
    for (std::int64_t t = 0; t < count; ++t) {
      sum += static_cast<Real>(in[t * filter.inner]) * static_cast<Real>(weights[t]);
    }
    return Saturated<T>(std::round(sum));
  }
}

template <typename T>
void RunFilter(const Filter& filter, T value, const T* in, T* out) {
  for (std::int64_t o = 0; o < filter.outer; ++o, in += filter.in * filter.inner) {
    for (std::int64_t at = 0; at < filter.out; ++at, out += filter.inner) {
      if (filter.outside[static_cast<std::size_t>(at)]) {
        std::fill_n(out, filter.inner, value);
        continue;
      }
      const T* from = in + filter.first[static_cast<std::size_t>(at)] * filter.inner;
      for (std::int64_t j = 0; j < filter.inner; ++j) out[j] = Filtered(filter, at, from + j);
    }
  }
}

// Planes behind the axes that stay, the last axis first.
template <typename T>
std::unique_ptr<Step> MakeAntialias(const ResizeSpec& spec) {
  std::size_t first = 0;
  std::int64_t planes = 1;
  while (spec.axes[first].identity) planes *= spec.axes[first++].in;
  Shape shape;
  for (std::size_t k = first; k < spec.axes.size(); ++k) shape.push_back(spec.axes[k].in);
  const std::int64_t in_size = ElementCount(shape);
  std::vector<Filter> filters;
  std::int64_t between = 0;
  for (std::size_t k = shape.size(); k-- > 0;) {
    const ResizeAxis& axis = spec.axes[first + k];
    if (axis.identity) continue;
    if (!filters.empty()) between = std::max(between, ElementCount(shape));
    Filter filter = FilterOf(spec, axis);
    filter.outer = DimsProduct(shape, 0, k);
    filter.inner = DimsProduct(shape, k + 1, shape.size());
    filters.push_back(std::move(filter));
    shape[k] = axis.out;
  }
  const std::int64_t out_size = ElementCount(shape);
  const T value = ExtrapolationOf<T>(spec);
  const std::size_t buffers = std::min<std::size_t>(filters.size() - 1, 2);
  auto step = MakeStep("resize/antialias_integers", planes,
                       [=, filters = std::move(filters)](const StepArgs& args, std::int64_t begin,
                                                         std::int64_t end) {
                         T* scratch = reinterpret_cast<T*>(args.scratch);
                         for (std::int64_t plane = begin; plane < end; ++plane) {
                           const T* in = static_cast<const T*>(args.inputs[0]) + plane * in_size;
                           for (std::size_t k = 0; k < filters.size(); ++k) {
                             T* out = k + 1 == filters.size()
                                          ? static_cast<T*>(args.outputs[0]) + plane * out_size
                                          : scratch + (k % 2 == 0 ? 0 : between);
                             RunFilter(filters[k], value, in, out);
                             in = out;
                           }
                         }
                       });
  step->scratch_bytes = static_cast<std::size_t>(between) * sizeof(T) * buffers;
  return step;
}

// Through float32, rounded to the nearest at the end.
template <typename T>
std::unique_ptr<Step> MakeCubic(const ResizeSpec& spec) {
  using Real = RealFor<T>;
  PlanePlan<Real> plan = MakePlanePlan<Real>(spec, spec.axes);
  const std::int64_t largest = std::max({plan.in_size, plan.out_size, plan.between});
  const std::int64_t planes = plan.planes;
  auto step = MakeStep(
      "resize/cubic_integers", planes,
      [=, plan = std::move(plan)](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        Real* in = reinterpret_cast<Real*>(args.scratch);
        Real* between = in + largest;
        Real* out = between + 2 * largest;
        for (std::int64_t plane = begin; plane < end; ++plane) {
          const T* x = static_cast<const T*>(args.inputs[0]) + plane * plan.in_size;
          T* y = static_cast<T*>(args.outputs[0]) + plane * plan.out_size;
          for (std::int64_t k = 0; k < plan.in_size; ++k) in[k] = static_cast<Real>(x[k]);
          RunPlane(plan, in, between, out);
          for (std::int64_t k = 0; k < plan.out_size; ++k) {
            y[k] = Saturated<T>(std::nearbyint(out[k]));
          }
        }
      });
  step->scratch_bytes = static_cast<std::size_t>(4 * largest) * sizeof(Real);
  return step;
}

}  // namespace

std::unique_ptr<Step> PlanIntegerResize(const PlanContext& context, const ResizeSpec& spec) {
  return DispatchInteger(context.InputType(0), [&]<typename T>() {
    if (spec.antialias) return MakeAntialias<T>(spec);
    return spec.mode == ResizeMode::kLinear ? MakeLinear<T>(spec) : MakeCubic<T>(spec);
  });
}

}  // namespace kinglet
