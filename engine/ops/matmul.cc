// MatMul and Gemm. Products with constant float32 weights run packed kernels; products of two
// float32 activations run OpenBLAS; other element types run a plain loop.
#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/op/op.h"
#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/product.h"

namespace kinglet {
namespace {

// numpy.matmul: vectors become matrices, leading dimensions broadcast.
struct MatMulShape {
  std::int64_t m = 0, n = 0, k = 0;
  Shape output;
  std::vector<std::int64_t> a_batches, b_batches;  // matrix of A and B for each output matrix
};

std::vector<std::int64_t> BatchIndices(const Shape& own, const Shape& batch) {
  const std::int64_t count = ElementCount(batch);
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t rest = i;
    std::int64_t index = 0;
    std::int64_t stride = 1;
    for (std::size_t d = 0; d < batch.size(); ++d) {
      const std::size_t axis = batch.size() - 1 - d;
      const std::int64_t at = rest % batch[axis];
      rest /= batch[axis];
      if (d >= own.size()) continue;
      const std::int64_t size = own[own.size() - 1 - d];
      if (size != 1) index += at * stride;
      stride *= size;
    }
    indices[static_cast<std::size_t>(i)] = index;
  }
  return indices;
}

// The sizes of the product; the batch indices only where they are asked for and something comes
// out: of an empty product there may be any number.
MatMulShape ShapeOf(const NodeContext& context, bool with_batches) {
  Shape a = context.InputShape(0);
  Shape b = context.InputShape(1);
  if (a.empty() || b.empty()) context.Invalid("an operand is a scalar, expected rank 1 or more");
  const bool a_vector = a.size() == 1;
  const bool b_vector = b.size() == 1;
  if (a_vector) a.insert(a.begin(), 1);
  if (b_vector) b.push_back(1);
  MatMulShape s;
  s.m = a[a.size() - 2];
  s.k = a.back();
  s.n = b.back();
  if (b[b.size() - 2] != s.k) {
    context.Invalid("the inner sizes differ: " + ShapeToString(context.InputShape(0)) + " times " +
                    ShapeToString(context.InputShape(1)));
  }
  const Shape a_batch(a.begin(), a.end() - 2);
  const Shape b_batch(b.begin(), b.end() - 2);
  Shape batch(std::max(a_batch.size(), b_batch.size()), 1);
  for (std::size_t d = 0; d < batch.size(); ++d) {
    const std::int64_t x = d < a_batch.size() ? a_batch[a_batch.size() - 1 - d] : 1;
    const std::int64_t y = d < b_batch.size() ? b_batch[b_batch.size() - 1 - d] : 1;
    if (x != y && x != 1 && y != 1) {
      context.Invalid("shapes " + ShapeToString(context.InputShape(0)) + " and " +
                      ShapeToString(context.InputShape(1)) + " do not broadcast");
    }
    batch[batch.size() - 1 - d] = x == 1 ? y : x;
  }
  s.output = batch;
  if (!a_vector) s.output.push_back(s.m);
  if (!b_vector) s.output.push_back(s.n);
  if (with_batches && ElementCount(s.output) > 0) {
    s.a_batches = BatchIndices(a_batch, batch);
    s.b_batches = BatchIndices(b_batch, batch);
  }
  return s;
}

void InferMatMul(InferContext& context) {
  RequireEqualTypes(context, 2);
  DispatchNumeric(context.InputType(0), []<typename T>() {});
  context.SetOutput(0, context.InputType(0), ShapeOf(context, false).output);
}

// Stacks of matrices of one rank, or the rows of A times B.
bool MatMulBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  const std::size_t rank = context.InputShape(0).size();
  if (rank < 2) return false;
  return EachImage(context, inputs) ||
         (AllImages(context, inputs) && rank >= 3 && context.InputShape(1).size() == rank);
}

std::unique_ptr<Step> PlanMatMul(PlanContext& context) {
  const MatMulShape s = ShapeOf(context, true);
  const DataType type = context.InputType(0);
  const std::int64_t matrices = static_cast<std::int64_t>(s.a_batches.size());
  std::unique_ptr<Step> step;
  if (type == DataType::kFloat32 && ElementCount(s.output) > 0 && s.k > 0) {
    const bool shared_b = context.InputShape(1).size() <= 2 && context.IsKnown(1);
    if (shared_b) {
      // One product: the rows of all matrices of A.
      WeightedProduct product{.m = s.m * matrices, .n = s.n, .k = s.k};
      step = PlanWeightedProduct(context, product);
    } else {
      step = PlanFloatProducts({s.m, s.n, s.k, false, false}, s.a_batches, s.b_batches,
                               context.threads());
    }
  }
  if (step == nullptr) {
    step = DispatchNumeric(type, [&]<typename T>() {
      return MakeStep(std::string("gemm/generic_") + DataTypeName(type), matrices * s.m,
                      [s](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        for (std::int64_t row = begin; row < end; ++row) {
                          const auto matrix = static_cast<std::size_t>(row / s.m);
                          const auto* a = static_cast<const T*>(args.inputs[0]) +
                                          (s.a_batches[matrix] * s.m + row % s.m) * s.k;
                          const auto* b = static_cast<const T*>(args.inputs[1]) +
                                          s.b_batches[matrix] * s.k * s.n;
                          ProductRow(a, std::int64_t{1}, b, s.n, std::int64_t{1}, s.n, s.k,
                                     static_cast<T*>(args.outputs[0]) + row * s.n);
                        }
                      });
    });
  }
  step->macs = ElementCount(s.output) * s.k;
  if (step->work.empty()) {
    step->work = kernels::LoopWork(2 * static_cast<double>(step->macs), context.threads());
  }
  return step;
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

}  // namespace kinglet
