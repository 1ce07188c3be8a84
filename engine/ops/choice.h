// The choices that operators put to the cost model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/cost/choice_key.h"
#include "engine/op/op.h"

namespace kinglet {

// That of a node that computes in float32 with a kernel of this family, for this shape, with what
// is fused behind it and on the threads that the context plans for.
ChoiceKey FloatChoice(const PlanContext& context, std::string family,
                      std::vector<std::int64_t> shape);

}  // namespace kinglet
