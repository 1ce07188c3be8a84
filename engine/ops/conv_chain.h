// Convolutions that follow one another, as one step: kernels/chain/chain.h for nodes Conv.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/op/op.h"
#include "kernels/chain/chain.h"

namespace kinglet {

// Two or three nodes Conv of which each reads what the one before it makes, and nobody else does.
struct ConvChainNodes {
  std::vector<const Node*> nodes;
  kernels::ConvChain shapes;
  // The chain as one node: the input, then weights and bias (or kNoValue) of each convolution, then
  // the residual of the last one where it has one; the output of the last one.
  Node joined;
};

// How one step computes the chain, where that is predicted to be faster than the nodes one by one.
std::optional<kernels::ChainPlan> WorthwhilePlan(const ConvChainNodes& chain, int threads,
                                                 const CostModel& cost);

// The step; `context` is that of `chain.joined`.
std::unique_ptr<Step> PlanConvChain(PlanContext& context, const ConvChainNodes& chain,
                                    const kernels::ChainPlan& plan);

}  // namespace kinglet
