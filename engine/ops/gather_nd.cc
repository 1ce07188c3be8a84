// GatherND and GatherElements: elements or slices of a tensor at positions that an index tensor
// names.
#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/indices.h"
#include "engine/ops/views.h"
#include "kernels/layout/pick.h"

namespace kinglet {
namespace {

std::size_t BatchDims(const NodeContext& context) {
  const std::int64_t batch_dims = context.attributes().Int("batch_dims", 0);
  if (batch_dims < 0 || batch_dims > static_cast<std::int64_t>(kMaxRank)) {
    context.Invalid("batch_dims is " + std::to_string(batch_dims) + ", expected at least 0");
  }
  return static_cast<std::size_t>(batch_dims);
}

void InferGatherNd(InferContext& context) {
  CheckIndexType(context, 1);
  const std::size_t batch_dims = BatchDims(context);
  MakeIndexTuples(context, batch_dims);
  const Shape& data = context.InputShape(0);
  const Shape& indices = context.InputShape(1);
  Shape out(indices.begin(), indices.end() - 1);
  const auto first = static_cast<std::ptrdiff_t>(batch_dims) + indices.back();
  out.insert(out.end(), data.begin() + first, data.end());
  context.SetOutput(0, context.InputType(0), std::move(out));
}

template <typename Index>
std::unique_ptr<Step> MakeGatherNd(const PlanContext& context) {
  const IndexTuples t = MakeIndexTuples(context, BatchDims(context));
  const auto element = static_cast<std::int64_t>(DataTypeSize(context.InputType(0)));
  const std::int64_t bytes = t.slice_elements * element;
  return MakeItemStep("reference/gather_nd", bytes == 0 ? 0 : t.batches * t.tuples, bytes,
                      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        const auto* indices = static_cast<const Index*>(args.inputs[1]);
                        const auto* src = static_cast<const std::byte*>(args.inputs[0]);
                        auto* dst = static_cast<std::byte*>(args.outputs[0]) + begin * bytes;
                        for (std::int64_t item = begin; item < end; ++item, dst += bytes) {
                          const std::int64_t offset = t.Offset(indices, item, *args.status);
                          if (offset < 0) return;
                          const std::int64_t at =
                              (item / t.tuples * t.batch_elements + offset) * element;
                          CopyBytes(dst, src + at, bytes);
                        }
                      });
}

std::unique_ptr<Step> PlanGatherNd(PlanContext& context) {
  return DispatchIndex(context.InputType(1),
                       [&]<typename Index>() { return MakeGatherNd<Index>(context); });
}

void InferGatherElements(InferContext& context) {
  CheckIndexType(context, 1);
  MakeElementRows(context);
  context.SetOutput(0, context.InputType(0), context.InputShape(1));
}

// Reports the first index that is out of range.
template <typename Index>
void ReportFirst(const Index* indices, std::int64_t count, std::int64_t size, RunStatus& status) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (InRange(std::int64_t{indices[i]}, size, status) < 0) return;
  }
}

template <typename Index>
std::unique_ptr<Step> MakeGatherElements(const PlanContext& context) {
  const ElementRows rows = MakeElementRows(context);
  const auto bytes = static_cast<std::int64_t>(DataTypeSize(context.InputType(0)));
  const kernels::Pick pick{rows.axis_size, rows.axis_stride, rows.step};
  return MakeItemStep("layout/gather_elements", rows.count, rows.width * bytes,
                      [=, run = kernels::GetPick(bytes, sizeof(Index) == 8)](
                          const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        const auto* data = static_cast<const std::byte*>(args.inputs[0]);
                        auto* to = static_cast<std::byte*>(args.outputs[0]);
                        rows.ForRows(begin, end, [&](std::int64_t row, std::int64_t offset) {
                          const Index* indices =
                              static_cast<const Index*>(args.inputs[1]) + row * rows.width;
                          if (!run(pick, data + offset * bytes, indices, rows.width,
                                   to + row * rows.width * bytes)) {
                            ReportFirst(indices, rows.width, rows.axis_size, *args.status);
                          }
                        });
                      });
}

std::unique_ptr<Step> PlanGatherElements(PlanContext& context) {
  return DispatchIndex(context.InputType(1),
                       [&]<typename Index>() { return MakeGatherElements<Index>(context); });
}

// Images of data and indices go together, off the axis.
bool GatherElementsBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  const std::size_t axis =
      context.Axis(context.attributes().Int("axis", 0), context.InputShape(0).size());
  return axis != 0 && AllImages(context, inputs);
}

}  // namespace

const OpDef& OpGatherElements() {
  static const OpDef def{.name = "GatherElements",
                         .since = 11,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .attributes = "axis",
                         .types = kAnyType,
                         .infer = InferGatherElements,
                         .plan = PlanGatherElements,
                         .batch_wise = GatherElementsBatchWise};
  return def;
}

const OpDef& OpGatherND() {
  static const OpDef def{.name = "GatherND",
                         .since = 11,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .attributes = "batch_dims",
                         .types = kAnyType,
                         .infer = InferGatherNd,
                         .plan = PlanGatherNd};
  return def;
}

}  // namespace kinglet
