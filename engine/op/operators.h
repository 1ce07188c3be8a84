// What engine/ops adds to the contracts. It knows them, and they do not know it: it defines what is
// declared here.
#pragma once

#include <vector>

#include "engine/op/op.h"

namespace kinglet {

// All operators, in any order.
std::vector<const OpDef*> ListOperators();

}  // namespace kinglet
