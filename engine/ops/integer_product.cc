#include "engine/ops/integer_product.h"

#include "engine/ops/broadcast.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

void CheckOperands(const NodeContext& context, const ProductInputs& at, const IntegerProduct& p) {
  RequireZeroPoints(context, at.a_zero, at.a, p.m);
  RequireZeroPoints(context, at.b_zero, at.b, p.n);
}

void SetZeroSteps(const NodeContext& context, const ProductInputs& at, IntegerProduct& p) {
  p.a_zero_step = StepBetween(context, at.a_zero);
  p.b_zero_step = StepBetween(context, at.b_zero);
}

[[noreturn]] void DoNotFit(const NodeContext& context, const ProductInputs& at, const char* what) {
  context.Invalid(std::string(what) + ": " + ShapeToString(context.InputShape(at.a)) + " times " +
                  ShapeToString(context.InputShape(at.b)));
}

Shape BroadcastBatches(const NodeContext& context, const ProductInputs& at, const Shape& a,
                       const Shape& b) {
  Shape batch(std::max(a.size(), b.size()), 1);
  for (std::size_t d = 0; d < batch.size(); ++d) {
    const std::int64_t x = d < a.size() ? a[a.size() - 1 - d] : 1;
    const std::int64_t y = d < b.size() ? b[b.size() - 1 - d] : 1;
    if (x != y && x != 1 && y != 1) DoNotFit(context, at, "shapes do not broadcast");
    batch[batch.size() - 1 - d] = x == 1 ? y : x;
  }
  return batch;
}

}  // namespace

IntegerProduct MatMulOf(const NodeContext& context, const ProductInputs& at, bool with_batches) {
  RequireEightBits(context, at.a);
  RequireEightBits(context, at.b);
  Shape a = context.InputShape(at.a);
  Shape b = context.InputShape(at.b);
  if (a.empty() || b.empty()) context.Invalid("an operand is a scalar, expected rank 1 or more");
  const bool a_vector = a.size() == 1;
  const bool b_vector = b.size() == 1;
  if (a_vector) a.insert(a.begin(), 1);
  if (b_vector) b.push_back(1);
  IntegerProduct p;
  p.m = a[a.size() - 2];
  p.k = a.back();
  p.n = b.back();
  if (b[b.size() - 2] != p.k) DoNotFit(context, at, "the inner sizes differ");
  p.a_row = p.k;
  p.b_row = p.n;
  CheckOperands(context, at, p);
  SetZeroSteps(context, at, p);
  const Shape a_batch(a.begin(), a.end() - 2);
  const Shape b_batch(b.begin(), b.end() - 2);
  const Shape batch = BroadcastBatches(context, at, a_batch, b_batch);
  p.output = batch;
  if (!a_vector) p.output.push_back(p.m);
  if (!b_vector) p.output.push_back(p.n);
  if (!with_batches || ElementCount(p.output) == 0) return p;
  const auto broadcast = MakeBroadcast<2>(batch, {&a_batch, &b_batch});
  broadcast.ForRuns(0, broadcast.count,
                    [&](const auto& offsets, std::int64_t, std::int64_t length) {
                      for (std::int64_t i = 0; i < length; ++i) {
                        p.a_batches.push_back(offsets[0] + i * broadcast.InnerStride(0));
                        p.b_batches.push_back(offsets[1] + i * broadcast.InnerStride(1));
                      }
                    });
  return p;
}

IntegerProduct GemmOf(const NodeContext& context, const ProductInputs& at) {
  RequireEightBits(context, at.a);
  RequireEightBits(context, at.b);
  const Shape& a = context.InputShape(at.a);
  const Shape& b = context.InputShape(at.b);
  if (a.size() != 2 || b.size() != 2) DoNotFit(context, at, "expected two matrices");
  const bool trans_a = context.attributes().Int("transA", 0) != 0;
  const bool trans_b = context.attributes().Int("transB", 0) != 0;
  IntegerProduct p;
  p.m = trans_a ? a[1] : a[0];
  p.k = trans_a ? a[0] : a[1];
  p.n = trans_b ? b[0] : b[1];
  if ((trans_b ? b[1] : b[0]) != p.k) DoNotFit(context, at, "the inner sizes differ");
  p.a_row = trans_a ? 1 : p.k;
  p.a_column = trans_a ? p.m : 1;
  p.b_row = trans_b ? 1 : p.n;
  p.b_column = trans_b ? p.k : 1;
  CheckOperands(context, at, p);
  SetZeroSteps(context, at, p);
  p.output = {p.m, p.n};
  if (ElementCount(p.output) > 0) p.a_batches = p.b_batches = {0};
  return p;
}

namespace internal {

void DescribeIntegerProduct(const PlanContext& context, const IntegerProduct& p, Step& step) {
  const std::int64_t block = std::min(p.n, kProductColumns);
  step.units =
      p.matrices() == 0 ? 0 : p.matrices() * CeilDiv(p.m, kProductRows) * CeilDiv(p.n, block);
  step.scratch_bytes = static_cast<std::size_t>(block) * sizeof(std::int32_t) +
                       static_cast<std::size_t>((block + 1) * p.k) * sizeof(std::int16_t);
  step.macs = p.matrices() * p.m * p.n * p.k;
  step.work = IntegerProductWork(step.macs, context.threads());
}

}  // namespace internal

}  // namespace kinglet
