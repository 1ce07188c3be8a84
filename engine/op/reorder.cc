#include "engine/op/reorder.h"

#include <algorithm>
#include <cstring>

#include "kernels/common/blocked.h"

namespace kinglet {

kernels::Reorder DenseReorder(const Shape& shape) {
  kernels::Reorder reorder{};
  reorder.n = shape[0];
  reorder.c = shape[1];
  reorder.h = shape[2];
  reorder.w = shape[3];
  reorder.plain_batch_stride = shape[1] * shape[2] * shape[3];
  reorder.blocked_batch_stride = kernels::RoundUpToBlock(shape[1]) * shape[2] * shape[3];
  return reorder;
}

std::unique_ptr<Step> MakeReorder(const Shape& shape, Layout layout, int threads) {
  const kernels::Reorder reorder = DenseReorder(shape);
  const bool to_blocked = layout == Layout::kBlocked16;
  const kernels::LayoutTable& table = kernels::GetLayoutTable();
  const auto function = to_blocked ? table.to_blocked : table.to_plain;
  auto step = MakeStep(to_blocked ? "layout/to_blocked_f32" : "layout/to_plain_f32",
                       kernels::UnitCount(reorder),
                       [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                         function(reorder, static_cast<const float*>(args.inputs[0]),
                                  static_cast<float*>(args.outputs[0]), begin, end);
                       });
  step->work = kernels::ReorderWork(reorder.n, reorder.c, reorder.h, reorder.w, threads);
  return step;
}

std::unique_ptr<Step> MakeCopy(std::size_t bytes) {
  constexpr std::size_t kChunk = std::size_t{1} << 16;
  const auto units = static_cast<std::int64_t>((bytes + kChunk - 1) / kChunk);
  return MakeStep("layout/copy", units,
                  [bytes](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    const std::size_t from = static_cast<std::size_t>(begin) * kChunk;
                    const std::size_t to = std::min(bytes, static_cast<std::size_t>(end) * kChunk);
                    std::memcpy(static_cast<char*>(args.outputs[0]) + from,
                                static_cast<const char*>(args.inputs[0]) + from, to - from);
                  });
}

}  // namespace kinglet
