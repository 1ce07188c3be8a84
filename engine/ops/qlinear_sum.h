// A convolution of codes and the sum of its result and another branch as one step: codes are added
// while they are in the nearest cache, by the kernel that the sum has by itself, so that they are
// the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/op/joined.h"
#include "kernels/conv/conv.h"
#include "kernels/quantize/code_ops.h"

namespace kinglet {

// What QLinearAdd of uint8 tensors does: x and y with their scales and zero points, to those of z.
struct CodeScale {
  float scale = 1;
  std::int32_t zero_point = 0;
};
kernels::CodeSum CodeSumOf(const CodeScale& x, const CodeScale& y, const CodeScale& z);

// The branch that is added to what a convolution makes: input kResidual of the joined node, stored
// as the output.
struct CodeResidual {
  kernels::CodeSum sum;
  bool first = false;  // it is x of the sum, what the convolution makes is y
};

// QLinearConv, then QLinearAdd, which alone reads what the convolution makes. As one node they have
// the inputs of the convolution, then the other branch; the output of the sum.
struct ConvSumNodes final : JoinedNodes {
  static constexpr std::size_t kResidual = 9;
  kernels::ConvShape shape;
  CodeResidual residual;

  JoinedStep Choose(int threads, const CostModel& cost) const override;
};

// Adds those among the nodes, of which all but the two branches is known before running.
void FindConvSums(const JoinRequest& request, std::vector<std::unique_ptr<JoinedNodes>>& found);

// QLinearConv whose operands are images of uint8, all else known: where a variant for codes takes
// it, `shape` is set.
bool MayRunOnCodes(const PlanContext& context, kernels::ConvShape& shape);
// The step of the joined node.
std::unique_ptr<Step> PlanConvSum(PlanContext& context, const CodeResidual& residual);

}  // namespace kinglet
