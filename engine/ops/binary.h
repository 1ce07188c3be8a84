// Operators of two operands that broadcast: the plan that all of them share, with the element
// function as a template argument `Op` that has
//   template <typename T> static R Of(T a, T b);
// and, where kernels/eltwise has it for float32, a constant kKernel.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <type_traits>

#include "engine/ops/broadcast.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/spread.h"
#include "kernels/eltwise/binary.h"

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

// Op::kKernel names the vector kernel of an operator that has one for float32.
template <typename Op>
concept HasKernel = requires {
  Op::kKernel;
};

template <typename Op>
const kernels::BinaryFns* KernelOf() {
  if constexpr (HasKernel<Op>) {
    return &kernels::GetBinary(Op::kKernel);
  } else {
    return nullptr;
  }
}

// y[i] = Op(a[i * sa], b[i * sb]) where the strides are 0 or 1, by scalar code.
template <typename Op, typename T, typename R>
void ScalarRun(const T* a, std::int64_t sa, const T* b, std::int64_t sb, R* y, std::int64_t n) {
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

// The same by the kernel `fns`, where Op has one and T and R are float.
template <typename Op, typename T, typename R>
void BinaryRun(const kernels::BinaryFns* fns, const T* a, std::int64_t sa, const T* b,
               std::int64_t sb, R* y, std::int64_t n) {
  if constexpr (HasKernel<Op> && std::is_same_v<T, float> && std::is_same_v<R, float>) {
    const auto count = static_cast<std::size_t>(n);
    if (sa != 0 && sb != 0) {
      fns->arrays(a, b, y, count);
    } else if (sa != 0) {
      fns->array_scalar(a, *b, y, count);
    } else if (sb != 0) {
      fns->scalar_array(*a, b, y, count);
    } else {
      std::fill_n(y, n, Op::template Of<T>(*a, *b));
    }
  } else {
    ScalarRun<Op, T, R>(a, sa, b, sb, y, n);
  }
}

// Operations of plain loops for an element, where they take longer than the traffic.
template <typename Op, typename T>
constexpr double BinaryOperations() {
  if constexpr (HasKernel<Op>) {
    if (std::is_same_v<T, float>) return Op::kKernel == kernels::BinaryOp::kPow ? 8 : 0;
    return Op::kKernel == kernels::BinaryOp::kDiv && std::is_integral_v<T> ? 4 : 0.5;
  }
  return 0.5;
}

// Runs too short for vector loops.
template <typename Op, typename T, typename R>
std::unique_ptr<Step> PlanBinaryShortRuns(PlanContext& context) {
  const Shape& shape = context.OutputShape(0);
  const Spread<T> left(shape, context.InputShape(0)), right(shape, context.InputShape(1));
  const ElementUnits units(shape);
  const ActivationFn activation(context.node().fusion);
  const kernels::BinaryFns* fns = KernelOf<Op>();
  auto step = MakeStep(ElementwiseId(context, DataTypeOf<T>::value), units.count(),
                       [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                         const auto* a = static_cast<const T*>(args.inputs[0]);
                         const auto* b = static_cast<const T*>(args.inputs[1]);
                         auto* y = static_cast<R*>(args.outputs[0]);
                         typename Spread<T>::Room left_room, right_room;
                         constexpr std::int64_t kPiece = Spread<T>::kPiece;
                         const std::int64_t last = units.Start(end);
                         for (std::int64_t at = units.Start(begin); at < last; at += kPiece) {
                           const std::int64_t n = std::min(kPiece, last - at);
                           BinaryRun<Op, T, R>(fns, left.Values(a, at, n, left_room), 1,
                                               right.Values(b, at, n, right_room), 1, y + at, n);
                           if constexpr (std::is_same_v<R, float>) activation.Apply(y + at, n);
                         }
                       });
  const double spread = left.operations() + right.operations();
  return WithLoops(std::move(step), context,
                   (BinaryOperations<Op, T>() + spread) * OutputElements(context));
}

template <typename Op, typename T, typename R>
std::unique_ptr<Step> PlanBinaryPlain(PlanContext& context) {
  const auto broadcast =
      MakeBroadcast<2>(context.OutputShape(0), {&context.InputShape(0), &context.InputShape(1)});
  if constexpr (std::is_same_v<T, float>) {
    if (HasShortRuns(broadcast)) return PlanBinaryShortRuns<Op, T, R>(context);
  }
  const ElementUnits units(context.OutputShape(0));
  const ActivationFn activation(context.node().fusion);
  const kernels::BinaryFns* fns = KernelOf<Op>();
  auto step = MakeStep(
      ElementwiseId(context, DataTypeOf<T>::value), units.count(),
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const auto* a = static_cast<const T*>(args.inputs[0]);
        const auto* b = static_cast<const T*>(args.inputs[1]);
        auto* y = static_cast<R*>(args.outputs[0]);
        const std::int64_t sa = broadcast.InnerStride(0);
        const std::int64_t sb = broadcast.InnerStride(1);
        // Unit by unit where an activation follows, so that it finds the values in the cache.
        const std::int64_t at_once = activation.empty() ? end - begin : 1;
        for (std::int64_t unit = begin; unit < end; unit += at_once) {
          const std::int64_t first = units.Start(unit);
          const std::int64_t last = units.Start(unit + at_once);
          broadcast.ForRuns(first, last, [&](const auto& offsets, std::int64_t at, std::int64_t n) {
            BinaryRun<Op, T, R>(fns, a + offsets[0], sa, b + offsets[1], sb, y + at, n);
          });
          if constexpr (std::is_same_v<R, float>) activation.Apply(y + first, last - first);
        }
      });
  return WithLoops(std::move(step), context, BinaryOperations<Op, T>() * OutputElements(context));
}

// A run of `length` elements of a blocked plane; `pixel` is the first one's.
struct BlockedRun {
  std::int64_t image;
  std::int64_t block;   // of the image
  std::int64_t at;      // in the output
  std::int64_t pixel;   // in the plane
  std::int64_t length;  // a multiple of 16
};

// Where an operand's values for a run begin, and how they go on.
struct BlockedSource {
  const float* values;
  std::int64_t pixel_step;  // elements from one pixel's value or lanes to the next one's
  std::int64_t lane_step;   // 0: one value for all lanes
};

BlockedSource SourceOf(const BlockedBinary::Operand& operand, const float* input,
                       const BlockedRun& run);

template <typename Op>
void BinaryBlockedRun(const kernels::BinaryFns* fns, const BlockedBinary& plan,
                      const float* const inputs[2], const BlockedRun& run, float* y) {
  const BlockedOperand kinds[2] = {plan.operand[0].kind, plan.operand[1].kind};
  BlockedSource a = SourceOf(plan.operand[0], inputs[0], run);
  BlockedSource b = SourceOf(plan.operand[1], inputs[1], run);
  const auto is_flat = [](BlockedOperand kind) {
    return kind == BlockedOperand::kFull || kind == BlockedOperand::kScalar;
  };
  if (is_flat(kinds[0]) && is_flat(kinds[1])) {
    BinaryRun<Op, float, float>(fns, a.values, a.lane_step, b.values, b.lane_step, y, run.length);
    return;
  }
  if constexpr (HasKernel<Op>) {
    const auto pixels = static_cast<std::size_t>(run.length / kernels::kBlock);
    if (kinds[1] == BlockedOperand::kChannels) {
      fns->pixels_channels(a.values, b.values, y, pixels);
    } else if (kinds[0] == BlockedOperand::kChannels) {
      fns->channels_pixels(a.values, b.values, y, pixels);
    } else if (kinds[1] == BlockedOperand::kPixels) {
      fns->pixels_scalars(a.values, b.values, 1, y, pixels);
    } else {
      fns->scalars_pixels(a.values, 1, b.values, y, pixels);
    }
  } else {
    for (std::int64_t i = 0; i < run.length; i += kernels::kBlock) {
      ScalarRun<Op, float, float>(a.values, a.lane_step, b.values, b.lane_step, y + i,
                                  kernels::kBlock);
      a.values += a.pixel_step;
      b.values += b.pixel_step;
    }
  }
}

template <typename Op>
std::unique_ptr<Step> PlanBinaryBlocked(PlanContext& context, const BlockedBinary& plan) {
  const BlockedPlanes planes(context.OutputShape(0));
  const PlaneUnits units = planes.Units();
  const ActivationFn activation(context.node().fusion);
  const kernels::BinaryFns* fns = KernelOf<Op>();
  // A scalar or pixel operand reaches the pad lanes; so does an activation that moves zero.
  bool zero_pads = Op::template Of<float>(0.0f, 0.0f) != 0.0f || !activation.KeepsZero();
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
                                BinaryBlockedRun<Op>(fns, plan, inputs, run, y);
                                activation.Apply(y, length);
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
