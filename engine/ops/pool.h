// What a pool over windows is to the kernels.
#pragma once

#include "engine/op/op.h"
#include "engine/ops/spatial.h"
#include "kernels/pool/pool.h"

namespace kinglet {

// `window` has one to three spatial dimensions; one is a row, three are a volume. Without strides
// between images.
kernels::Pool ImagePoolOf(const PlanContext& context, const Window& window);

// Input 0 has images of uint8 in blocks, and there is something to pool: kernels/pool/pool_u8.h.
bool HasCodeBlocks(const PlanContext& context);

// Input 0 is read as blocks of codes and output 0 written so: `p` with the strides between images.
kernels::Pool ReadAndWriteCodes(PlanContext& context, kernels::Pool p);

}  // namespace kinglet
