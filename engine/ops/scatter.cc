// ScatterND, ScatterElements and its older name Scatter: a tensor with some elements or slices
// replaced by, or combined with, updates.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "engine/ops/indices.h"
#include "engine/ops/views.h"
#include "kernels/eltwise/binary.h"

namespace kinglet {
namespace {

enum class Reduction { kNone, kAdd, kMul, kMax, kMin };

Reduction ReductionOf(const NodeContext& context) {
  const std::string name = context.attributes().String("reduction", "none");
  if (name == "none") return Reduction::kNone;
  if (name == "add") return Reduction::kAdd;
  if (name == "mul") return Reduction::kMul;
  if (name == "max") return Reduction::kMax;
  if (name == "min") return Reduction::kMin;
  context.Invalid("reduction is \"" + name + "\", expected none, add, mul, max or min");
}

// What becomes of an element that gets an update; WithKnown(f) calls f with the same, known when it
// is compiled.
struct Replace {
  template <typename T>
  T operator()(T, T update) const noexcept {
    return update;
  }
  template <typename F>
  void WithKnown(F f) const {
    f(*this);
  }
};

template <Reduction kReduction>
struct ReduceBy {
  template <typename T>
  T operator()(T x, T update) const noexcept {
    if constexpr (kReduction == Reduction::kAdd) return static_cast<T>(x + update);
    if constexpr (kReduction == Reduction::kMul) return static_cast<T>(x * update);
    const int is_nan = update != update ? 1 : 0;
    const int wins = (kReduction == Reduction::kMax ? update > x : update < x) ? 1 : 0;
    return Selected((wins | is_nan) != 0, update, x);
  }

 private:
  // By a mask: which of them wins is not to be guessed.
  template <typename T>
  static T Selected(bool first, T a, T b) noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
      const Bits mask = Bits{0} - static_cast<Bits>(first);
      return std::bit_cast<T>((std::bit_cast<Bits>(a) & mask) | (std::bit_cast<Bits>(b) & ~mask));
    } else {
      return first ? a : b;
    }
  }
};

struct Reduce {
  Reduction reduction;

  template <typename T>
  T operator()(T x, T update) const noexcept {
    T result = update;
    WithKnown([&](auto known) { result = known(x, update); });
    return result;
  }
  template <typename F>
  void WithKnown(F f) const {
    switch (reduction) {
      case Reduction::kAdd:
        return f(ReduceBy<Reduction::kAdd>());
      case Reduction::kMul:
        return f(ReduceBy<Reduction::kMul>());
      case Reduction::kMax:
        return f(ReduceBy<Reduction::kMax>());
      case Reduction::kMin:
        return f(ReduceBy<Reduction::kMin>());
      default:
        return f(Replace());
    }
  }
};

template <typename T>
void CombineRun(Replace, const T* updates, std::int64_t count, T* to) noexcept {
  std::memcpy(to, updates, static_cast<std::size_t>(count) * sizeof(T));
}
template <typename T>
void CombineRun(Reduce combine, const T* updates, std::int64_t count, T* to) noexcept {
  for (std::int64_t i = 0; i < count; ++i) to[i] = combine(to[i], updates[i]);
}
inline void CombineRun(Reduce combine, const float* updates, std::int64_t count,
                       float* to) noexcept {
  if (combine.reduction == Reduction::kAdd) {
    kernels::GetBinary(kernels::BinaryOp::kAdd)
        .arrays(to, updates, to, static_cast<std::size_t>(count));
    return;
  }
  CombineRun<float>(combine, updates, count, to);
}

// Calls f.template operator()<T>(combine). Elements that are only moved go by their size.
template <typename F>
std::unique_ptr<Step> DispatchReduction(const NodeContext& context, F f) {
  const DataType type = context.InputType(0);
  const Reduction reduction = ReductionOf(context);
  if (reduction == Reduction::kNone) {
    return DispatchSize(type, [&]<typename T>() { return f.template operator()<T>(Replace()); });
  }
  return DispatchNumeric(type,
                         [&]<typename T>() { return f.template operator()<T>(Reduce{reduction}); });
}

// Calls f(indices) with those that input 1 holds, int32 or int64.
template <typename F>
void WithIndices(const StepArgs& args, bool wide, F f) {
  if (wide) {
    f(static_cast<const std::int64_t*>(args.inputs[1]));
  } else {
    f(static_cast<const std::int32_t*>(args.inputs[1]));
  }
}

bool HasWideIndices(const NodeContext& context) { return context.InputType(1) == DataType::kInt64; }

// The memory of the data becomes the output's, unless the step reads it as something else as well.
void AllowInPlace(PlanContext& context) {
  const Node& node = context.node();
  if (node.input(0) != node.input(1) && node.input(0) != node.input(2)) context.AllowInPlace(0, 0);
}

void InferScatter(InferContext& context) {
  CheckIndexType(context, 1);
  CheckSameType(context, 0, 2);
  ReductionOf(context);
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
}

void CheckUpdates(const NodeContext& context, const Shape& expected) {
  if (context.InputShape(2) == expected) return;
  context.Invalid("updates (input 2) have shape " + ShapeToString(context.InputShape(2)) +
                  ", expected " + ShapeToString(expected));
}

// Elements that updates to one place of the data have in common may be shared among units; updates
// of the same place never are, so that they come in their order.
constexpr std::int64_t kPieceElements = 4096;

void InferScatterNd(InferContext& context) {
  InferScatter(context);
  const IndexTuples t = MakeIndexTuples(context, 0);
  const Shape& data = context.InputShape(0);
  const Shape& indices = context.InputShape(1);
  Shape expected(indices.begin(), indices.end() - 1);
  expected.insert(expected.end(), data.begin() + static_cast<std::ptrdiff_t>(t.size), data.end());
  CheckUpdates(context, expected);
}

// `count` elements of each of `rows` rows, `stride` apart.
template <typename T>
void CopyRows(const T* from, std::int64_t rows, std::int64_t stride, std::int64_t count,
              T* to) noexcept {
  if (count == stride) count *= std::exchange(rows, 1);
  for (std::int64_t k = 0; k < rows; ++k) {
    std::memcpy(to + k * stride, from + k * stride, static_cast<std::size_t>(count) * sizeof(T));
  }
}

// Updates of single elements.
template <typename T, typename Indices, typename Combine>
void ScatterElementsNd(const IndexTuples& t, const Indices& indices, const T* updates,
                       Combine combine, T* out, RunStatus& status) noexcept {
  for (std::int64_t k = 0; k < t.tuples; ++k) {
    const std::int64_t offset = t.Offset(indices, k, status);
    if (offset < 0) return;
    out[offset] = combine(out[offset], updates[k]);
  }
}

// Units are pieces of slices.
template <typename T, typename Combine>
std::unique_ptr<Step> MakeScatterNd(const PlanContext& context, Combine combine) {
  const IndexTuples t = MakeIndexTuples(context, 0);
  const std::int64_t slice = t.slice_elements;
  const bool wide = HasWideIndices(context);
  const std::int64_t slices = slice == 0 ? 0 : t.batch_elements / slice;
  const auto run = [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
    begin *= kPieceElements;
    const std::int64_t count = std::min(end * kPieceElements, slice) - begin;
    const T* data = static_cast<const T*>(args.inputs[0]) + begin;
    T* out = static_cast<T*>(args.outputs[0]) + begin;
    if (data != out && slices > 0) CopyRows(data, slices, slice, count, out);
    WithIndices(args, wide, [&](const auto* indices) {
      const T* update = static_cast<const T*>(args.inputs[2]) + begin;
      if (slice == 1) return ScatterElementsNd(t, indices, update, combine, out, *args.status);
      for (std::int64_t k = 0; k < t.tuples; ++k, update += slice) {
        const std::int64_t offset = t.Offset(indices, k, *args.status);
        if (offset < 0) return;
        CombineRun(combine, update, count, out + offset);
      }
    });
  };
  return MakeStep("reference/scatter_nd", CeilDiv(slice, kPieceElements), run);
}

std::unique_ptr<Step> PlanScatterNd(PlanContext& context) {
  AllowInPlace(context);
  return DispatchReduction(
      context, [&]<typename T>(auto combine) { return MakeScatterNd<T>(context, combine); });
}

void InferScatterElements(InferContext& context) {
  InferScatter(context);
  MakeElementRows(context);
  CheckUpdates(context, context.InputShape(1));
}

// Data and indices as {outer, axis, inner}, where what follows the axis has the same size in both.
struct Lines {
  std::int64_t outer, data_axis, index_axis, inner;
};

// `count` of the inner elements of one outer.
template <typename T, typename Index, typename Combine>
void ScatterLine(const Lines& lines, const Index* indices, const T* updates, std::int64_t count,
                 Combine combine, T* out, RunStatus& status) noexcept {
  const std::int64_t inner = lines.inner;
  if (inner == 1) {  // the axis is the last
    combine.WithKnown([&](auto known) {
      for (std::int64_t k = 0; k < lines.index_axis; ++k) {
        const std::int64_t place = InRange(indices[k], lines.data_axis, status);
        if (place < 0) return;
        out[place] = known(out[place], updates[k]);
      }
    });
    return;
  }
  for (std::int64_t k = 0; k < lines.index_axis; ++k, indices += inner, updates += inner) {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t place = InRange(indices[i], lines.data_axis, status);
      if (place < 0) return;
      T& to = out[place * inner + i];
      to = combine(to, updates[i]);
    }
  }
}

// Units are (outer, piece of the inner elements).
template <typename T, typename Combine>
std::unique_ptr<Step> MakeLines(const Lines& lines, bool wide, Combine combine) {
  const std::int64_t inner = lines.inner, pieces = CeilDiv(inner, kPieceElements);
  const auto unit = [=](const StepArgs& args, std::int64_t outer, std::int64_t first) {
    const std::int64_t count = std::min(kPieceElements, inner - first);
    const std::int64_t at = outer * lines.data_axis * inner + first;
    const T* data = static_cast<const T*>(args.inputs[0]) + at;
    T* out = static_cast<T*>(args.outputs[0]) + at;
    if (data != out) CopyRows(data, lines.data_axis, inner, count, out);
    const std::int64_t from = outer * lines.index_axis * inner + first;
    const T* updates = static_cast<const T*>(args.inputs[2]) + from;
    WithIndices(args, wide, [&](const auto* indices) {
      ScatterLine(lines, indices + from, updates, count, combine, out, *args.status);
    });
  };
  const std::int64_t elements = lines.outer * std::max(lines.data_axis, lines.index_axis) * inner;
  return MakeStep("reference/scatter_elements", elements == 0 ? 0 : lines.outer * pieces,
                  [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    for (std::int64_t u = begin; u < end; ++u) {
                      unit(args, u / pieces, u % pieces * kPieceElements);
                    }
                  });
}

// Any indices that lie in the data: one unit.
template <typename T, typename Combine>
std::unique_ptr<Step> MakeRows(const PlanContext& context, Combine combine) {
  const ElementRows rows = MakeElementRows(context);
  const std::int64_t elements = ElementCount(context.InputShape(0));
  const bool wide = HasWideIndices(context);
  const auto run = [=](const StepArgs& args, std::int64_t, std::int64_t) {
    T* out = static_cast<T*>(args.outputs[0]);
    if (out != args.inputs[0]) {
      std::memcpy(out, args.inputs[0], static_cast<std::size_t>(elements) * sizeof(T));
    }
    WithIndices(args, wide, [&](const auto* indices) {
      const T* update = static_cast<const T*>(args.inputs[2]);
      for (std::int64_t row = 0; row < rows.count; ++row) {
        T* to = out + rows.DataOffset(row);
        for (std::int64_t x = 0; x < rows.width; ++x, to += rows.step) {
          const std::int64_t at = InRange(*indices++, rows.axis_size, *args.status);
          if (at < 0) return;
          T& place = to[at * rows.axis_stride];
          place = combine(place, *update++);
        }
      }
    });
  };
  return MakeStep("reference/scatter_elements", elements == 0 && rows.count == 0 ? 0 : 1, run);
}

std::unique_ptr<Step> PlanScatterElements(PlanContext& context) {
  AllowInPlace(context);
  const Shape& data = context.InputShape(0);
  const Shape& indices = context.InputShape(1);
  const std::size_t axis = context.Axis(context.attributes().Int("axis", 0), data.size());
  bool lines = true;
  for (std::size_t k = 0; k < data.size(); ++k)
    lines = lines && (k == axis || data[k] == indices[k]);
  const Lines sizes{DimsProduct(data, 0, axis), data[axis], indices[axis],
                    DimsProduct(data, axis + 1, data.size())};
  return DispatchReduction(context, [&]<typename T>(auto combine) {
    return lines ? MakeLines<T>(sizes, HasWideIndices(context), combine)
                 : MakeRows<T>(context, combine);
  });
}

}  // namespace

const OpDef& OpScatterND() {
  static const OpDef def{.name = "ScatterND",
                         .since = 11,
                         .min_inputs = 3,
                         .max_inputs = 3,
                         .attributes = "reduction",
                         .types = kAnyType,
                         .infer = InferScatterNd,
                         .plan = PlanScatterNd};
  return def;
}

const OpDef& OpScatterElements() {
  static const OpDef def{.name = "ScatterElements",
                         .since = 11,
                         .min_inputs = 3,
                         .max_inputs = 3,
                         .attributes = "axis reduction",
                         .types = kAnyType,
                         .infer = InferScatterElements,
                         .plan = PlanScatterElements};
  return def;
}

const OpDef& OpScatter() {
  static const OpDef def{.name = "Scatter",
                         .since = 9,
                         .until = 10,
                         .min_inputs = 3,
                         .max_inputs = 3,
                         .attributes = "axis",
                         .types = kAnyType,
                         .infer = InferScatterElements,
                         .plan = PlanScatterElements};
  return def;
}

}  // namespace kinglet
