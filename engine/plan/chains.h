// Convolutions that follow one another and could run as one step.
#pragma once

#include <map>
#include <vector>

#include "engine/infer/inference.h"
#include "engine/ops/conv_chain.h"

namespace kinglet {

// By their first nodes, the longer ones first.
using Chains = std::map<const Node*, std::vector<ConvChainNodes>>;

// The chains of kernels/chain/chain.h among `nodes`, those that will run. What lies between two
// convolutions of a chain is read by the second alone and is none of `outputs`.
Chains FindChains(const std::vector<const Node*>& nodes, const std::vector<ValueId>& outputs,
                  GraphStates& states);

}  // namespace kinglet
