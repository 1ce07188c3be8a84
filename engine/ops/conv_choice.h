// The choice among the kernels for two-dimensional convolutions.
#pragma once

#include "engine/cost/choice_key.h"
#include "engine/op/op.h"
#include "kernels/common/work.h"
#include "kernels/conv/conv.h"

namespace kinglet {

// The kernel, null when no variant takes the shape, what it does, and its seconds where they were
// measured.
struct ChosenConv {
  const kernels::ConvVariant* variant = nullptr;
  ChoiceKey key;
  kernels::Work work;
  double measured_seconds = 0;

  // Says of the step around it how it was chosen.
  void Describe(Step& step) const;
};

// Among the variants that read and write these types, and call what follows where something does;
// input 0 and output 0 are the tensors.
ChosenConv ChooseConvVariant(const PlanContext& context, const kernels::ConvShape& shape,
                             const kernels::OperandTypes& types, bool followed = false);

}  // namespace kinglet
