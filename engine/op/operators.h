// What engine/ops adds to the contracts. It knows them, and they do not know it: it defines what is
// declared here.
#pragma once

#include <memory>
#include <vector>

#include "engine/op/joined.h"
#include "engine/op/op.h"

namespace kinglet {

// All operators, in any order.
std::vector<const OpDef*> ListOperators();

// All that could be one step together, in any order. Candidates may have nodes in common.
std::vector<std::unique_ptr<JoinedNodes>> FindJoinedNodes(const JoinRequest& request);

}  // namespace kinglet
