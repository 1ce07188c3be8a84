#include "engine/ops/integer_product.h"

#include "engine/ops/broadcast.h"
#include "engine/ops/views.h"
#include "kernels/common/aligned.h"

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
namespace {

constexpr std::int64_t kBlockBytes = 128 << 10;  // of packed rows, which stay in a cache
constexpr std::int64_t kUnitPanels = 4;

kernels::ByteMatrix MatrixA(const PanelPlan& plan, const void* data, std::int64_t matrix,
                            std::int64_t top) {
  const IntegerProduct& p = plan.p;
  const std::int64_t first =
      p.a_batches[static_cast<std::size_t>(matrix)] * p.m * p.k + top * p.a_row;
  return {static_cast<const std::byte*>(data) + first, p.a_row, p.a_column, plan.a_signed};
}

// The columns of a panel of one of the matrices B.
kernels::ByteMatrix MatrixB(const PanelPlan& plan, const void* data, std::int64_t matrix,
                            std::int64_t panel) {
  const IntegerProduct& p = plan.p;
  const std::int64_t first = matrix * p.k * p.n + panel * kernels::kPanelColumns * p.b_column;
  return {static_cast<const std::byte*>(data) + first, p.b_row, p.b_column, plan.b_signed};
}

void PackPanel(const PanelPlan& plan, const void* data, std::int64_t matrix, std::int64_t panel,
               std::byte* to) {
  const std::int64_t columns =
      std::min(kernels::kPanelColumns, plan.p.n - panel * kernels::kPanelColumns);
  plan.table.pack_panel(plan.form, MatrixB(plan, data, matrix, panel), plan.p.k, columns, to);
}

void PackConstants(PlanContext& context, PanelPlan& plan) {
  const IntegerProduct& p = plan.p;
  const std::int64_t matrices = ElementCount(context.InputShape(plan.at.b)) / (p.k * p.n);
  const std::int64_t bytes = plan.panel_bytes();
  const kernels::PackedFormat format{
      .family = "integer_product",
      .variant = plan.form.quads ? "quads" : "pairs",
      .block = kernels::kPanelColumns,
      .type = plan.b_signed ? kernels::ElementType::kInt8 : kernels::ElementType::kUInt8,
      .transposed = p.b_row == 1 && p.b_column != 1};
  plan.packed = static_cast<const std::byte*>(context.Packed(
      plan.at.b, format, static_cast<std::size_t>(matrices * plan.panels * bytes), [&](void* to) {
        const void* data = context.InputValue(plan.at.b)->raw();
        for (std::int64_t i = 0; i < matrices * plan.panels; ++i) {
          PackPanel(plan, data, i / plan.panels, i % plan.panels,
                    static_cast<std::byte*>(to) + i * bytes);
        }
      }));
  context.DoNotRead(plan.at.b);
}

}  // namespace

PanelScratch::PanelScratch(const PanelPlan& plan, std::byte* memory) {
  const auto take = [&](std::int64_t count) -> std::byte* {
    const std::size_t at = bytes;
    bytes += kernels::RoundUpToLine(static_cast<std::size_t>(count));
    return memory == nullptr ? nullptr : memory + at;
  };
  const std::int64_t rows_of_block = plan.block_rows;
  constexpr std::int64_t kInt = sizeof(std::int32_t);
  packed_rows = reinterpret_cast<std::int64_t*>(take(sizeof(std::int64_t)));
  rows = take(rows_of_block * plan.form.RowBytes(plan.p.k));
  panel = take(plan.packed != nullptr ? 0 : plan.panel_bytes());
  sums = reinterpret_cast<std::int32_t*>(take(rows_of_block * kernels::kPanelColumns * kInt));
  row_sums = reinterpret_cast<std::int32_t*>(take(rows_of_block * kInt));
  row_zeros = reinterpret_cast<std::int32_t*>(take(rows_of_block * kInt));
  column_zeros = reinterpret_cast<std::int32_t*>(take(kernels::kPanelColumns * kInt));
}

PanelPlan MakePanelPlan(PlanContext& context, const IntegerProduct& product,
                        const ProductInputs& at) {
  PanelPlan plan{.p = product,
                 .at = at,
                 .form = kernels::FindPanelForm(),
                 .table = kernels::GetPanelTable(),
                 .a_signed = context.InputType(at.a) == DataType::kInt8,
                 .b_signed = context.InputType(at.b) == DataType::kInt8};
  if (product.matrices() == 0) return plan;
  const std::int64_t fitting =
      kBlockBytes / std::max<std::int64_t>(plan.form.RowBytes(product.k), 1);
  constexpr std::int64_t kStep = 84;  // tiles of 12, 14, 6 and 4 rows are whole
  plan.block_rows = std::clamp(fitting / kStep * kStep, kStep, kernels::kPanelRows);
  plan.block_rows = std::min(plan.block_rows, product.m);
  plan.row_blocks = CeilDiv(product.m, plan.block_rows);
  plan.panels = CeilDiv(product.n, kernels::kPanelColumns);
  plan.unit_panels = kUnitPanels;
  plan.panel_parts = CeilDiv(plan.panels, plan.unit_panels);
  if (context.IsKnown(at.b) && product.k > 0) PackConstants(context, plan);
  return plan;
}

void DescribePanels(const PlanContext& context, const PanelPlan& plan, Step& step) {
  const IntegerProduct& p = plan.p;
  step.units = plan.units();
  step.macs = p.matrices() * p.m * p.n * p.k;
  if (step.units == 0) return;
  step.scratch_bytes = PanelScratch(plan, nullptr).bytes;
  const auto matrices = static_cast<double>(p.matrices());
  const auto sums = matrices * static_cast<double>(p.m * p.n);
  kernels::WorkStage stage;
  stage.read_bytes = matrices * static_cast<double>(p.m * p.k);
  stage.write_bytes = 4 * sums;
  stage.weight_bytes = static_cast<double>(plan.panels * plan.panel_bytes());
  stage.Add({.kind = kernels::WorkKind::kTile,
             .type = plan.form.quads ? kernels::ElementType::kInt8 : kernels::ElementType::kInt16,
             .family = plan.form.quads ? kernels::InstructionFamily::kDot
                                       : kernels::InstructionFamily::kVector,
             .count = 2 * static_cast<double>(step.macs)});
  stage.Add({.kind = kernels::WorkKind::kTileEdge, .count = sums});
  step.work = kernels::SharedWork(stage, step.units, context.threads());
}

void PackUnitRows(const PanelPlan& plan, const StepArgs& args, std::int64_t matrix,
                  std::int64_t block, std::int64_t rows, const PanelScratch& scratch) {
  const std::int64_t key =
      plan.p.a_batches[static_cast<std::size_t>(matrix)] * plan.row_blocks + block;
  if (*scratch.packed_rows == key) return;
  *scratch.packed_rows = key;
  const std::int64_t top = block * plan.block_rows;
  plan.table.pack_rows(plan.form, MatrixA(plan, args.inputs[plan.at.a], matrix, top), rows,
                       plan.p.k, scratch.rows, scratch.row_sums);
}

const std::byte* PanelOf(const PanelPlan& plan, const StepArgs& args, std::int64_t matrix,
                         std::int64_t panel, const PanelScratch& scratch) {
  const std::int64_t b = plan.p.b_batches[static_cast<std::size_t>(matrix)];
  if (plan.packed != nullptr) {
    return plan.packed + (b * plan.panels + panel) * plan.panel_bytes();
  }
  PackPanel(plan, args.inputs[plan.at.b], b, panel, scratch.panel);
  return scratch.panel;
}

}  // namespace internal

}  // namespace kinglet
