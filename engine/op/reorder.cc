#include "engine/op/reorder.h"

#include <algorithm>
#include <cstring>

#include "kernels/common/blocked.h"
#include "kernels/layout/convert.h"
#include "kinglet/error.h"

namespace kinglet {

kernels::Reorder DenseReorder(const Shape& shape, ElementType type) {
  kernels::Reorder reorder{};
  reorder.n = shape[0];
  reorder.c = shape[1];
  reorder.h = shape[2];
  reorder.w = shape[3];
  reorder.plain_batch_stride = shape[1] * shape[2] * shape[3];
  reorder.block = kernels::PixelBlock(type);
  reorder.blocked_batch_stride =
      kernels::RoundUpToBlock(shape[1], reorder.block) * shape[2] * shape[3];
  return reorder;
}

std::unique_ptr<Step> MakeReorder(const Shape& shape, TensorDesc from, TensorDesc to, int threads) {
  const kernels::Reordering reordering = kernels::FindReordering(from, to);
  if (reordering.run == nullptr) {
    throw Error(ErrorCode::kUnsupported, "no kernel brings a tensor that is " + ToString(from) +
                                             " into the form " + ToString(to));
  }
  const kernels::Reorder reorder = DenseReorder(shape, from.type);
  auto step = MakeStep(
      reordering.id, kernels::UnitCount(reorder),
      [=, run = reordering.run](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        run(reorder, args.inputs[0], args.outputs[0], begin, end);
      });
  step->work = kernels::ReorderWork(reorder.n, reorder.c, reorder.h, reorder.w, threads,
                                    kernels::ElementBytes(from.type));
  return step;
}

std::unique_ptr<Step> MakeConversion(std::int64_t count, ElementType from, ElementType to) {
  constexpr std::int64_t kUnitElements = 1 << 14;
  const kernels::Conversion conversion = kernels::FindConversion(from, to);
  if (conversion.run == nullptr) {
    throw Error(ErrorCode::kUnsupported,
                std::string("no kernel converts ") + ElementName(from) + " to " + ElementName(to));
  }
  return MakeStep(
      conversion.id, (count + kUnitElements - 1) / kUnitElements,
      [=, run = conversion.run](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const std::int64_t first = begin * kUnitElements;
        const std::int64_t last = std::min(count, end * kUnitElements);
        run(static_cast<const std::byte*>(args.inputs[0]) + first * kernels::ElementBytes(from),
            static_cast<std::byte*>(args.outputs[0]) + first * kernels::ElementBytes(to),
            static_cast<std::size_t>(last - first));
      });
}

bool HasBlockedConversion(ElementType from, ElementType to) {
  return kernels::FindBlockedConversion(from, to).run != nullptr;
}

std::unique_ptr<Step> MakeBlockedConversion(const Shape& shape, ElementType from, ElementType to,
                                            int threads) {
  const kernels::BlockedConversion conversion = kernels::FindBlockedConversion(from, to);
  const std::int64_t c = shape[1];
  const std::int64_t h = shape[2];
  const std::int64_t w = shape[3];
  auto step = MakeStep(
      conversion.id, kernels::BlockedConversionUnits(shape[0], c, h),
      [=, run = conversion.run](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        run(c, h, w, args.inputs[0], args.outputs[0], begin, end);
      });
  const auto elements = static_cast<double>(ElementCount(shape));
  step->work =
      kernels::MoveWork(elements * static_cast<double>(kernels::ElementBytes(from)),
                        elements * static_cast<double>(kernels::ElementBytes(to)), threads);
  return step;
}

std::unique_ptr<Step> MakeCopy(std::size_t bytes) {
  constexpr std::size_t kUnitBytes = std::size_t{1} << 16;
  const auto units = static_cast<std::int64_t>((bytes + kUnitBytes - 1) / kUnitBytes);
  return MakeStep(
      "layout/copy", units, [bytes](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const std::size_t from = static_cast<std::size_t>(begin) * kUnitBytes;
        const std::size_t to = std::min(bytes, static_cast<std::size_t>(end) * kUnitBytes);
        std::memcpy(static_cast<char*>(args.outputs[0]) + from,
                    static_cast<const char*>(args.inputs[0]) + from, to - from);
      });
}

}  // namespace kinglet
