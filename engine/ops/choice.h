// The choices that operators put to the cost model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/cost/choice_key.h"
#include "engine/op/op.h"
#include "kernels/common/tensor_desc.h"

namespace kinglet {

// The choice of a node that computes with a kernel of this family, for this shape and these types,
// with what is fused behind it and on the threads that the context plans for.
ChoiceKey MakeChoiceKey(const PlanContext& context, std::string family,
                        std::vector<std::int64_t> shape, const kernels::OperandTypes& types);

// What the activation that is fused into the node adds to its work.
void AddFusedActivation(const PlanContext& context, kernels::Work& work);

}  // namespace kinglet
