#include "kernels/conv/choose.h"

#include <algorithm>

namespace kinglet::kernels {
namespace {

// What changing the layout around a variant costs: the input when it is not there in the layout
// that the variant reads, and a plain output that the next convolution wants blocked.
double ReorderSeconds(const ConvShape& s, const ConvVariant& variant, const MachineModel& machine,
                      const ConvNeighbours& neighbours) {
  double bytes = 0;
  if ((variant.input == Layout::kBlocked16) != neighbours.input_blocked) {
    bytes += 2.0 * 4.0 * static_cast<double>(s.n * s.ic * s.ih * s.iw);
  }
  if (variant.output == Layout::kPlain) {
    bytes += 2.0 * 4.0 * static_cast<double>(s.n * s.oc * s.oh * s.ow);
  }
  return bytes / (machine.dram_gbps * 1e9);
}

}  // namespace

std::vector<ConvCandidate> RankConvVariants(const ConvShape& shape, int threads,
                                            const MachineModel& machine,
                                            const ConvNeighbours& neighbours) {
  std::vector<ConvCandidate> candidates;
  for (const ConvVariant& variant : ConvVariants()) {
    const bool blocks = variant.input == Layout::kBlocked16 || variant.output == Layout::kBlocked16;
    if ((blocks && !neighbours.may_block) || !variant.supports(shape)) continue;
    if (variant.error_factor != 0 && !neighbours.winograd) continue;
    double seconds = variant.cost(shape, threads, machine);
    if (neighbours.may_block) seconds += ReorderSeconds(shape, variant, machine, neighbours);
    candidates.push_back({&variant, seconds});
  }
  std::stable_sort(
      candidates.begin(), candidates.end(),
      [](const ConvCandidate& a, const ConvCandidate& b) { return a.seconds < b.seconds; });
  return candidates;
}

}  // namespace kinglet::kernels
