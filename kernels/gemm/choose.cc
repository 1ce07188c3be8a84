#include "kernels/gemm/choose.h"

#include <algorithm>

namespace kinglet::kernels {

std::vector<GemmCandidate> RankGemmVariants(const GemmShape& shape, int threads,
                                            const MachineModel& machine) {
  std::vector<GemmCandidate> candidates;
  for (const GemmVariant& variant : GemmVariants()) {
    if (!variant.supports(shape)) continue;
    candidates.push_back({&variant, variant.cost(shape, threads, machine)});
  }
  std::stable_sort(
      candidates.begin(), candidates.end(),
      [](const GemmCandidate& a, const GemmCandidate& b) { return a.seconds < b.seconds; });
  return candidates;
}

}  // namespace kinglet::kernels
