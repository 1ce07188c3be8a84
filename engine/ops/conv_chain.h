// Convolutions that follow one another, as one step: kernels/chain/chain.h for nodes Conv.
#pragma once

#include <memory>
#include <vector>

#include "engine/op/joined.h"
#include "kernels/chain/chain.h"

namespace kinglet {

// Two or three nodes Conv of which each reads what the one before it makes, and nobody else does.
// As one node they have the input, then weights and bias (or kNoValue) of each convolution, then
// the residual of the last one where it has one; the output of the last one.
struct ConvChainNodes final : JoinedNodes {
  kernels::ConvChain shapes;

  JoinedStep Choose(int threads, const CostModel& cost) const override;
};

// Adds the chains among the nodes. What lies between two convolutions of a chain is none of the
// request's outputs.
void FindConvChains(const JoinRequest& request, std::vector<std::unique_ptr<JoinedNodes>>& found);

}  // namespace kinglet
