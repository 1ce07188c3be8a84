#include "engine/ops/product.h"

#include <algorithm>
#include <cstring>

#include "engine/cost/choose.h"
#include "engine/cost/cost_model.h"
#include "engine/ops/choice.h"
#include "kernels/common/blocked.h"
#include "kernels/gemm/blas.h"
#include "kernels/gemm/choose.h"
#include "kernels/gemm/product.h"

namespace kinglet {
namespace {

// The kernel, null when no variant takes the shape, what it does, and its seconds where they were
// measured.
struct Chosen {
  const kernels::GemmVariant* variant = nullptr;
  ChoiceKey key;
  kernels::Work work;
  double measured_seconds = 0;
};

Chosen ChooseVariant(const PlanContext& context, const kernels::GemmShape& shape) {
  kernels::OperandTypes types = {context.InputStorage(0), context.InputStorage(1),
                                 context.OutputStorage(0)};
  const int threads = ThreadsToChooseFor(context.cost(), context.threads());
  const auto rank = [&] {
    return kernels::RankGemmVariants(shape, threads, context.cost().machine, types);
  };
  auto ranked = rank();
  if (ranked.empty() && types != kernels::OperandTypes{}) {
    types = {};  // converted around the kernel
    ranked = rank();
  }
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    candidates.push_back({.index = i,
                          .kernel = ranked[i].variant->id,
                          .revision = ranked[i].variant->revision,
                          .seconds = ranked[i].seconds});
  }
  Chosen chosen;
  chosen.key = MakeChoiceKey(context, "gemm", {shape.m, shape.n, shape.k}, types);
  if (const Candidate* best = Choose(candidates, chosen.key, context.cost())) {
    chosen.variant = ranked[best->index].variant;
    chosen.work = chosen.variant->work(shape, context.threads());
    AddFusedActivation(context, chosen.work);
    chosen.measured_seconds = best->measured ? best->seconds : 0;
  }
  return chosen;
}

void Pack(const kernels::GemmVariant& variant, const kernels::GemmShape& shape,
          const WeightedProduct& product, const Tensor& weights, void* to) {
  std::vector<float> scaled;
  const float* data = weights.data<float>();
  if (product.alpha != 1) {
    scaled.assign(data, data + weights.size());
    for (float& w : scaled) w *= product.alpha;
    data = scaled.data();
  }
  const kernels::GemmWeights strides = product.transposed
                                           ? kernels::GemmWeights{data, 1, product.k}
                                           : kernels::GemmWeights{data, product.n, 1};
  variant.pack(shape, strides, to);
}

// The bias as the kernel wants it, kept by the step.
Tensor PadBias(const std::vector<float>& bias) {
  if (bias.empty()) return {};
  Tensor padded(DataType::kFloat32,
                {kernels::RoundUpToBlock(static_cast<std::int64_t>(bias.size()))});
  std::copy(bias.begin(), bias.end(), padded.data<float>());
  return padded;
}

}  // namespace

std::unique_ptr<Step> PlanWeightedProduct(PlanContext& context, const WeightedProduct& product) {
  const kernels::GemmShape shape{product.m, product.n, product.k};
  const Chosen chosen = ChooseVariant(context, shape);
  const kernels::GemmVariant* variant = chosen.variant;
  if (variant == nullptr) context.Unsupported("no kernel takes a product of this size");
  kernels::PrepareBlas();
  kernels::PackedFormat format = variant->packed_format(shape);
  format.transposed = product.transposed;
  format.scale = product.alpha;
  kernels::GemmArgs args;
  args.packed = context.Packed(1, format, variant->packed_bytes(shape), [&](void* to) {
    Pack(*variant, shape, product, *context.InputValue(1), to);
  });
  args.lda = product.k;
  args.ldc = product.n;
  args.epilogue = product.epilogue;
  args.epilogue.type = variant->output.type;
  context.ReadAs(0, variant->input);
  context.WriteAs(0, variant->output);
  context.DoNotRead(1);
  if (context.HasInput(2)) context.DoNotRead(2);
  const Tensor bias = PadBias(product.bias);
  const auto run = variant->run;
  auto step = MakeStep(variant->id, variant->units(shape),
                       [=](const StepArgs& a, std::int64_t begin, std::int64_t end) {
                         kernels::GemmArgs now = args;
                         now.a = a.inputs[0];
                         now.bias = static_cast<const float*>(bias.raw());
                         now.c = a.outputs[0];
                         run(shape, now, begin, end, a.scratch);
                       });
  step->scratch_bytes = variant->scratch_bytes(shape);
  step->choice = chosen.key;
  step->revision = variant->revision;
  step->work = chosen.work;
  step->measured_seconds = chosen.measured_seconds;
  return step;
}

std::unique_ptr<Step> PlanFloatProducts(const FloatProduct& product,
                                        std::vector<std::int64_t> a_offsets,
                                        std::vector<std::int64_t> b_offsets, int threads) {
  constexpr std::int64_t kRows = 64;  // of one unit
  const auto [m, n, k, trans_a, trans_b, lda, ldb, alpha] = product;
  const kernels::MatrixProduct multiply({.m = m,
                                         .n = n,
                                         .k = k,
                                         .transpose_a = trans_a,
                                         .transpose_b = trans_b,
                                         .lda = lda,
                                         .ldb = ldb,
                                         .ldc = n,
                                         .alpha = alpha});
  const std::int64_t rows = m, elements = m * n;
  const std::int64_t row_parts = (rows + kRows - 1) / kRows;
  const auto matrices = static_cast<std::int64_t>(a_offsets.size());
  auto step = MakeStep("gemm/product_f32", matrices * row_parts,
                       [=, a_at = std::move(a_offsets), b_at = std::move(b_offsets)](
                           const StepArgs& args, std::int64_t begin, std::int64_t end) {
                         const auto* a = static_cast<const float*>(args.inputs[0]);
                         const auto* b = static_cast<const float*>(args.inputs[1]);
                         auto* c = static_cast<float*>(args.outputs[0]);
                         for (std::int64_t unit = begin; unit < end; ++unit) {
                           const std::int64_t matrix = unit / row_parts;
                           const std::int64_t row = unit % row_parts * kRows;
                           const auto at = static_cast<std::size_t>(matrix);
                           // The units of one product follow each other, so that B is there
                           // already.
                           if (unit == begin || row == 0)
                             multiply.TakeRight(b + b_at[at], args.scratch);
                           multiply.Multiply(a + a_at[at], b + b_at[at], c + matrix * elements, row,
                                             std::min(kRows, rows - row), false, args.scratch);
                         }
                       });
  step->scratch_bytes = multiply.scratch_bytes();
  step->work = multiply.WorkOf(matrices, step->units, threads);
  return step;
}

}  // namespace kinglet
