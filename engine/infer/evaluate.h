// Evaluating one node on the spot: constant folding, shape arithmetic, tests of operators.
#pragma once

#include <span>
#include <vector>

#include "engine/op/context.h"

namespace kinglet {

// Infers, plans and runs `node` on plain tensors, on this thread. `inputs` are positional, null for
// an absent one; the result has one tensor for each output of the node (undefined where the node's
// output is kNoValue). Throws what the operator throws, Error(kInvalidInput) when its data is
// wrong.
std::vector<Tensor> EvaluateNode(const Node& node, std::span<const Tensor* const> inputs,
                                 const Limits& limits = {});

// The same for tests: a node of operator `op` with these attributes at this opset version.
std::vector<Tensor> EvaluateOp(const std::string& op, const std::vector<Tensor>& inputs,
                               Attributes attributes = {}, int opset = 17,
                               std::size_t output_count = 1);

}  // namespace kinglet
