// What a pool over windows is to the kernels.
#pragma once

#include "engine/op/op.h"
#include "engine/ops/spatial.h"
#include "kernels/pool/pool.h"

namespace kinglet {

// `window` has one or two spatial dimensions; one is a row. Without strides between images.
kernels::Pool ImagePoolOf(const PlanContext& context, const Window& window);

}  // namespace kinglet
