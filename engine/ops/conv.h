// What a node Conv is to the kernels.
#pragma once

#include "engine/op/op.h"
#include "engine/ops/spatial.h"
#include "kernels/conv/conv.h"

namespace kinglet {

// `window` has one or two spatial dimensions; one is a row.
kernels::ConvShape ConvShapeOf(const PlanContext& context, const Window& window);
// The same without groups, of NCHW shapes.
kernels::ConvShape ConvShapeOf(const Shape& input, const Shape& output, const Window& window);

// Weights (input i, known) in the form of a variant, and bias (input i, known or absent: null)
// padded to whole blocks. Neither is read when the step runs.
template <typename Variant, typename ConvolutionShape>
const void* PackWeights(PlanContext& context, std::size_t i, const Variant& variant,
                        const ConvolutionShape& shape) {
  context.DoNotRead(i);
  return context.Packed(i, variant.packed_format(shape), variant.packed_bytes(shape),
                        [&](void* to) { variant.pack(shape, context.InputValue(i)->raw(), to); });
}
const float* PackBias(PlanContext& context, std::size_t i, std::int64_t channels);

}  // namespace kinglet
