// The order in which product variants are worth running a shape.
#pragma once

#include <span>
#include <vector>

#include "kernels/common/machine_model.h"
#include "kernels/gemm/gemm.h"

namespace kinglet::kernels {

struct GemmCandidate {
  const GemmVariant* variant;
  Work work;
  double seconds;  // predicted
};

// Every one of `variants` that can compute the shape with these types and needs no more than the
// machine's features, the cheapest first; of equal ones, the first. Nothing of this machine
// decides.
std::vector<GemmCandidate> RankGemmVariants(const GemmShape& shape, int threads,
                                            const MachineModel& machine,
                                            const OperandTypes& types = {},
                                            std::span<const GemmVariant> variants = GemmVariants());

}  // namespace kinglet::kernels
