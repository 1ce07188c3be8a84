// Linear and cubic resizing of planes, one axis after the other.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/ops/resize.h"
#include "engine/ops/views.h"

namespace kinglet {

// The integer T next to a value that is whole already.
template <typename T, typename Real>
T Saturated(Real value) {
  constexpr auto kLow = static_cast<Real>(std::numeric_limits<T>::lowest());
  constexpr auto kHigh = static_cast<Real>(std::numeric_limits<T>::max());  // or one more
  if (!(value > kLow)) return std::numeric_limits<T>::lowest();
  return value < kHigh ? static_cast<T>(value) : std::numeric_limits<T>::max();
}

// What outputs hold that show no input.
template <typename T>
T ExtrapolationOf(const ResizeSpec& spec) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    return Saturated<T>(spec.extrapolation);
  } else {
    return static_cast<T>(spec.extrapolation);
  }
}

// One axis of one plane: [outer][in][inner] to [outer][out][inner].
template <typename T>
struct Pass {
  std::int64_t outer = 1, in = 1, out = 1, inner = 1;
  int taps = 1;
  std::vector<std::int64_t> index;
  std::vector<T> weight;

  std::int64_t out_size() const { return outer * out * inner; }
};

// The sum of the taps' rows. Two taps are nearly all of the work there is.
template <typename T>
void BlendRow(const T* in, const std::int64_t* index, const T* weight, int taps, std::int64_t inner,
              T* out) {
  if (taps == 2) {
    const T* a = in + index[0] * inner;
    const T* b = in + index[1] * inner;
    const T u = weight[0];
    const T v = weight[1];
    for (std::int64_t j = 0; j < inner; ++j) out[j] = a[j] * u + b[j] * v;
    return;
  }
  for (std::int64_t j = 0; j < inner; ++j) out[j] = in[index[0] * inner + j] * weight[0];
  for (int t = 1; t < taps; ++t) {
    const T* row = in + index[t] * inner;
    for (std::int64_t j = 0; j < inner; ++j) out[j] += row[j] * weight[t];
  }
}

// Single elements, the last axis of a plain tensor.
template <typename T>
void BlendElements(const Pass<T>& pass, const T* in, T* out) {
  const std::int64_t* index = pass.index.data();
  const T* weight = pass.weight.data();
  if (pass.taps == 2) {
    for (std::int64_t x = 0; x < pass.out; ++x) {
      out[x] = in[index[2 * x]] * weight[2 * x] + in[index[2 * x + 1]] * weight[2 * x + 1];
    }
    return;
  }
  for (std::int64_t x = 0; x < pass.out; ++x, index += pass.taps, weight += pass.taps) {
    T sum = 0;
    for (int t = 0; t < pass.taps; ++t) sum += in[index[t]] * weight[t];
    out[x] = sum;
  }
}

template <typename T>
void RunPass(const Pass<T>& pass, const T* in, T* out) {
  for (std::int64_t o = 0; o < pass.outer; ++o, in += pass.in * pass.inner) {
    if (pass.inner == 1) {
      BlendElements(pass, in, out);
      out += pass.out;
      continue;
    }
    for (std::int64_t y = 0; y < pass.out; ++y, out += pass.inner) {
      BlendRow(in, pass.index.data() + y * pass.taps, pass.weight.data() + y * pass.taps, pass.taps,
               pass.inner, out);
    }
  }
}

// Elements of each plane that show no input, which the passes have filled with anything.
template <typename T>
struct Extrapolation {
  T value;
  std::vector<std::int64_t> elements;
};

// The axes from `first` on are a plane; those before are planes side by side.
template <typename T>
struct PlanePlan {
  std::int64_t planes = 1, in_size = 1, out_size = 1;
  std::int64_t between = 0;  // elements of the largest intermediate
  std::vector<Pass<T>> passes;
  Extrapolation<T> outside{};
};

// Shrinking axes come first, so that nothing in between is larger than both ends. Of equal ones the
// last axis, where elements are picked one by one, has the smaller part: it is last to shrink and
// first to grow.
inline std::vector<std::size_t> PassOrder(const std::vector<ResizeAxis>& axes) {
  std::vector<std::size_t> order;
  for (std::size_t k = axes.size(); k-- > 0;) {
    if (!axes[k].identity) order.push_back(k);
  }
  const auto ratio = [&](std::size_t k) {
    return static_cast<double>(axes[k].out) / static_cast<double>(axes[k].in);
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (ratio(a) != ratio(b)) return ratio(a) < ratio(b);
    return ratio(a) < 1 && a < b;
  });
  return order;
}

template <typename T>
PlanePlan<T> MakePlanePlan(const ResizeSpec& spec, std::vector<ResizeAxis> axes) {
  PlanePlan<T> plan;
  std::size_t first = 0;
  while (axes[first].identity) plan.planes *= axes[first++].in;
  axes.erase(axes.begin(), axes.begin() + static_cast<std::ptrdiff_t>(first));
  Shape shape;
  for (const ResizeAxis& axis : axes) {
    shape.push_back(axis.in);
    plan.in_size *= axis.in;
    plan.out_size *= axis.out;
  }
  std::vector<std::vector<bool>> outside(axes.size());
  for (const std::size_t k : PassOrder(axes)) {
    ResizeTaps taps = TapsOf(spec, axes[k]);
    for (std::int64_t& index : taps.index) {
      outside[k].push_back(index < 0);
      index = std::max<std::int64_t>(index, 0);
    }
    Pass<T> pass{DimsProduct(shape, 0, k),
                 axes[k].in,
                 axes[k].out,
                 DimsProduct(shape, k + 1, shape.size()),
                 taps.taps,
                 std::move(taps.index),
                 {}};
    for (const double weight : taps.weight) pass.weight.push_back(static_cast<T>(weight));
    shape[k] = axes[k].out;
    plan.passes.push_back(std::move(pass));
  }
  for (std::size_t k = 0; k + 1 < plan.passes.size(); ++k) {
    plan.between = std::max(plan.between, plan.passes[k].out_size());
  }
  if (spec.extrapolates()) {
    plan.outside.value = ExtrapolationOf<T>(spec);
    for (std::int64_t at = 0; at < plan.out_size; ++at) {
      std::int64_t rest = at;
      bool any = false;
      for (std::size_t k = axes.size(); k-- > 0; rest /= axes[k].out) {
        const auto x = static_cast<std::size_t>(rest % axes[k].out);
        any = any || (!outside[k].empty() &&
                      outside[k][x * outside[k].size() / static_cast<std::size_t>(axes[k].out)]);
      }
      if (any) plan.outside.elements.push_back(at);
    }
  }
  return plan;
}

// One plane through all passes; `between` has room for two intermediates.
template <typename T>
void RunPlane(const PlanePlan<T>& plan, const T* in, T* between, T* out) {
  for (std::size_t k = 0; k < plan.passes.size(); ++k) {
    const bool last = k + 1 == plan.passes.size();
    T* to = last ? out : between + (k % 2 == 0 ? 0 : plan.between);
    RunPass(plan.passes[k], in, to);
    in = to;
  }
  for (const std::int64_t at : plan.outside.elements) out[at] = plan.outside.value;
}

}  // namespace kinglet
