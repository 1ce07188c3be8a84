// What operators on 8-bit codes share where these are stored in blocks, and where they are looked
// up in tables.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "engine/op/op.h"
#include "engine/ops/elementwise.h"
#include "kernels/common/blocked.h"
#include "kernels/common/code_lanes.h"
#include "kernels/quantize/code_ops.h"

namespace kinglet {

inline constexpr std::int64_t kCodeCount = 256;

// A blocked tensor {N, C, H, W} of codes as planes of H * W pixels of 64 channels.
class CodePlanes {
 public:
  static constexpr std::int64_t kLanes = kernels::PixelBlock(ElementType::kUInt8);

  // `output_stride`: bytes from one image of the result to the next; 0: they are dense.
  explicit CodePlanes(const Shape& shape, std::int64_t output_stride = 0)
      : blocks_(kernels::BlockCount(shape[1], kLanes)),
        count_(shape[0] * blocks_),
        elements_(shape[2] * shape[3] * kLanes),
        channels_(shape[1]),
        output_stride_(output_stride > 0 ? output_stride : blocks_ * elements_) {}

  PlaneUnits Units() const { return PlaneUnits(count_, elements_, kLanes); }
  // Where a plane begins in a dense tensor, and in the result.
  std::int64_t Start(std::int64_t plane) const { return plane * elements_; }
  std::int64_t OutputStart(std::int64_t plane) const {
    return plane / blocks_ * output_stride_ + plane % blocks_ * elements_;
  }
  bool OutputIsDense() const { return output_stride_ == blocks_ * elements_; }
  // Zeroes what is no channel in `count` elements of a plane.
  template <typename T>
  void ZeroPadLanes(std::int64_t plane, T* data, std::int64_t count) const {
    const std::int64_t valid = std::min(kLanes, channels_ - plane % blocks_ * kLanes);
    kernels::ZeroCodeLanes(data, count / kLanes, valid);
  }

 private:
  std::int64_t blocks_;  // of one image
  std::int64_t count_;
  std::int64_t elements_;  // of one plane
  std::int64_t channels_;
  std::int64_t output_stride_;
};

// output 0 = table[input 0], in the layout of the input. `table_of(args)` gives the 256 codes, and
// has as many bytes of scratch to make them in.
template <typename TableOf>
std::unique_ptr<Step> MakeTableStep(PlanContext& context, std::string kernel, TableOf table_of) {
  const kernels::LookUpFn look_up = kernels::GetLookUp();
  const Shape& shape = context.OutputShape(0);
  std::unique_ptr<Step> step;
  if (shape.size() == 4 && !context.IsKnown(0) && context.IsBlocked(0)) {
    context.ReadAs(0, Layout::kBlocked);
    context.WriteAs(0, Layout::kBlocked);
    const CodePlanes planes(shape, context.OutputStride(0));
    if (planes.OutputIsDense()) context.AllowInPlace(0, 0);
    const PlaneUnits units = planes.Units();
    step = MakeStep(
        std::move(kernel), units.count(),
        [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
          const void* table = table_of(args);
          units.For(begin, end, [&](std::int64_t plane, std::int64_t first, std::int64_t n) {
            const auto* x = static_cast<const std::uint8_t*>(args.inputs[0]);
            auto* y = static_cast<std::uint8_t*>(args.outputs[0]) + planes.OutputStart(plane);
            look_up(table, x + planes.Start(plane) + first, y + first, static_cast<std::size_t>(n));
            planes.ZeroPadLanes(plane, y + first, n);
          });
        });
  } else {
    context.AllowInPlace(0, 0);
    const ElementUnits units(shape);
    step = MakeStep(std::move(kernel), units.count(),
                    [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                      const void* table = table_of(args);
                      const std::int64_t first = units.Start(begin);
                      look_up(table, static_cast<const std::uint8_t*>(args.inputs[0]) + first,
                              static_cast<std::uint8_t*>(args.outputs[0]) + first,
                              static_cast<std::size_t>(units.Start(end) - first));
                    });
  }
  const auto count = static_cast<double>(ElementCount(shape));
  step->work = kernels::MoveWork(count, count, context.threads());
  step->scratch_bytes = kCodeCount;
  return step;
}

}  // namespace kinglet
