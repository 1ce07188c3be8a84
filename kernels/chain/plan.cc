// How a chain is cut, and what that takes.
#include <algorithm>
#include <limits>

#include "kernels/chain/chain.h"
#include "kernels/chain/geometry.h"
#include "kernels/common/partition.h"
#include "kernels/common/predict.h"
#include "kernels/conv/choose.h"
#include "kernels/conv/shape.h"
#include "kernels/depthwise/depthwise3_bf16.h"
#include "kernels/gemm/gather_pairs.h"

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

bool IsFloat(const ConvChain& chain) { return chain.stored == ElementType::kFloat32; }

double WeightBytes(const ConvChain& chain) {
  const double floats = (chain.expands ? WeightBytes(chain.expand) : 0) +
                        WeightBytes(chain.depthwise) + WeightBytes(chain.project);
  return floats / 4 * static_cast<double>(ElementBytes(chain.stored));
}

// What every strip goes through: scratch and weights.
double StripBytes(const ConvChain& chain, int64_t strip_rows) {
  return 4.0 * static_cast<double>(StripFloats(chain, strip_rows) +
                                   RingFloats(chain, RingRows(chain, strip_rows))) +
         WeightBytes(chain);
}

// The equal strips of a unit that spill least, as long as they can be.
int64_t StripRows(const ConvChain& chain, int64_t unit_rows, const MachineModel& machine) {
  const int64_t most = std::clamp<int64_t>(kMaxStripPixels / chain.depthwise.ow, 1, unit_rows);
  int64_t best = 1;
  double least = std::numeric_limits<double>::infinity();
  for (int64_t rows = 1; rows <= most; ++rows) {
    const double bytes = StripBytes(chain, rows);
    const double spilled = bytes * MissShare(bytes, machine.l2_bytes) / static_cast<double>(rows);
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

// Adds `times` the operations of a variant to a stage.
void AddOperations(const char* id, const ConvShape& s, double times, WorkStage& stage) {
  const Work work = FindConvVariant(id)->work(s, 1);
  for (Operations each : work.stages[0].operations) {
    each.count *= times;
    stage.Add(each);
  }
}

}  // namespace

bool IsChain(const ConvChain& chain) noexcept {
  const ConvShape& s = chain.depthwise;
  if (s.groups != s.ic || s.ic != s.oc) return false;
  if (!IsFloat(chain) && !(chain.stored == ElementType::kBFloat16 && Depthwise3Supports(s))) {
    return false;
  }
  if (!IsPointwise(chain.project) || !Follows(s, chain.project)) return false;
  return !chain.expands || (IsPointwise(chain.expand) && Follows(chain.expand, s));
}

CpuFeatures ChainNeeds(const ConvChain& chain) noexcept {
  return IsFloat(chain) ? CpuFeatures{} : CpuFeatures{CpuFeature::kAvx512Bf16};
}

const char* PointwiseOfChain(const ConvChain& chain) noexcept {
  return IsFloat(chain) ? "conv/direct_f32" : "conv/pairs_bf16";
}

const char* DepthwiseOfChain(const ConvChain& chain) noexcept {
  return IsFloat(chain) ? "conv/depthwise_f32" : "conv/depthwise3_bf16";
}

const char* ChainPlan::id() const {
  if (IsFloat(chain)) {
    return chain.expands ? "conv/chain_expand_dw_project_f32" : "conv/chain_dw_pw_f32";
  }
  return chain.expands ? "conv/chain_expand_dw_project_bf16" : "conv/chain_dw_pw_bf16";
}

Work ChainWork(const ChainPlan& plan, int threads) {
  const ConvChain& chain = plan.chain;
  const ConvShape& out = chain.project;
  const double times = 1 + TwiceExpanded(chain) * static_cast<double>(plan.units_per_image - 1);
  Work work = SharedWork({}, plan.units(), threads);
  // The input is read while nothing is projected, and the output is written while nothing is read:
  // traffic hides behind the arithmetic of its own part alone. That of weights hides behind none.
  auto& [weights, before, project] = work.stages;
  weights.weight_bytes = WeightBytes(chain);
  const auto traffic = [&](const ConvShape& s) {
    return ConvTrafficOf(s, chain.stored, chain.stored, 0);
  };
  before.read_bytes = times * traffic(chain.expands ? chain.expand : chain.depthwise).read_bytes;
  AddOperations(DepthwiseOfChain(chain), chain.depthwise, 1, before);
  if (chain.expands) AddOperations(PointwiseOfChain(chain), chain.expand, times, before);
  project.write_bytes = traffic(out).write_bytes;
  AddOperations(PointwiseOfChain(chain), out, 1, project);
  work.scratch_bytes = StripBytes(chain, plan.strip_rows);
  work.scratch_passes = static_cast<double>(out.n * CeilDiv(out.oh, plan.strip_rows));
  return work;
}

double SeparateSeconds(const ConvChain& chain, int threads, const MachineModel& machine) {
  const auto best = [&](const ConvShape& s) {
    return RankConvVariants(s, threads, machine,
                            {.may_block = true,
                             .input_blocked = true,
                             .types = {chain.stored, ElementType::kFloat32, chain.stored}})
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
                                     : kWaitForUnit * PredictSeconds(ChainWork(plan, 1), machine) /
                                           static_cast<double>(plan.units());
    const double seconds = PredictSeconds(ChainWork(plan, threads), machine) + wait;
    if (seconds >= best_seconds) continue;
    best_seconds = seconds;
    best = plan;
  }
  best.gemm = IsFloat(chain) ? ResolveGatherGemm() : ResolveGatherProduct(GatherProduct::kPairs);
  best.depthwise_rows = IsFloat(chain) ? ResolveDepthwiseRows() : ResolveDepthwise3Rows();
  return best;
}

}  // namespace kinglet::kernels
