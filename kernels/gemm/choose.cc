#include "kernels/gemm/choose.h"

#include <algorithm>

#include "kernels/common/predict.h"

namespace kinglet::kernels {

std::vector<GemmCandidate> RankGemmVariants(const GemmShape& shape, int threads,
                                            const MachineModel& machine, const OperandTypes& types,
                                            std::span<const GemmVariant> variants) {
  std::vector<GemmCandidate> candidates;
  for (const GemmVariant& variant : variants) {
    if (TypesOf(variant) != types || !machine.features.Contains(variant.needs)) continue;
    if (!variant.supports(shape)) continue;
    const Work work = variant.work(shape, threads);
    candidates.push_back({&variant, work, PredictSeconds(work, machine)});
  }
  std::stable_sort(
      candidates.begin(), candidates.end(),
      [](const GemmCandidate& a, const GemmCandidate& b) { return a.seconds < b.seconds; });
  return candidates;
}

}  // namespace kinglet::kernels
