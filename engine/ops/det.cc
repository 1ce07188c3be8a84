// Det: determinants of square matrices, by Gaussian elimination with row exchanges.
#include <algorithm>
#include <cmath>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

void InferDet(InferContext& context) {
  RequireFloat(context, 0);
  const Shape& shape = context.InputShape(0);
  if (shape.size() < 2 || shape.back() != shape[shape.size() - 2]) {
    context.Invalid("input 0 has shape " + ShapeToString(shape) + ", expected square matrices");
  }
  context.SetOutput(0, context.InputType(0), Shape(shape.begin(), shape.end() - 2));
}

// Of a, which is overwritten.
double Determinant(double* a, std::int64_t n) {
  double result = 1;
  for (std::int64_t k = 0; k < n; ++k) {
    std::int64_t pivot = k;
    for (std::int64_t i = k + 1; i < n; ++i) {
      if (std::abs(a[i * n + k]) > std::abs(a[pivot * n + k])) pivot = i;
    }
    if (pivot != k) {
      std::swap_ranges(a + k * n, a + (k + 1) * n, a + pivot * n);
      result = -result;
    }
    result *= a[k * n + k];
    if (a[k * n + k] == 0) return 0;
    for (std::int64_t i = k + 1; i < n; ++i) {
      const double factor = a[i * n + k] / a[k * n + k];
      for (std::int64_t j = k + 1; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return result;
}

// Items are matrices.
std::unique_ptr<Step> PlanDet(PlanContext& context) {
  const std::int64_t n = context.InputShape(0).back();
  const std::int64_t count = ElementCount(context.OutputShape(0));
  return DispatchFloat(context.InputType(0), [&]<typename T>() {
    auto step = MakeItemStep("reference/det", count, n * n * static_cast<std::int64_t>(sizeof(T)),
                             [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                               auto* work = reinterpret_cast<double*>(args.scratch);
                               for (std::int64_t k = begin; k < end; ++k) {
                                 const T* x = static_cast<const T*>(args.inputs[0]) + k * n * n;
                                 std::copy_n(x, n * n, work);
                                 static_cast<T*>(args.outputs[0])[k] =
                                     static_cast<T>(Determinant(work, n));
                               }
                             });
    step->scratch_bytes = static_cast<std::size_t>(n * n) * sizeof(double);
    return step;
  });
}

bool DetBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  return EachImage(context, inputs) && context.InputShape(0).size() > 2;
}

}  // namespace

const OpDef& OpDet() {
  static const OpDef def{.name = "Det",
                         .since = 11,
                         .types = "float32, float64",
                         .infer = InferDet,
                         .plan = PlanDet,
                         .batch_wise = DetBatchWise};
  return def;
}

}  // namespace kinglet
