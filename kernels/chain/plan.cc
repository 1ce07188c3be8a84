// How a chain is cut, and what that takes.
#include <algorithm>
#include <limits>

#include "kernels/chain/chain.h"
#include "kernels/chain/geometry.h"
#include "kernels/common/partition.h"
#include "kernels/conv/choose.h"
#include "kernels/conv/shape.h"

namespace kinglet::kernels {
namespace {

// Strips longer than this gain nothing; units shorter than that are mostly tails of tiles.
constexpr int64_t kMaxStripPixels = 256;
constexpr int64_t kMinUnitPixels = 48;
constexpr int64_t kUnitsPerThread = 8;

bool IsPointwise(const ConvShape& s) {
  return s.groups == 1 && s.kh == 1 && s.kw == 1 && s.sh == 1 && s.sw == 1 && s.pad_top == 0 &&
         s.pad_left == 0 && s.ih == s.oh && s.iw == s.ow;
}

bool Follows(const ConvShape& first, const ConvShape& second) {
  return first.n == second.n && first.oc == second.ic && first.oh == second.ih &&
         first.ow == second.iw;
}

double WeightBytes(const ConvChain& chain) {
  return (chain.expands ? WeightBytes(chain.expand) : 0) + WeightBytes(chain.depthwise) +
         WeightBytes(chain.project);
}

double ScratchBytes(const ConvChain& chain, int64_t strip_rows) {
  return 4.0 * static_cast<double>(StripFloats(chain, strip_rows) +
                                   RingFloats(chain, RingRows(chain, strip_rows)));
}

// Bytes that come from beyond the second-level cache for every strip: scratch and weights, as far
// as they exceed half of it, and everything once they exceed all of it.
double SpilledBytes(const ConvChain& chain, int64_t strip_rows, const MachineModel& machine) {
  const double bytes = ScratchBytes(chain, strip_rows) + WeightBytes(chain);
  const double half = machine.l2_bytes / 2;
  return bytes * std::clamp((bytes - half) / half, 0.0, 1.0);
}

// The equal strips of a unit that spill least, as long as they can be.
int64_t StripRows(const ConvChain& chain, int64_t unit_rows, const MachineModel& machine) {
  const int64_t most = std::clamp<int64_t>(kMaxStripPixels / chain.depthwise.ow, 1, unit_rows);
  int64_t best = 1;
  double least = std::numeric_limits<double>::infinity();
  for (int64_t rows = 1; rows <= most; ++rows) {
    const double spilled = SpilledBytes(chain, rows, machine) / static_cast<double>(rows);
    if (spilled > least) continue;
    least = spilled;
    best = rows;
  }
  return CeilDiv(unit_rows, CeilDiv(unit_rows, best));
}

ChainPlan Cut(const ConvChain& chain, int64_t units_per_image, const MachineModel& machine) {
  ChainPlan plan;
  plan.chain = chain;
  plan.units_per_image = units_per_image;
  plan.strip_rows = StripRows(chain, CeilDiv(chain.project.oh, units_per_image), machine);
  plan.ring_rows = RingRows(chain, plan.strip_rows);
  return plan;
}

// Expanded rows that two neighbouring units both need, as a share of the map.
double TwiceExpanded(const ConvChain& chain) {
  const ConvShape& s = chain.depthwise;
  const int64_t shared = std::max<int64_t>(SpannedRows(s) - s.sh, 0);
  return chain.expands ? static_cast<double>(shared) / static_cast<double>(s.ih) : 0;
}

// Seconds of arithmetic on one core, as the variant itself reckons: on a machine whose memory costs
// nothing.
double ArithmeticSeconds(const char* id, const ConvShape& s, MachineModel machine) {
  constexpr double kFree = std::numeric_limits<double>::max();
  machine.l2_gbps = machine.l3_gbps = machine.l3_all_gbps = kFree;
  machine.dram_gbps = machine.dram_all_gbps = kFree;
  machine.step_seconds = machine.handover_seconds = 0;
  return FindConvVariant(id)->cost(s, 1, machine);
}

}  // namespace

bool IsChain(const ConvChain& chain) noexcept {
  const ConvShape& s = chain.depthwise;
  if (s.groups != s.ic || s.ic != s.oc) return false;
  if (!IsPointwise(chain.project) || !Follows(s, chain.project)) return false;
  return !chain.expands || (IsPointwise(chain.expand) && Follows(chain.expand, s));
}

double ChainSeconds(const ChainPlan& plan, int threads, const MachineModel& machine) {
  const ConvChain& chain = plan.chain;
  const ConvShape& out = chain.project;
  const double twice = TwiceExpanded(chain) * static_cast<double>(plan.units_per_image - 1);
  double before = ArithmeticSeconds("conv/depthwise_f32", chain.depthwise, machine);
  if (chain.expands) {
    before += (1 + twice) * ArithmeticSeconds("conv/direct_f32", chain.expand, machine);
  }
  const ConvShape& first = chain.expands ? chain.expand : chain.depthwise;
  const auto n = static_cast<double>(out.n);
  const double input = 4.0 * n * static_cast<double>(first.ic * first.ih * first.iw) * (1 + twice);
  const double output = 4.0 * n * static_cast<double>(out.oc * out.oh * out.ow);
  // The input is read while nothing is projected, and the output is written while nothing is read:
  // traffic hides behind the arithmetic of its own part alone. They share the caches.
  const auto part = [&](double seconds, double read, double write) {
    MachineModel partial = machine;
    partial.l2_bytes *= (read + write) / (input + output);
    partial.l3_bytes *= (read + write) / (input + output);
    const Work work{.flops = seconds * machine.peak_gflops * 1e9,
                    .gflops = machine.peak_gflops,
                    .read_bytes = read,
                    .write_bytes = write,
                    .units = plan.units()};
    return PredictSeconds(work, threads, partial) - PredictSeconds({}, threads, machine);
  };
  const double strips = n * static_cast<double>(CeilDiv(out.oh, plan.strip_rows));
  const double spilled = strips * SpilledBytes(chain, plan.strip_rows, machine);
  return PredictSeconds({.weight_bytes = WeightBytes(chain)}, threads, machine) +
         part(before, input, 0) +
         part(ArithmeticSeconds("conv/direct_f32", out, machine), 0, output) +
         1e-9 * kBarelyHidden * spilled / (machine.l3_gbps * threads);
}

double SeparateSeconds(const ConvChain& chain, int threads, const MachineModel& machine) {
  const auto best = [&](const ConvShape& s) {
    return RankConvVariants(s, threads, machine, {.may_block = true, .input_blocked = true})
        .front()
        .seconds;
  };
  return (chain.expands ? best(chain.expand) : 0) + best(chain.depthwise) + best(chain.project);
}

ChainPlan PlanChain(const ConvChain& chain, int threads, const MachineModel& machine) {
  const ConvShape& out = chain.project;
  const int64_t wanted = threads == 1 ? 1 : CeilDiv(kUnitsPerThread * threads, out.n);
  const int64_t most =
      std::clamp<int64_t>(std::min(wanted, out.oh * out.ow / kMinUnitPixels), 1, out.oh);
  // The thread that ends last keeps the others waiting, for a part of a unit.
  constexpr double kWaitForUnit = 0.1;
  ChainPlan best;
  double best_seconds = std::numeric_limits<double>::infinity();
  for (int64_t units = 1; units <= most; ++units) {
    ChainPlan plan = Cut(chain, units, machine);
    const double wait = threads == 1 ? 0
                                     : kWaitForUnit * ChainSeconds(plan, 1, machine) /
                                           static_cast<double>(plan.units());
    const double seconds = ChainSeconds(plan, threads, machine) + wait;
    if (seconds >= best_seconds) continue;
    best_seconds = seconds;
    best = plan;
  }
  best.gemm = ResolveGatherGemm();
  best.depthwise_rows = ResolveDepthwiseRows();
  return best;
}

}  // namespace kinglet::kernels
