#include "engine/op/operators.h"

#include "engine/ops/conv_chain.h"
#include "engine/ops/qlinear_sum.h"

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

std::vector<std::unique_ptr<JoinedNodes>> FindJoinedNodes(const JoinRequest& request) {
  std::vector<std::unique_ptr<JoinedNodes>> found;
  FindConvChains(request, found);
  FindConvSums(request, found);
  return found;
}

}  // namespace kinglet
