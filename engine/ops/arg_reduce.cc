// ArgMax and ArgMin: where along an axis the largest or smallest element stands.
#include <algorithm>
#include <limits>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/views.h"
#include "kernels/reduce/arg.h"

namespace kinglet {
namespace {

std::size_t AxisOf(const NodeContext& context) {
  return context.Axis(context.attributes().Int("axis", 0), context.InputShape(0).size());
}

void InferArg(InferContext& context) {
  Shape out = context.InputShape(0);
  const std::size_t axis = AxisOf(context);
  if (out[axis] == 0 && ElementCount(out) == 0) {
    Shape others = out;
    others[axis] = 1;
    if (ElementCount(others) > 0) context.Invalid("axis " + std::to_string(axis) + " is empty");
  }
  if (context.attributes().Int("keepdims", 1) != 0) {
    out[axis] = 1;
  } else {
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(axis));
  }
  context.SetOutput(0, DataType::kInt64, std::move(out));
}

// The input as {outer, size, inner}, the axis in the middle.
struct Extents {
  std::int64_t outer, size, inner;
  bool last;  // of equal ones

  explicit Extents(const PlanContext& context)
      : last(context.attributes().Int("select_last_index", 0) != 0) {
    const Shape& in = context.InputShape(0);
    const std::size_t axis = AxisOf(context);
    outer = DimsProduct(in, 0, axis);
    size = in[axis];
    inner = DimsProduct(in, axis + 1, in.size());
  }
};

constexpr std::int64_t kPiece = 256;  // neighbours of the inner dimension that go together

// Items are pieces of rows: `piece(x, count, out)` for the elements after the axis, side by side.
template <typename T, typename F>
std::unique_ptr<Step> MakePieces(std::string kernel, const Extents& e, F piece) {
  const std::int64_t pieces = CeilDiv(e.inner, kPiece);
  return MakeItemStep(
      std::move(kernel), e.size == 0 ? 0 : e.outer * pieces,
      std::min(e.inner, kPiece) * e.size * static_cast<std::int64_t>(sizeof(T)),
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        for (std::int64_t k = begin; k < end; ++k) {
          const std::int64_t first = k % pieces * kPiece;
          const std::int64_t row = k / pieces * e.inner + first;
          piece(static_cast<const T*>(args.inputs[0]) + (row - first) * e.size + first,
                std::min(kPiece, e.inner - first),
                static_cast<std::int64_t*>(args.outputs[0]) + row);
        }
      });
}

template <bool kMax>
std::unique_ptr<Step> MakeFast(const Extents& e) {
  const kernels::ArgTable& table = kernels::GetArgTable(kMax);
  const char* kernel = kMax ? "reduce/arg_max_f32" : "reduce/arg_min_f32";
  if (e.inner == 1) {
    return MakeItemStep(
        kernel, e.size == 0 ? 0 : e.outer, e.size * static_cast<std::int64_t>(sizeof(float)),
        [e, run = table.rows](const StepArgs& args, std::int64_t begin, std::int64_t end) {
          run(static_cast<const float*>(args.inputs[0]) + begin * e.size, e.size, end - begin,
              e.last, static_cast<std::int64_t*>(args.outputs[0]) + begin);
        });
  }
  return MakePieces<float>(
      kernel, e, [e, run = table.columns](const float* x, std::int64_t count, std::int64_t* out) {
        run(x, e.size, e.inner, count, e.last, out);
      });
}

template <bool kMax, typename T>
bool Better(T x, T best, bool ties) {
  return kMax ? x > best || (ties && x == best) : x < best || (ties && x == best);
}

template <bool kMax, typename T>
std::unique_ptr<Step> MakeArg(const Extents& e) {
  if constexpr (std::is_same_v<T, float>) {
    if (e.size <= std::numeric_limits<std::int32_t>::max()) return MakeFast<kMax>(e);
  }
  return MakePieces<T>(kMax ? "reference/arg_max" : "reference/arg_min", e,
                       [e](const T* x, std::int64_t count, std::int64_t* out) {
                         T best[kPiece];
                         std::copy(x, x + count, best);
                         std::fill(out, out + count, 0);
                         for (std::int64_t i = 1; i < e.size; ++i) {
                           x += e.inner;
                           for (std::int64_t j = 0; j < count; ++j) {
                             if (Better<kMax>(x[j], best[j], e.last)) {
                               best[j] = x[j];
                               out[j] = i;
                             }
                           }
                         }
                       });
}

template <bool kMax>
std::unique_ptr<Step> PlanArg(PlanContext& context) {
  const Extents e(context);
  auto step =
      DispatchNumeric(context.InputType(0), [&]<typename T>() { return MakeArg<kMax, T>(e); });
  const bool fast = context.InputType(0) == DataType::kFloat32;
  return WithLoops(std::move(step), context,
                   (fast ? 0.4 : 3) * ElementsOf(context.InputShape(0)) +
                       (e.inner == 1 ? 10 : 1) * OutputElements(context));
}

OpDef MakeArgOp(std::string_view name, std::unique_ptr<Step> (*plan)(PlanContext&)) {
  return {.name = name,
          .attributes = "axis keepdims select_last_index",
          .types = "float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64",
          .infer = InferArg,
          .plan = plan,
          .batch_wise = EachImage};
}

}  // namespace

const OpDef& OpArgMax() {
  static const OpDef def = MakeArgOp("ArgMax", PlanArg<true>);
  return def;
}

const OpDef& OpArgMin() {
  static const OpDef def = MakeArgOp("ArgMin", PlanArg<false>);
  return def;
}

}  // namespace kinglet
