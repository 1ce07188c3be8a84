// Operators of two operands that broadcast: the plans that all of them share, with the element
// function as a template argument `Op` that has
//   template <typename T> static R Of(T a, T b);
// and, where kernels/eltwise has it for float32, a constant kKernel. Only the innermost loops know
// the types; the plans and steps around them are compiled once.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <type_traits>

#include "engine/ops/broadcast.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "kernels/eltwise/binary.h"
#include "kernels/eltwise/integers.h"

namespace kinglet {

// Types equal, output type `type`, shape broadcast.
void InferBinary(InferContext& context, DataType output_type);

// Output i may take the memory of each input that has its type and shape.
void AllowInPlaceOfEqual(PlanContext& context, std::size_t inputs);

// An operator for operands of one type.
struct BinaryLoops {
  // y[i] = Op(a[i * a_stride], b[i * b_stride]), i < n, where the strides are 0 or 1.
  void (*run)(const void* a, std::int64_t a_stride, const void* b, std::int64_t b_stride, void* y,
              std::int64_t n);
  const kernels::BinaryFns* kernel = nullptr;  // the same for float32, where there is one
  std::int64_t operand_bytes = 0;              // an element
  std::int64_t result_bytes = 0;
  double operations = 0.5;  // of plain loops for an element, where they outlast the traffic
};

// The same as `loops.run`, by the kernel where there is one.
void RunBinary(const BinaryLoops& loops, const void* a, std::int64_t a_stride, const void* b,
               std::int64_t b_stride, void* y, std::int64_t n);

// Op::kKernel names the vector kernel of an operator that has one for float32.
template <typename Op>
concept HasKernel = requires {
  Op::kKernel;
};

// Op::kIntegers names the loop of an operator that has one for integers.
template <typename Op>
concept HasIntegers = requires {
  Op::kIntegers;
};

template <typename Op, typename T, typename R>
void ScalarRun(const void* a_data, std::int64_t a_stride, const void* b_data, std::int64_t b_stride,
               void* y_data, std::int64_t n) {
  const auto* a = static_cast<const T*>(a_data);
  const auto* b = static_cast<const T*>(b_data);
  auto* y = static_cast<R*>(y_data);
  if (a_stride != 0 && b_stride != 0) {
    for (std::int64_t i = 0; i < n; ++i) y[i] = Op::template Of<T>(a[i], b[i]);
  } else if (a_stride != 0) {
    const T scalar = *b;
    for (std::int64_t i = 0; i < n; ++i) y[i] = Op::template Of<T>(a[i], scalar);
  } else if (b_stride != 0) {
    const T scalar = *a;
    for (std::int64_t i = 0; i < n; ++i) y[i] = Op::template Of<T>(scalar, b[i]);
  } else {
    std::fill_n(y, n, Op::template Of<T>(*a, *b));
  }
}

// `Op` of two T, which gives R.
template <typename Op, typename T, typename R = T>
BinaryLoops LoopsOf() {
  BinaryLoops loops{
      .run = ScalarRun<Op, T, R>, .operand_bytes = sizeof(T), .result_bytes = sizeof(R)};
  if constexpr (HasIntegers<Op> && std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    const kernels::IntegerFn run =
        kernels::FindIntegers(Op::kIntegers, std::is_signed_v<T>, sizeof(T));
    if (run != nullptr) loops.run = run;
  }
  if constexpr (HasKernel<Op>) {
    if constexpr (std::is_same_v<T, float> && std::is_same_v<R, float>) {
      loops.kernel = &kernels::GetBinary(Op::kKernel);
      loops.operations = Op::kKernel == kernels::BinaryOp::kPow ? 8 : 0;
    } else if (Op::kKernel == kernels::BinaryOp::kDiv && std::is_integral_v<T>) {
      loops.operations = 4;
    }
  }
  return loops;
}

// Row-major operands and output.
std::unique_ptr<Step> PlanBinaryPlain(PlanContext& context, const BinaryLoops& loops);

// Operands and output of one type; blocked where the operands of float32 are.
std::unique_ptr<Step> PlanArithmetic(PlanContext& context, const BinaryLoops& loops);

// The same of any number type.
template <typename Op>
std::unique_ptr<Step> PlanArithmetic(PlanContext& context) {
  return PlanArithmetic(context, DispatchNumeric(context.InputType(0),
                                                 []<typename T>() { return LoopsOf<Op, T>(); }));
}

}  // namespace kinglet
