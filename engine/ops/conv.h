// What a node Conv is to the kernels.
#pragma once

#include "engine/ops/op.h"
#include "engine/ops/spatial.h"
#include "kernels/conv/conv.h"

namespace kinglet {

// `window` has one or two spatial dimensions; one is a row.
kernels::ConvShape ConvShapeOf(const PlanContext& context, const Window& window);

}  // namespace kinglet
