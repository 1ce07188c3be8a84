// Unique: the different elements of a tensor, or its different slices along an axis.
#include <algorithm>
#include <numeric>

#include "engine/op/run_context.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

// The input as {outer, size, inner}: what is compared are the slices along the middle.
struct Slices {
  Shape shape;  // of the input, flat where no axis is named
  std::size_t axis = 0;
  std::int64_t outer = 1, size = 0, inner = 1;
};

Slices SlicesOf(const RunContext& context) {
  Slices s;
  if (!context.attributes().Has("axis")) {
    s.shape = {ElementCount(context.InputShape(0))};
  } else {
    s.shape = context.InputShape(0);
    s.axis = context.Axis(context.attributes().Int("axis", 0), s.shape.size());
  }
  s.outer = DimsProduct(s.shape, 0, s.axis);
  s.size = s.shape[s.axis];
  s.inner = DimsProduct(s.shape, s.axis + 1, s.shape.size());
  if (s.size == 0 || s.inner == 0) s.outer = 0;  // slices without elements
  return s;
}

// The first difference of two slices decides; NaN is above all numbers and equal to itself.
template <typename T>
int Compare(const Slices& s, const T* x, std::int64_t a, std::int64_t b) {
  for (std::int64_t o = 0; o < s.outer; ++o) {
    for (std::int64_t i = 0; i < s.inner; ++i) {
      const T u = x[(o * s.size + a) * s.inner + i], v = x[(o * s.size + b) * s.inner + i];
      if (u < v || (u == u && v != v)) return -1;
      if (v < u || (v == v && u != u)) return 1;
    }
  }
  return 0;
}

// Slices of the same value have the same group; groups are in the order of the result.
struct Groups {
  std::int64_t count = 0;
  std::int64_t* order;  // slices sorted by value, equal ones ascending
  std::int64_t* first;  // of each group: its first slice
  std::int64_t* group;  // of each slice
};

template <typename T>
Groups FindGroups(RunContext& context, const Slices& s, const T* x) {
  const auto size = static_cast<std::size_t>(s.size);
  Groups g{0, context.ScratchFor<std::int64_t>(size), context.ScratchFor<std::int64_t>(size),
           context.ScratchFor<std::int64_t>(size)};
  std::iota(g.order, g.order + s.size, std::int64_t{0});
  std::sort(g.order, g.order + s.size, [&](std::int64_t a, std::int64_t b) {
    const int order = Compare(s, x, a, b);
    return order < 0 || (order == 0 && a < b);
  });
  for (std::int64_t i = 0; i < s.size; ++i) {
    const bool is_new = i == 0 || Compare(s, x, g.order[i - 1], g.order[i]) != 0;
    if (is_new) g.first[g.count++] = g.order[i];
    g.group[g.order[i]] = g.count - 1;
  }
  if (context.attributes().Int("sorted", 1) != 0) return g;
  // By first occurrence: `order` is free to hold the new number of each group.
  std::sort(g.first, g.first + g.count);
  for (std::int64_t k = 0; k < g.count; ++k) g.order[g.group[g.first[k]]] = k;
  for (std::int64_t i = 0; i < s.size; ++i) g.group[i] = g.order[g.group[i]];
  return g;
}

template <typename T>
void WriteUnique(RunContext& context) {
  const Slices s = SlicesOf(context);
  const T* x = static_cast<const T*>(context.InputData(0));
  const Groups g = FindGroups(context, s, x);
  Shape shape = s.shape;
  shape[s.axis] = g.count;
  T* y = context.Output<T>(0, shape);
  for (std::int64_t o = 0; y != nullptr && o < s.outer; ++o) {
    for (std::int64_t k = 0; k < g.count; ++k, y += s.inner) {
      std::copy_n(x + (o * s.size + g.first[k]) * s.inner, s.inner, y);
    }
  }
  if (auto* first = context.Output<std::int64_t>(1, {g.count})) {
    std::copy_n(g.first, g.count, first);
  }
  if (auto* group = context.Output<std::int64_t>(2, {s.size})) std::copy_n(g.group, s.size, group);
  if (auto* counts = context.Output<std::int64_t>(3, {g.count})) {
    std::fill_n(counts, g.count, std::int64_t{0});
    for (std::int64_t i = 0; i < s.size; ++i) ++counts[g.group[i]];
  }
}

void RunUnique(RunContext& context) {
  DispatchType(context.InputType(0), [&]<typename T>() { WriteUnique<T>(context); });
}

}  // namespace

const OpDef& OpUnique() {
  static const OpDef def{.name = "Unique",
                         .since = 11,
                         .max_outputs = 4,
                         .attributes = "axis sorted",
                         .types =
                             "float32, float64, int8, int16, int32, int64, uint8, uint16, "
                             "uint32, uint64, bool",
                         .run = RunUnique};
  return def;
}

}  // namespace kinglet
