// Operators of two operands that broadcast: the plan that all of them share, with the element
// function as a template argument `Op` that has
//   template <typename T> static R Of(T a, T b);
#pragma once

#include <cmath>
#include <memory>
#include <string>

#include "engine/ops/broadcast.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"

namespace kinglet {

// How an operand meets a blocked output {N, C, H, W}.
enum class BlockedOperand {
  kNone,      // not at all
  kFull,      // blocked, of the output's shape
  kScalar,    // one element
  kChannels,  // {1, C, 1, 1} or {N, C, 1, 1}, padded to whole blocks
  kPixels,    // {1, 1, H, W} or {N, 1, H, W}, plain
};

struct BlockedBinary {
  struct Operand {
    BlockedOperand kind = BlockedOperand::kNone;
    const float* packed = nullptr;  // a constant of kChannels
    std::int64_t image_stride = 0;  // 0 where one image serves all
  };
  Operand operand[2];
  bool possible = false;
};

// Whether a float32 node of two operands runs blocked; declares the layouts and packs constants
// where it does.
BlockedBinary PlanBlockedOperands(PlanContext& context);

// Types equal, output type `type`, shape broadcast.
void InferBinary(InferContext& context, DataType output_type);

// Output i may take the memory of each input that has its type and shape.
void AllowInPlaceOfEqual(PlanContext& context, std::size_t inputs);

// y[i] = Op(a[i * sa], b[i * sb]) where the strides are 0 or 1.
template <typename Op, typename T, typename R>
void BinaryRun(const T* a, std::int64_t sa, const T* b, std::int64_t sb, R* y, std::int64_t n) {
  if (sa != 0 && sb != 0) {
    for (std::int64_t i = 0; i < n; ++i) y[i] = Op::template Of<T>(a[i], b[i]);
  } else if (sa != 0) {
    const T scalar = *b;
    for (std::int64_t i = 0; i < n; ++i) y[i] = Op::template Of<T>(a[i], scalar);
  } else {
    const T scalar = *a;
    for (std::int64_t i = 0; i < n; ++i) y[i] = Op::template Of<T>(scalar, b[i * sb]);
  }
}

template <typename Op, typename T, typename R>
std::unique_ptr<Step> PlanBinaryPlain(PlanContext& context) {
  const auto broadcast =
      MakeBroadcast<2>(context.OutputShape(0), {&context.InputShape(0), &context.InputShape(1)});
  const ElementUnits units(context.OutputShape(0));
  const kernels::Epilogue epilogue = FusedEpilogue(context.node().fusion);
  return MakeStep(ElementwiseId(context, DataTypeOf<T>::value), units.count(),
                  [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    const auto* a = static_cast<const T*>(args.inputs[0]);
                    const auto* b = static_cast<const T*>(args.inputs[1]);
                    auto* y = static_cast<R*>(args.outputs[0]);
                    const std::int64_t sa = broadcast.InnerStride(0);
                    const std::int64_t sb = broadcast.InnerStride(1);
                    broadcast.ForRuns(units.Start(begin), units.Start(end),
                                      [&](const auto& offsets, std::int64_t at, std::int64_t n) {
                                        BinaryRun<Op, T, R>(a + offsets[0], sa, b + offsets[1], sb,
                                                            y + at, n);
                                        if constexpr (std::is_same_v<R, float>) {
                                          ApplyEpilogue(epilogue, y + at, n);
                                        }
                                      });
                  });
}

// A run of `length` elements of a blocked plane; `pixel` is the first one's.
struct BlockedRun {
  std::int64_t image;
  std::int64_t block;   // of the image
  std::int64_t at;      // in the output
  std::int64_t pixel;   // in the plane
  std::int64_t length;  // a multiple of 16
};

template <typename Op>
void BinaryBlockedRun(const BlockedBinary& plan, const float* const inputs[2],
                      const BlockedRun& run, float* y) {
  const float* p[2];
  std::int64_t pixel_step[2];  // elements from one pixel's lanes to the next one's
  std::int64_t lane_step[2];
  for (int k = 0; k < 2; ++k) {
    const BlockedBinary::Operand& operand = plan.operand[k];
    const float* base = operand.packed != nullptr ? operand.packed : inputs[k];
    base += run.image * operand.image_stride;
    const bool lanes =
        operand.kind == BlockedOperand::kFull || operand.kind == BlockedOperand::kChannels;
    lane_step[k] = lanes ? 1 : 0;
    pixel_step[k] = operand.kind == BlockedOperand::kFull     ? kernels::kBlock
                    : operand.kind == BlockedOperand::kPixels ? 1
                                                              : 0;
    p[k] = operand.kind == BlockedOperand::kFull       ? inputs[k] + run.at
           : operand.kind == BlockedOperand::kChannels ? base + run.block * kernels::kBlock
           : operand.kind == BlockedOperand::kPixels   ? base + run.pixel
                                                       : base;
  }
  const auto is_flat = [&](int k) {
    return plan.operand[k].kind == BlockedOperand::kFull ||
           plan.operand[k].kind == BlockedOperand::kScalar;
  };
  if (is_flat(0) && is_flat(1)) {
    BinaryRun<Op, float, float>(p[0], lane_step[0], p[1], lane_step[1], y, run.length);
    return;
  }
  for (std::int64_t i = 0; i < run.length; i += kernels::kBlock) {
    BinaryRun<Op, float, float>(p[0], lane_step[0], p[1], lane_step[1], y + i, kernels::kBlock);
    p[0] += pixel_step[0];
    p[1] += pixel_step[1];
  }
}

template <typename Op>
std::unique_ptr<Step> PlanBinaryBlocked(PlanContext& context, const BlockedBinary& plan) {
  const BlockedPlanes planes(context.OutputShape(0));
  const PlaneUnits units = planes.Units();
  const kernels::Epilogue epilogue = FusedEpilogue(context.node().fusion);
  // A scalar or pixel operand reaches the pad lanes; so does an activation that moves zero.
  bool zero_pads = Op::template Of<float>(0.0f, 0.0f) != 0.0f || !kernels::KeepsZero(epilogue);
  for (const auto& operand : plan.operand) {
    zero_pads |= operand.kind == BlockedOperand::kScalar || operand.kind == BlockedOperand::kPixels;
  }
  return MakeStep(ElementwiseId(context, DataType::kFloat32), units.count(),
                  [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    const float* const inputs[2] = {static_cast<const float*>(args.inputs[0]),
                                                    static_cast<const float*>(args.inputs[1])};
                    units.For(begin, end,
                              [&](std::int64_t plane, std::int64_t first, std::int64_t length) {
                                const std::int64_t at = plane * planes.elements + first;
                                float* y = static_cast<float*>(args.outputs[0]) + at;
                                const BlockedRun run{plane / planes.blocks, plane % planes.blocks,
                                                     at, first / kernels::kBlock, length};
                                BinaryBlockedRun<Op>(plan, inputs, run, y);
                                ApplyEpilogue(epilogue, y, length);
                                const std::int64_t valid = planes.ValidLanes(plane);
                                if (zero_pads && valid < kernels::kBlock)
                                  ZeroPadLanes(y, length, valid);
                              });
                  });
}

// Operands and output of one type, any number type.
template <typename Op>
std::unique_ptr<Step> PlanArithmetic(PlanContext& context) {
  AllowInPlaceOfEqual(context, 2);
  if (const BlockedBinary blocked = PlanBlockedOperands(context); blocked.possible) {
    return PlanBinaryBlocked<Op>(context, blocked);
  }
  return DispatchNumeric(context.InputType(0),
                         [&]<typename T>() { return PlanBinaryPlain<Op, T, T>(context); });
}

}  // namespace kinglet
