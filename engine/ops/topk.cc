// TopK: the largest or smallest elements along an axis, and where they stand.
#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <type_traits>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/views.h"
#include "kernels/common/aligned.h"
#include "kernels/nms/keys.h"
#include "kernels/reduce/arg.h"

namespace kinglet {
namespace {

std::size_t SortedAxis(const NodeContext& context) {
  return context.Axis(context.attributes().Int("axis", -1), context.InputShape(0).size());
}

std::int64_t CountOf(const NodeContext& context) {
  if (context.opset() < 10) return context.attributes().Int("k", -1);
  const auto k = context.InputInts(1, "k");
  if (k.size() != 1) {
    context.Invalid("k (input 1) must be one element, found " + std::to_string(k.size()));
  }
  return k[0];
}

void InferTopK(InferContext& context) {
  Shape out = context.InputShape(0);
  const std::size_t axis = SortedAxis(context);
  const std::int64_t k = CountOf(context);
  if (k < 0 || k > out[axis]) {
    context.Invalid("k is " + std::to_string(k) + ", expected 0 to " + std::to_string(out[axis]) +
                    ", the size of axis " + std::to_string(axis));
  }
  out[axis] = k;
  context.SetOutput(0, context.InputType(0), out);
  context.SetOutput(1, DataType::kInt64, std::move(out));
}

// An unsigned integer that is the greater the earlier a value comes; NaN comes last.
template <typename T>
std::uint32_t OrderOf(T value, bool largest) noexcept {
  std::uint32_t order;
  if constexpr (std::is_same_v<T, float>) {
    if (value != value) return 0;
    const auto bits = std::bit_cast<std::uint32_t>(value + 0.0f);
    order = bits ^ ((bits >> 31) != 0 ? 0xffffffffu : 0x80000000u);
  } else if constexpr (std::is_signed_v<T>) {
    order = static_cast<std::uint32_t>(std::int32_t{value}) ^ 0x80000000u;
  } else {
    order = value;
  }
  return largest ? order : ~order;
}

// SortedLines along the axis: element k of line {outer, inner} is x[(outer * size + k) * inner_size
// + inner].
struct SortedLines {
  std::int64_t count, size, inner, k;
  bool largest;

  std::int64_t Start(std::int64_t line, std::int64_t length) const {
    return line / inner * length * inner + line % inner;
  }
};

// The worker's memory: what SelectTopScores and SortKeys need, and a line of floats.
std::int64_t KeyCapacity(const SortedLines& lines) {
  return std::max(2 * lines.size, kernels::TopScoresCapacity(lines.size, lines.k));
}

template <typename T>
std::uint64_t KeyOf(const SortedLines& lines, const T* x, std::int64_t i) noexcept {
  const std::uint64_t order = OrderOf(x[i * lines.inner], lines.largest);
  return order << 32 | (static_cast<std::uint32_t>(i) ^ 0xffffffffu);
}

// The same of a line so short that the best so far are looked through for each element.
constexpr std::int64_t kShortLine = 32;
template <typename T>
void SelectShortLine(const SortedLines& lines, const T* x, std::uint64_t* keys) noexcept {
  std::int64_t found = 0;
  for (std::int64_t i = 0; i < lines.size; ++i) {
    const std::uint64_t key = KeyOf(lines, x, i);
    if (found == lines.k && key < keys[found - 1]) continue;
    std::int64_t at = found < lines.k ? found++ : found - 1;
    for (; at > 0 && keys[at - 1] < key; --at) keys[at] = keys[at - 1];
    keys[at] = key;
  }
}

// The positions of the best of a line, as keys.
template <typename T>
void SelectLine(const SortedLines& lines, const T* x, std::uint64_t* keys, float* copy) {
  if (lines.size <= kShortLine) return SelectShortLine(lines, x, keys);
  if constexpr (std::is_same_v<T, float>) {
    const bool in_place = lines.largest && lines.inner == 1;
    for (std::int64_t i = 0; !in_place && i < lines.size; ++i) {
      copy[i] = lines.largest ? x[i * lines.inner] : -x[i * lines.inner];
    }
    const float* scores = in_place ? x : copy;
    const kernels::ScoreLimit all{-std::numeric_limits<float>::infinity(), true};
    if (kernels::SelectTopScores(scores, lines.size, all, lines.k, keys) == lines.k) return;
  }
  for (std::int64_t i = 0; i < lines.size; ++i) {
    keys[i] = KeyOf(lines, x, i);
  }
  if (4 * lines.k >= lines.size) {
    kernels::SortKeys(keys, lines.size, keys + lines.size);
  } else {
    kernels::SelectTopKeys(keys, lines.size, lines.k);
  }
}

// The best one of lines of float32 that lie in memory; false where that may be NaN.
bool TakeBest(const SortedLines& lines, const float* x, float* value, std::int64_t* index) {
  std::int64_t at;
  kernels::GetArgTable(lines.largest).rows(x, lines.size, 1, false, &at);
  if (x[at] != x[at]) return false;
  if (value != nullptr) *value = x[at];
  if (index != nullptr) *index = at;
  return true;
}

template <typename T>
void RunKeys(const SortedLines& lines, const StepArgs& args, std::int64_t line) {
  auto* keys = reinterpret_cast<std::uint64_t*>(args.scratch);
  const T* x = static_cast<const T*>(args.inputs[0]) + lines.Start(line, lines.size);
  const std::int64_t start = lines.Start(line, lines.k);
  auto* values = static_cast<T*>(args.outputs[0]);
  auto* indices = static_cast<std::int64_t*>(args.outputs[1]);
  if constexpr (std::is_same_v<T, float>) {
    if (lines.k == 1 && lines.inner == 1 &&
        TakeBest(lines, x, values == nullptr ? nullptr : values + start,
                 indices == nullptr ? nullptr : indices + start)) {
      return;
    }
  }
  SelectLine(lines, x, keys, reinterpret_cast<float*>(keys + KeyCapacity(lines)));
  for (std::int64_t i = 0; i < lines.k; ++i) {
    const std::int64_t index = kernels::KeyIndex(keys[i]);
    if (values != nullptr) values[start + i * lines.inner] = x[index * lines.inner];
    if (indices != nullptr) indices[start + i * lines.inner] = index;
  }
}

// Types of more than 32 bits: indices sorted by what they point at.
template <typename T>
void RunSort(const SortedLines& lines, const StepArgs& args, std::int64_t line) {
  auto* order = reinterpret_cast<std::int64_t*>(args.scratch);
  const T* x = static_cast<const T*>(args.inputs[0]) + lines.Start(line, lines.size);
  std::iota(order, order + lines.size, std::int64_t{0});
  const auto earlier = [&](std::int64_t a, std::int64_t b) {
    const T u = x[a * lines.inner], v = x[b * lines.inner];
    if (u == v || (u != u && v != v)) return a < b;
    if (u != u || v != v) return v != v;  // NaN comes last
    return lines.largest ? u > v : u < v;
  };
  std::partial_sort(order, order + lines.k, order + lines.size, earlier);
  const std::int64_t start = lines.Start(line, lines.k);
  auto* values = static_cast<T*>(args.outputs[0]);
  auto* indices = static_cast<std::int64_t*>(args.outputs[1]);
  for (std::int64_t i = 0; i < lines.k; ++i) {
    if (values != nullptr) values[start + i * lines.inner] = x[order[i] * lines.inner];
    if (indices != nullptr) indices[start + i * lines.inner] = order[i];
  }
}

template <typename T>
std::unique_ptr<Step> MakeTopK(const PlanContext& context) {
  const Shape& shape = context.InputShape(0);
  const std::size_t axis = SortedAxis(context);
  const std::int64_t inner = DimsProduct(shape, axis + 1, shape.size());
  const SortedLines lines{DimsProduct(shape, 0, axis) * inner, shape[axis], inner,
                          context.OutputShape(0)[axis],
                          context.attributes().Int("largest", 1) != 0};
  if (lines.size > std::int64_t{0xffffffff}) context.Unsupported("lines of 2^32 elements");
  auto step = MakeItemStep("kernels/top_k", lines.k == 0 ? 0 : lines.count,
                           lines.size * static_cast<std::int64_t>(sizeof(T)) * 4,
                           [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                             for (std::int64_t line = begin; line < end; ++line) {
                               if constexpr (sizeof(T) <= 4) {
                                 RunKeys<T>(lines, args, line);
                               } else {
                                 RunSort<T>(lines, args, line);
                               }
                             }
                           });
  std::int64_t bytes = lines.size * 8;
  if (sizeof(T) <= 4) bytes = KeyCapacity(lines) * 8 + lines.size * 4;
  step->scratch_bytes = static_cast<std::size_t>(bytes);
  return step;
}

std::unique_ptr<Step> PlanTopK(PlanContext& context) {
  auto step =
      DispatchNumeric(context.InputType(0), [&]<typename T>() { return MakeTopK<T>(context); });
  const double lines = OutputElements(context) /
                       std::max(1.0, ElementsOf({context.OutputShape(0)[SortedAxis(context)]}));
  return WithLoops(
      std::move(step), context,
      3 * ElementsOf(context.InputShape(0)) + 10 * OutputElements(context) + 100 * lines);
}

}  // namespace

const OpDef& OpTopK() {
  static const OpDef def{
      .name = "TopK",
      .max_inputs = 2,
      .max_outputs = 2,
      .attributes = "axis k largest sorted",
      .types = "float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64",
      .infer = InferTopK,
      .plan = PlanTopK,
      .batch_wise = OffBatchAxis<-1>};
  return def;
}

}  // namespace kinglet
