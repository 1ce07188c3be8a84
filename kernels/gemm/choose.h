// The order in which product variants are worth running a shape.
#pragma once

#include <vector>

#include "kernels/common/machine_model.h"
#include "kernels/gemm/gemm.h"

namespace kinglet::kernels {

struct GemmCandidate {
  const GemmVariant* variant;
  Work work;
  double seconds;  // predicted
};

// Every variant that can compute the shape with these types, the cheapest first; of equal ones, the
// first of variants.inc.
std::vector<GemmCandidate> RankGemmVariants(const GemmShape& shape, int threads,
                                            const MachineModel& machine,
                                            const OperandTypes& types = {});

}  // namespace kinglet::kernels
