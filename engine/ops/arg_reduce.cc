// ArgMax and ArgMin: where along an axis the largest or smallest element stands.
#include <algorithm>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/views.h"

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

template <bool kMax, typename T>
bool Better(T x, T best, bool ties) {
  return kMax ? x > best || (ties && x == best) : x < best || (ties && x == best);
}

constexpr std::int64_t kPiece = 256;

// Items are pieces of rows: the elements after the axis, side by side.
template <bool kMax, typename T>
std::unique_ptr<Step> MakeArg(const PlanContext& context) {
  const Shape& in = context.InputShape(0);
  const std::size_t axis = AxisOf(context);
  const std::int64_t size = in[axis];
  const std::int64_t outer = DimsProduct(in, 0, axis);
  const std::int64_t inner = DimsProduct(in, axis + 1, in.size());
  const std::int64_t pieces = CeilDiv(inner, kPiece);
  const bool last = context.attributes().Int("select_last_index", 0) != 0;
  return MakeItemStep(
      kMax ? "reference/arg_max" : "reference/arg_min", size == 0 ? 0 : outer * pieces,
      std::min(inner, kPiece) * size * static_cast<std::int64_t>(sizeof(T)),
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        for (std::int64_t k = begin; k < end; ++k) {
          const std::int64_t first = k % pieces * kPiece;
          const std::int64_t count = std::min(kPiece, inner - first);
          const T* x = static_cast<const T*>(args.inputs[0]) + k / pieces * size * inner + first;
          std::int64_t* out =
              static_cast<std::int64_t*>(args.outputs[0]) + k / pieces * inner + first;
          T best[kPiece];
          std::copy(x, x + count, best);
          std::fill(out, out + count, 0);
          for (std::int64_t i = 1; i < size; ++i) {
            x += inner;
            for (std::int64_t j = 0; j < count; ++j) {
              if (Better<kMax>(x[j], best[j], last)) {
                best[j] = x[j];
                out[j] = i;
              }
            }
          }
        }
      });
}

template <bool kMax>
std::unique_ptr<Step> PlanArg(PlanContext& context) {
  return DispatchNumeric(context.InputType(0),
                         [&]<typename T>() { return MakeArg<kMax, T>(context); });
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
