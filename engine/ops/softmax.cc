// Softmax, LogSoftmax and Hardmax. Before opset 13 the tensor is a matrix, cut before `axis`, and a
// row of it sums to one; from 13 on the elements along `axis` do.
#include "kernels/softmax/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/views.h"
#include "kernels/reduce/arg.h"

namespace kinglet {
namespace {

struct Extents {
  std::int64_t outer = 1;
  std::int64_t length = 1;
  std::int64_t inner = 1;
};

Extents ExtentsOf(const NodeContext& context) {
  const bool flattens = context.opset() < 13;
  const Shape& shape = context.InputShape(0);
  const std::int64_t wanted = context.attributes().Int("axis", flattens ? 1 : -1);
  const auto rank = static_cast<std::int64_t>(shape.size());
  // The matrix view may be cut behind the last dimension; a scalar is its own row.
  const bool at_end = (flattens && wanted == rank) || (rank == 0 && (wanted == 0 || wanted == -1));
  const std::size_t axis = at_end ? shape.size() : context.Axis(wanted, shape.size());
  Extents extents;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    std::int64_t& extent = i < axis                ? extents.outer
                           : flattens || i == axis ? extents.length
                                                   : extents.inner;
    extent *= shape[i];
  }
  return extents;
}

void InferSoftmax(InferContext& context) {
  RequireFloat(context, 0);
  ExtentsOf(context);
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
}

// One row of `length` elements, `step` apart.
void SoftmaxRow(const double* x, double* y, std::int64_t length, std::int64_t step, bool log) {
  double largest = x[0];
  for (std::int64_t i = 1; i < length; ++i) largest = std::max(largest, x[i * step]);
  double sum = 0;
  for (std::int64_t i = 0; i < length; ++i) {
    const double shifted = x[i * step] - largest;
    const double power = std::exp(shifted);
    sum += power;
    y[i * step] = log ? shifted : power;
  }
  const double last = log ? std::log(sum) : 1 / sum;
  for (std::int64_t i = 0; i < length; ++i) {
    y[i * step] = log ? y[i * step] - last : y[i * step] * last;
  }
}

std::unique_ptr<Step> PlanReference(const Extents& e, bool log) {
  const std::int64_t units = e.length == 0 ? 0 : e.outer * e.inner;
  return MakeStep(
      "softmax/reference", units, [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          const std::int64_t at = row / e.inner * e.length * e.inner + row % e.inner;
          SoftmaxRow(static_cast<const double*>(args.inputs[0]) + at,
                     static_cast<double*>(args.outputs[0]) + at, e.length, e.inner, log);
        }
      });
}

std::unique_ptr<Step> PlanSoftmax(PlanContext& context) {
  context.AllowInPlace(0, 0);
  const Extents e = ExtentsOf(context);
  const bool log = context.node().op == "LogSoftmax";
  const double elements = OutputElements(context);
  if (context.InputType(0) != DataType::kFloat32) {
    return WithLoops(PlanReference(e, log), context, 30 * elements);
  }
  const kernels::Softmax shape{.outer = e.outer, .axis = e.length, .inner = e.inner, .log = log};
  const kernels::SoftmaxFn function = kernels::GetSoftmax();
  auto step =
      MakeStep(log ? "softmax/log_f32" : "softmax/f32", e.length == 0 ? 0 : UnitCount(shape),
               [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                 function(shape, static_cast<const float*>(args.inputs[0]),
                          static_cast<float*>(args.outputs[0]), begin, end);
               });
  const double rows = e.inner == 1 ? static_cast<double>(e.outer) : 0;
  return WithLoops(std::move(step), context, 1.2 * elements + 45 * rows);
}

// One at the first of the largest elements, zeros elsewhere.
template <typename T>
std::unique_ptr<Step> MakeHardmax(const Extents& e) {
  const std::int64_t units = e.length == 0 ? 0 : e.outer * e.inner;
  return MakeStep("softmax/hard", units,
                  [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    for (std::int64_t row = begin; row < end; ++row) {
                      const std::int64_t at = row / e.inner * e.length * e.inner + row % e.inner;
                      const T* x = static_cast<const T*>(args.inputs[0]) + at;
                      T* y = static_cast<T*>(args.outputs[0]) + at;
                      std::int64_t first = 0;
                      for (std::int64_t i = 1; i < e.length; ++i) {
                        if (x[i * e.inner] > x[first * e.inner]) first = i;
                      }
                      for (std::int64_t i = 0; i < e.length; ++i) y[i * e.inner] = T{0};
                      y[first * e.inner] = T{1};
                    }
                  });
}

// The same of float32: of rows, and of columns side by side.
std::unique_ptr<Step> MakeHardmaxRows(const Extents& e) {
  const std::int64_t length = e.length;
  return MakeItemStep("softmax/hard_f32", length == 0 ? 0 : e.outer,
                      length * static_cast<std::int64_t>(sizeof(float)),
                      [=, rows = kernels::GetArgTable(true).rows](
                          const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        constexpr std::int64_t kRows = 64;
                        std::int64_t first[kRows];
                        for (std::int64_t row = begin; row < end; row += kRows) {
                          const std::int64_t count = std::min(kRows, end - row);
                          float* y = static_cast<float*>(args.outputs[0]) + row * length;
                          rows(static_cast<const float*>(args.inputs[0]) + row * length, length,
                               count, false, first);
                          std::fill_n(y, count * length, 0.0f);
                          for (std::int64_t r = 0; r < count; ++r) y[r * length + first[r]] = 1.0f;
                        }
                      });
}

std::unique_ptr<Step> MakeHardmaxColumns(const Extents& e) {
  constexpr std::int64_t kPiece = 64;
  const std::int64_t pieces = CeilDiv(e.inner, kPiece);
  return MakeItemStep("softmax/hard_f32", e.length == 0 ? 0 : e.outer * pieces,
                      kPiece * e.length * static_cast<std::int64_t>(sizeof(float)),
                      [=, columns = kernels::GetArgTable(true).columns](
                          const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        for (std::int64_t item = begin; item < end; ++item) {
                          const std::int64_t column = item % pieces * kPiece;
                          const std::int64_t count = std::min(kPiece, e.inner - column);
                          const std::int64_t at = item / pieces * e.length * e.inner + column;
                          float* y = static_cast<float*>(args.outputs[0]) + at;
                          std::int64_t first[kPiece];
                          columns(static_cast<const float*>(args.inputs[0]) + at, e.length, e.inner,
                                  count, false, first);
                          for (std::int64_t i = 0; i < e.length; ++i) {
                            std::fill_n(y + i * e.inner, count, 0.0f);
                          }
                          for (std::int64_t j = 0; j < count; ++j) y[first[j] * e.inner + j] = 1.0f;
                        }
                      });
}

std::unique_ptr<Step> PlanHardmax(PlanContext& context) {
  context.AllowInPlace(0, 0);
  const Extents e = ExtentsOf(context);
  const bool fast = context.InputType(0) == DataType::kFloat32 &&
                    e.length <= std::numeric_limits<std::int32_t>::max();
  auto step =
      !fast ? DispatchFloat(context.InputType(0), [&]<typename T>() { return MakeHardmax<T>(e); })
      : e.inner == 1 ? MakeHardmaxRows(e)
                     : MakeHardmaxColumns(e);
  return WithLoops(std::move(step), context, (fast ? 0.5 : 3) * OutputElements(context));
}

}  // namespace

#define KINGLET_SOFTMAX(Name, plan_function)               \
  const OpDef& Op##Name() {                                \
    static const OpDef op{.name = #Name,                   \
                          .attributes = "axis",            \
                          .types = "float32, float64",     \
                          .infer = InferSoftmax,           \
                          .plan = plan_function,           \
                          .batch_wise = OffBatchAxis<-1>}; \
    return op;                                             \
  }
KINGLET_SOFTMAX(Softmax, PlanSoftmax)
KINGLET_SOFTMAX(LogSoftmax, PlanSoftmax)
KINGLET_SOFTMAX(Hardmax, PlanHardmax)
#undef KINGLET_SOFTMAX

}  // namespace kinglet
