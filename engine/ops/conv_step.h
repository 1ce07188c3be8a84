// The step around a kernel for convolutions, two-dimensional ones or any (kernels/conv/conv.h,
// kernels/conv/volume.h): what is fused, packed and reused is alike.
#pragma once

#include <memory>
#include <string>

#include "engine/op/op.h"
#include "engine/ops/conv.h"
#include "engine/ops/elementwise.h"

namespace kinglet {

// "8 images x 4 parts"; parts of the whole batch where units do not end with an image.
std::string CutText(std::int64_t images, std::int64_t units);

// Weights are input 1, the bias input 2, a fused residual input 3. The first two are known.
template <typename Variant, typename ConvolutionShape>
std::unique_ptr<Step> MakeConvStep(PlanContext& context, const Variant& variant,
                                   const ConvolutionShape& shape) {
  kernels::ConvArgs args;
  args.packed = PackWeights(context, 1, variant, shape);
  args.bias = PackBias(context, 2, shape.oc);
  args.epilogue = FusedEpilogue(context.node().fusion);
  args.epilogue.type = variant.output.type;
  context.ReadAs(0, variant.input);
  context.WriteAs(0, variant.output);
  if (variant.output.blocked()) args.output_stride = context.OutputStride(0);
  const bool residual = context.node().fusion.residual;
  if (residual) {
    context.ReadAs(3, variant.output);
    context.AllowInPlace(0, 3);
  }
  const auto run = variant.run;
  auto step = MakeStep(variant.id, variant.units(shape),
                       [=](const StepArgs& a, std::int64_t begin, std::int64_t end) {
                         kernels::ConvArgs now = args;
                         now.input = a.inputs[0];
                         now.residual = residual ? a.inputs[3] : nullptr;
                         now.output = a.outputs[0];
                         now.again = a.again;
                         run(shape, now, begin, end, a.scratch);
                       });
  step->scratch_bytes = variant.scratch_bytes(shape);
  step->revision = variant.revision;
  step->cut = CutText(shape.n, step->units);
  return step;
}

}  // namespace kinglet
