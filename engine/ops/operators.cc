#include "engine/op/operators.h"

namespace kinglet {

#define KINGLET_OP(Name) const OpDef& Op##Name();
#include "engine/ops/ops.inc"
#undef KINGLET_OP

std::vector<const OpDef*> ListOperators() {
  return {
#define KINGLET_OP(Name) &Op##Name(),
#include "engine/ops/ops.inc"
#undef KINGLET_OP
  };
}

}  // namespace kinglet
