// Expand and Tile: a tensor repeated.
#include <algorithm>

#include "engine/ops/batch.h"
#include "engine/ops/copy_short_run.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

void InferExpand(InferContext& context) {
  const Shape& in = context.InputShape(0);
  const Shape target = context.InputInts(1, "the shape");
  Shape out(std::max(in.size(), target.size()));
  for (std::size_t k = 0; k < out.size(); ++k) {  // from the innermost axis outwards
    const std::int64_t a = k < in.size() ? in[in.size() - 1 - k] : 1;
    const std::int64_t b = k < target.size() ? target[target.size() - 1 - k] : 1;
    if (b < 0 || (a != b && a != 1 && b != 1)) {
      context.Invalid("cannot expand shape " + ShapeToString(in) + " to " + ShapeToString(target));
    }
    out[out.size() - 1 - k] = a == 1 ? b : a;
  }
  context.SetOutput(0, context.InputType(0), std::move(out));
}

std::unique_ptr<Step> PlanExpand(PlanContext& context) {
  context.DoNotRead(1);
  const Shape& in = context.InputShape(0);
  const Shape& out = context.OutputShape(0);
  if (ElementCount(in) == ElementCount(out)) {
    context.Alias(0, 0);
    return nullptr;
  }
  const Shape in_strides = RowMajorStrides(in);
  const Shape out_strides = RowMajorStrides(out);
  kernels::StridedView view;
  view.rank = static_cast<int>(out.size());
  for (std::size_t k = 0; k < out.size(); ++k) {
    view.dims[k] = out[k];
    view.dst_strides[k] = out_strides[k];
    const std::size_t added = out.size() - in.size();
    if (k >= added && in[k - added] != 1) view.src_strides[k] = in_strides[k - added];
  }
  return MakeCopyStep("layout/expand",
                      {{.copy = kernels::StridedCopy(view, DataTypeSize(context.InputType(0)))}});
}

void InferTile(InferContext& context) {
  const Shape& in = context.InputShape(0);
  const std::vector<std::int64_t> repeats = context.InputInts(1, "the repeats");
  if (repeats.size() != in.size()) {
    context.Invalid(std::to_string(repeats.size()) + " repeats for a tensor of rank " +
                    std::to_string(in.size()));
  }
  Shape out;
  for (std::size_t k = 0; k < in.size(); ++k) {
    if (repeats[k] < 0) context.Invalid("a negative repeat, " + std::to_string(repeats[k]));
    out.push_back(MultiplySizes(context, in[k], repeats[k]));
  }
  context.SetOutput(0, context.InputType(0), std::move(out));
}

// The rows of the input behind those of the output, in the order of the latter.
class TileRows {
 public:
  // `in_row`: elements, or bytes, from one row of the input to the next.
  TileRows(const Shape& in, const Shape& out, std::int64_t in_row, std::int64_t row)
      : in_(in), out_(out) {
    std::int64_t stride = in_row;
    for (std::size_t k = in.size() - 1; k-- > 0; stride *= in[k], row /= out[k]) {
      strides_[k] = stride;
      at_[k] = row % out[k];
      offset_ += at_[k] % in[k] * stride;
    }
  }

  std::int64_t offset() const { return offset_; }
  void Next() {
    for (std::size_t k = in_.size() - 1; k-- > 0;) {
      offset_ += strides_[k];
      ++at_[k];
      const bool repeats = in_[k] == 1 || at_[k] % in_[k] == 0;
      if (repeats) offset_ -= in_[k] * strides_[k];
      if (at_[k] < out_[k]) return;
      at_[k] = 0;
    }
  }

 private:
  const Shape& in_;
  const Shape& out_;
  std::int64_t offset_ = 0;
  std::int64_t strides_[kMaxRank] = {}, at_[kMaxRank] = {};
};

// Rows along the last axis: the matching row of the input, over and over.
std::unique_ptr<Step> PlanTile(PlanContext& context) {
  context.DoNotRead(1);
  Shape in = context.InputShape(0);
  Shape out = context.OutputShape(0);
  if (in == out) {
    context.Alias(0, 0);
    return nullptr;
  }
  // Trailing axes that are not repeated join the row: whole runs are copied then.
  std::int64_t run = static_cast<std::int64_t>(DataTypeSize(context.InputType(0)));
  while (in.back() == out.back()) {
    run *= in.back();
    in.pop_back();
    out.pop_back();
  }
  const std::int64_t in_row = run * in.back();
  const std::int64_t out_row = run * out.back();
  const std::int64_t rows = out_row == 0 ? 0 : DimsProduct(out, 0, out.size() - 1);
  return MakeItemStep("layout/tile", rows, out_row,
                      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        const auto* src = static_cast<const std::byte*>(args.inputs[0]);
                        auto* dst = static_cast<std::byte*>(args.outputs[0]) + begin * out_row;
                        TileRows from(in, out, in_row, begin);
                        for (std::int64_t row = begin; row < end; ++row, from.Next()) {
                          for (std::int64_t at = 0; at < out_row; at += in_row, dst += in_row) {
                            CopyShortRun(src + from.offset(), in_row, dst);
                          }
                        }
                      });
}

}  // namespace

const OpDef& OpExpand() {
  static const OpDef def{.name = "Expand",
                         .since = 8,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .types = kAnyType,
                         .infer = InferExpand,
                         .plan = PlanExpand,
                         .batch_wise = EachImageShaped};
  return def;
}

const OpDef& OpTile() {
  static const OpDef def{.name = "Tile",
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .types = kAnyType,
                         .infer = InferTile,
                         .plan = PlanTile,
                         .batch_wise = EachImageShaped};
  return def;
}

}  // namespace kinglet
