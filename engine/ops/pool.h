// What a pool over windows is to the kernels.
#pragma once

#include "engine/op/op.h"
#include "engine/ops/spatial.h"
#include "kernels/pool/pool.h"

namespace kinglet {

// `window` has one to three spatial dimensions; one is a row, three are a volume. Without strides
// between images.
kernels::Pool ImagePoolOf(const PlanContext& context, const Window& window);

}  // namespace kinglet
