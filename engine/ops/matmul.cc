// MatMul, and ONNX Runtime's FusedMatMul, which transposes and scales. Products with constant
// float32 weights run packed kernels; products of two float32 activations run OpenBLAS; other
// element types run a plain loop.
#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/graph/contrib.h"
#include "engine/op/op.h"
#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/product.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

// A stack of matrices as it is stored.
struct Operand {
  std::int64_t rows = 0, columns = 0;  // of what is multiplied
  std::int64_t stride = 0;             // elements between stored rows
  bool transposed = false;             // stored rows are columns
  Shape batch;                         // how many matrices, along each leading dimension
  Shape batch_strides;
};

// numpy.matmul: a vector is a row of A or a column of B. `batch_last`: the first dimension is moved
// behind the other leading ones.
Operand ReadOperand(const Shape& given, bool is_b, bool transposed, bool batch_last) {
  Shape shape = given;
  Operand operand;
  if (shape.size() == 1) {
    shape.insert(is_b ? shape.end() : shape.begin(), 1);
  } else {
    operand.transposed = transposed;
  }
  const Shape strides = RowMajorStrides(shape);
  const auto last = static_cast<std::ptrdiff_t>(shape.size()) - 1;
  const bool moved = batch_last && last > 1;
  const std::ptrdiff_t first = moved ? 1 : 0;
  operand.rows = moved ? shape[0] : shape[static_cast<std::size_t>(last - 1)];
  operand.columns = shape.back();
  operand.stride = moved ? strides[0] : shape.back();
  operand.batch.assign(shape.begin() + first, shape.begin() + last - 1 + first);
  operand.batch_strides.assign(strides.begin() + first, strides.begin() + last - 1 + first);
  if (operand.transposed) std::swap(operand.rows, operand.columns);
  return operand;
}

// Where the matrix for each of the product's begins.
std::vector<std::int64_t> OffsetsOf(const Operand& operand, const Shape& batch) {
  const std::int64_t count = ElementCount(batch);
  std::vector<std::int64_t> offsets(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t rest = i;
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < batch.size(); ++d) {
      const std::int64_t size = batch[batch.size() - 1 - d];
      const std::int64_t at = rest % size;
      rest /= size;
      if (d >= operand.batch.size()) continue;
      const std::size_t own = operand.batch.size() - 1 - d;
      if (operand.batch[own] != 1) offset += at * operand.batch_strides[own];
    }
    offsets[static_cast<std::size_t>(i)] = offset;
  }
  return offsets;
}

struct MatMulShape {
  Operand a, b;
  std::int64_t m = 0, n = 0, k = 0;
  float alpha = 1;
  Shape batch, output;
};

MatMulShape MatMulShapeOf(const NodeContext& context) {
  const Attributes& attributes = context.attributes();  // MatMul has none
  const auto flag = [&](const char* name) { return attributes.Int(name, 0) != 0; };
  const Shape& a = context.InputShape(0);
  const Shape& b = context.InputShape(1);
  if (a.empty() || b.empty()) context.Invalid("an operand is a scalar, expected rank 1 or more");
  MatMulShape s;
  s.a = ReadOperand(a, false, flag("transA"), flag("transBatchA"));
  s.b = ReadOperand(b, true, flag("transB"), flag("transBatchB"));
  s.alpha = attributes.Float("alpha", 1);
  s.m = s.a.rows;
  s.k = s.a.columns;
  s.n = s.b.columns;
  if (s.b.rows != s.k) {
    context.Invalid("the inner sizes differ: " + ShapeToString(a) + " times " + ShapeToString(b));
  }
  s.batch.assign(std::max(s.a.batch.size(), s.b.batch.size()), 1);
  const auto size_of = [](const Shape& batch, std::size_t from_end) {
    return from_end < batch.size() ? batch[batch.size() - 1 - from_end] : 1;
  };
  for (std::size_t d = 0; d < s.batch.size(); ++d) {
    const std::int64_t x = size_of(s.a.batch, d);
    const std::int64_t y = size_of(s.b.batch, d);
    if (x != y && x != 1 && y != 1) {
      context.Invalid("shapes " + ShapeToString(a) + " and " + ShapeToString(b) +
                      " do not broadcast");
    }
    s.batch[s.batch.size() - 1 - d] = x == 1 ? y : x;
  }
  s.output = s.batch;
  if (a.size() > 1) s.output.push_back(s.m);
  if (b.size() > 1) s.output.push_back(s.n);
  return s;
}

void InferMatMul(InferContext& context) {
  RequireEqualTypes(context, 2);
  DispatchNumeric(context.InputType(0), []<typename T>() {});
  context.SetOutput(0, context.InputType(0), MatMulShapeOf(context).output);
}

void InferFusedMatMul(InferContext& context) {
  RequireFloat(context, 0);
  InferMatMul(context);
}

// Stacks of matrices of one rank, or the rows of A times B.
bool MatMulBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  const std::size_t rank = context.InputShape(0).size();
  if (rank < 2) return false;
  return EachImage(context, inputs) ||
         (AllImages(context, inputs) && rank >= 3 && context.InputShape(1).size() == rank);
}

bool IsTransposed(const Operand& operand) {
  return operand.transposed || operand.stride != operand.columns;
}

template <typename T>
std::unique_ptr<Step> MakeGeneric(const MatMulShape& s, std::vector<std::int64_t> a_offsets,
                                  std::vector<std::int64_t> b_offsets) {
  const auto matrices = static_cast<std::int64_t>(a_offsets.size());
  return MakeStep(
      std::string("gemm/generic_") + DataTypeName(DataTypeOf<T>::value), matrices * s.m,
      [s, a_at = std::move(a_offsets), b_at = std::move(b_offsets)](
          const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const auto [a_row, a_column] = s.a.transposed ? std::pair(std::int64_t{1}, s.a.stride)
                                                      : std::pair(s.a.stride, std::int64_t{1});
        const auto [b_row, b_column] = s.b.transposed ? std::pair(std::int64_t{1}, s.b.stride)
                                                      : std::pair(s.b.stride, std::int64_t{1});
        for (std::int64_t row = begin; row < end; ++row) {
          const auto matrix = static_cast<std::size_t>(row / s.m);
          const auto* a = static_cast<const T*>(args.inputs[0]) + a_at[matrix] + row % s.m * a_row;
          const auto* b = static_cast<const T*>(args.inputs[1]) + b_at[matrix];
          T* y = static_cast<T*>(args.outputs[0]) + row * s.n;
          ProductRow(a, a_column, b, b_row, b_column, s.n, s.k, y);
          if constexpr (std::is_floating_point_v<T>) {
            if (s.alpha == 1) continue;
            for (std::int64_t j = 0; j < s.n; ++j) y[j] *= static_cast<T>(s.alpha);
          }
        }
      });
}

std::unique_ptr<Step> PlanMatMul(PlanContext& context) {
  const MatMulShape s = MatMulShapeOf(context);
  const DataType type = context.InputType(0);
  std::vector<std::int64_t> a_offsets;
  std::vector<std::int64_t> b_offsets;
  if (ElementCount(s.output) > 0) {  // of an empty product there may be any number
    a_offsets = OffsetsOf(s.a, s.batch);
    b_offsets = OffsetsOf(s.b, s.batch);
  }
  const auto matrices = static_cast<std::int64_t>(a_offsets.size());
  std::unique_ptr<Step> step;
  if (type == DataType::kFloat32 && matrices > 0 && s.k > 0) {
    const bool shared_b = context.InputShape(1).size() <= 2 && context.IsKnown(1);
    if (shared_b && !IsTransposed(s.a)) {
      // One product: the rows of all matrices of A.
      WeightedProduct product{.m = s.m * matrices, .n = s.n, .k = s.k};
      product.transposed = s.b.transposed;
      product.alpha = s.alpha;
      step = PlanWeightedProduct(context, product);
    } else {
      const FloatProduct product{.m = s.m,
                                 .n = s.n,
                                 .k = s.k,
                                 .trans_a = s.a.transposed,
                                 .trans_b = s.b.transposed,
                                 .lda = s.a.stride,
                                 .ldb = s.b.stride,
                                 .alpha = s.alpha};
      step =
          PlanFloatProducts(product, std::move(a_offsets), std::move(b_offsets), context.threads());
    }
  }
  if (step == nullptr) {
    step = DispatchNumeric(type, [&]<typename T>() {
      return MakeGeneric<T>(s, std::move(a_offsets), std::move(b_offsets));
    });
  }
  step->macs = ElementCount(s.output) * s.k;
  if (step->work.empty()) {
    step->work = kernels::LoopWork(2 * static_cast<double>(step->macs), context.threads());
  }
  return step;
}

bool FusedMatMulBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  for (const char* name : {"transA", "transBatchA", "transBatchB"}) {
    if (context.attributes().Int(name, 0) != 0) return false;
  }
  return MatMulBatchWise(context, inputs);
}

}  // namespace

const OpDef& OpMatMul() {
  static const OpDef op = {
      .name = "MatMul",
      .min_inputs = 2,
      .max_inputs = 2,
      .types = "float32, float64, int8 to int64, uint8 to uint64",
      .infer = InferMatMul,
      .plan = PlanMatMul,
      .batch_wise = MatMulBatchWise,
  };
  return op;
}

const OpDef& OpFusedMatMul() {
  static const OpDef op = {
      .name = "FusedMatMul",
      .domain = kContribDomain,
      .since = kContribOpset,
      .until = kContribOpset,
      .min_inputs = 2,
      .max_inputs = 2,
      .attributes = "alpha transA transB transBatchA transBatchB",
      .types = "float32, float64",
      .infer = InferFusedMatMul,
      .plan = PlanMatMul,
      .batch_wise = FusedMatMulBatchWise,
  };
  return op;
}

}  // namespace kinglet
