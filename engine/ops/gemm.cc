// Gemm: Y = alpha A' B' + beta C, A' = A or its transpose, C broadcast to Y.
#include <algorithm>
#include <vector>

#include "engine/op/op.h"
#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/product.h"

namespace kinglet {
namespace {

struct GemmShape {
  std::int64_t m = 0, n = 0, k = 0;
  bool trans_a = false, trans_b = false;
  float alpha = 1, beta = 1;
  bool has_c = false;
  // Strides with which C is read; 0 where it broadcasts.
  std::int64_t c_row = 0, c_column = 0;
};

GemmShape ShapeOf(const NodeContext& context) {
  const Shape& a = context.InputShape(0);
  const Shape& b = context.InputShape(1);
  if (a.size() != 2 || b.size() != 2) {
    context.Invalid("operands of shape " + ShapeToString(a) + " and " + ShapeToString(b) +
                    ", expected two matrices");
  }
  GemmShape s;
  s.trans_a = context.attributes().Int("transA", 0) != 0;
  s.trans_b = context.attributes().Int("transB", 0) != 0;
  s.alpha = context.attributes().Float("alpha", 1);
  s.beta = context.attributes().Float("beta", 1);
  s.m = s.trans_a ? a[1] : a[0];
  s.k = s.trans_a ? a[0] : a[1];
  s.n = s.trans_b ? b[0] : b[1];
  if ((s.trans_b ? b[1] : b[0]) != s.k) {
    context.Invalid("the inner sizes differ: " + ShapeToString(a) +
                    (s.trans_a ? " transposed" : "") + " times " + ShapeToString(b) +
                    (s.trans_b ? " transposed" : ""));
  }
  if (!context.HasInput(2)) return s;
  const Shape& c = context.InputShape(2);
  const std::int64_t columns = c.empty() ? 1 : c.back();
  const std::int64_t rows = c.size() == 2 ? c[0] : 1;
  if (c.size() > 2 || (columns != 1 && columns != s.n) || (rows != 1 && rows != s.m)) {
    context.Invalid("C of shape " + ShapeToString(c) + " does not broadcast to " +
                    ShapeToString({s.m, s.n}));
  }
  s.has_c = true;
  s.c_column = columns == 1 ? 0 : 1;
  s.c_row = rows == 1 ? 0 : columns;
  return s;
}

void InferGemm(InferContext& context) {
  RequireEqualTypes(context, context.HasInput(2) ? 3 : 2);
  DispatchNumeric(context.InputType(0), []<typename T>() {});
  const GemmShape s = ShapeOf(context);
  context.SetOutput(0, context.InputType(0), {s.m, s.n});
}

template <typename T>
void RunGeneric(const GemmShape& s, const StepArgs& args, std::int64_t begin, std::int64_t end) {
  const auto* a = static_cast<const T*>(args.inputs[0]);
  const auto* b = static_cast<const T*>(args.inputs[1]);
  const auto* c = s.has_c ? static_cast<const T*>(args.inputs[2]) : nullptr;
  for (std::int64_t row = begin; row < end; ++row) {
    T* y = static_cast<T*>(args.outputs[0]) + row * s.n;
    ProductRow(s.trans_a ? a + row : a + row * s.k, s.trans_a ? s.m : 1, b, s.trans_b ? 1 : s.n,
               s.trans_b ? s.k : 1, s.n, s.k, y);
    for (std::int64_t j = 0; j < s.n; ++j) {
      double sum = static_cast<double>(s.alpha) * static_cast<double>(y[j]);
      if (c != nullptr) {
        sum += static_cast<double>(s.beta) * static_cast<double>(c[row * s.c_row + j * s.c_column]);
      }
      y[j] = static_cast<T>(sum);
    }
  }
}

// Constant weights, and a bias that is one constant row: the form of a fully connected layer.
bool IsFullyConnected(const PlanContext& context, const GemmShape& s) {
  return context.InputType(0) == DataType::kFloat32 && !s.trans_a && s.m > 0 && s.n > 0 &&
         s.k > 0 && context.IsKnown(1) && s.c_row == 0 &&
         (!context.HasInput(2) || context.IsKnown(2));
}

std::unique_ptr<Step> PlanGemm(PlanContext& context) {
  const GemmShape s = ShapeOf(context);
  std::unique_ptr<Step> step;
  if (IsFullyConnected(context, s)) {
    WeightedProduct product{.m = s.m, .n = s.n, .k = s.k};
    product.transposed = s.trans_b;
    product.alpha = s.alpha;
    product.epilogue = FusedEpilogue(context.node().fusion);
    if (context.HasInput(2)) {
      const auto* c = context.InputValue(2)->data<float>();
      for (std::int64_t j = 0; j < s.n; ++j) product.bias.push_back(s.beta * c[j * s.c_column]);
    }
    step = PlanWeightedProduct(context, product);
  } else {
    if (!context.node().fusion.empty() && s.m > 0 && s.n > 0) {
      context.Unsupported(
          "a fused product whose weights are no constants; compile the model "
          "without optimisation");
    }
    step = DispatchNumeric(context.InputType(0), [&]<typename T>() {
      return MakeStep(
          std::string("gemm/generic_") + DataTypeName(context.InputType(0)), s.m,
          [s](const StepArgs& a, std::int64_t b, std::int64_t e) { RunGeneric<T>(s, a, b, e); });
    });
  }
  step->macs = s.m * s.n * s.k;
  if (step->work.empty()) {
    step->work = kernels::LoopWork(2 * static_cast<double>(step->macs), context.threads());
  }
  return step;
}

}  // namespace

const OpDef& OpGemm() {
  static const OpDef op = {
      .name = "Gemm",
      .min_inputs = 2,
      .max_inputs = 3,
      .attributes = "alpha beta transA transB",
      .types = "float32, float64, int8 to int64, uint8 to uint64",
      .infer = InferGemm,
      .plan = PlanGemm,
      .batch_wise = EachImage,
  };
  return op;
}

}  // namespace kinglet
