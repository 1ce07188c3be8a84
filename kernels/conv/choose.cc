#include "kernels/conv/choose.h"

#include <algorithm>

#include "kernels/common/predict.h"
#include "kernels/layout/layout.h"

namespace kinglet::kernels {
namespace {

// What changing the layout around a variant costs: the input when it is not there in the layout
// that the variant reads, and a plain output that the next convolution wants blocked. So few
// channels that a block would be all but empty no convolution is likely to want.
double AroundSeconds(const ConvShape& s, const ConvVariant& variant, int threads,
                     const MachineModel& machine, const ConvNeighbours& neighbours) {
  double total = 0;
  if (variant.input.blocked() != neighbours.input_blocked) {
    total += PredictSeconds(ReorderWork(s.n, s.ic, s.ih, s.iw, threads), machine);
  }
  constexpr int64_t kFewChannels = 3;
  if (!variant.output.blocked() && s.oc > kFewChannels) {
    total += PredictSeconds(ReorderWork(s.n, s.oc, s.oh, s.ow, threads), machine);
  }
  return total;
}

}  // namespace

std::vector<ConvCandidate> RankConvVariants(const ConvShape& shape, int threads,
                                            const MachineModel& machine,
                                            const ConvNeighbours& neighbours,
                                            std::span<const ConvVariant> variants) {
  std::vector<ConvCandidate> candidates;
  for (const ConvVariant& variant : variants) {
    if (TypesOf(variant) != neighbours.types) continue;
    if (!machine.features.Contains(variant.needs)) continue;
    const bool blocks = variant.input.blocked() || variant.output.blocked();
    if ((blocks && !neighbours.may_block) || !variant.supports(shape)) continue;
    if (neighbours.followed && !variant.follows) continue;
    if (variant.error_factor != 0 && !neighbours.winograd) continue;
    const double around =
        neighbours.may_block ? AroundSeconds(shape, variant, threads, machine, neighbours) : 0;
    const Work work = variant.work(shape, threads);
    candidates.push_back({&variant, work, PredictSeconds(work, machine) + around, around});
  }
  std::stable_sort(
      candidates.begin(), candidates.end(),
      [](const ConvCandidate& a, const ConvCandidate& b) { return a.seconds < b.seconds; });
  return candidates;
}

}  // namespace kinglet::kernels
