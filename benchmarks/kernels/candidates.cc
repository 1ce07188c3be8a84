#include "benchmarks/kernels/candidates.h"

#include <memory>
#include <utility>

#include "benchmarks/kernels/variant_run.h"
#include "kernels/common/blocked.h"
#include "kernels/common/predict.h"
#include "kernels/conv/choose.h"
#include "kernels/gemm/choose.h"
#include "kernels/layout/layout.h"
#include "measure/common/repeat.h"
#include "measure/kernels/layers.h"

namespace kinglet::benchmarks {
namespace {

constexpr int64_t kPictureChannels = 4;

// A change of layout of one tensor.
class ReorderRun {
 public:
  ReorderRun(int64_t n, const measure::Volume& v, bool to_blocked)
      : reorder_{n, v.c, v.h, v.w, v.c * v.h * v.w, kernels::BlockedCount(1, v.c, v.h, v.w)},
        to_blocked_(to_blocked),
        plain_(Filled(n * reorder_.plain_batch_stride)),
        blocked_(Filled(n * reorder_.blocked_batch_stride)) {}

  void Run(measure::Team& team) {
    team.Run(UnitCount(reorder_), 0, [this](int64_t begin, int64_t end, void*) {
      const kernels::LayoutTable& table = kernels::GetLayoutTable();
      if (to_blocked_) {
        table.to_blocked(reorder_, plain_.data(), blocked_.data(), begin, end);
      } else {
        table.to_plain(reorder_, blocked_.data(), plain_.data(), begin, end);
      }
    });
  }

 private:
  kernels::Reorder reorder_;
  bool to_blocked_;
  kernels::AlignedBuffer<float> plain_, blocked_;
};

template <typename VariantRun>
void RunOn(measure::Team& team, const VariantRun& run) {
  team.Run(run.units(), run.scratch_bytes(),
           [&](int64_t begin, int64_t end, void* scratch) { run.Run(begin, end, scratch); });
}

// The cheapest variant that neither reads nor writes plain tensors; there always is one in a chain.
const kernels::ConvVariant* BestBlocked(const kernels::ConvShape& s, int threads,
                                        const kernels::MachineModel& machine) {
  for (const kernels::ConvCandidate& ranked :
       kernels::RankConvVariants(s, threads, machine, {true, true})) {
    const kernels::ConvVariant& variant = *ranked.variant;
    if (variant.input.blocked() && variant.output.blocked()) {
      return &variant;
    }
  }
  return nullptr;
}

kernels::OperandTypes TypesAround(kernels::ElementType type, bool blocked) {
  using kernels::ElementType;
  if (type == ElementType::kUInt8) return {type, ElementType::kInt16, type};
  const bool picture = type == ElementType::kBFloat16 && !blocked;
  return {picture ? ElementType::kFloat32 : type, ElementType::kFloat32, type};
}

}  // namespace

std::vector<Candidate> ConvCandidates(const kernels::ConvShape& s, kernels::ElementType type,
                                      int threads, const kernels::MachineModel& machine) {
  const bool blocked = s.ic > kPictureChannels;
  const kernels::ConvNeighbours neighbours = {
      .may_block = true, .input_blocked = blocked, .types = TypesAround(type, blocked)};
  std::vector<Candidate> candidates;
  for (const kernels::ConvCandidate& ranked :
       kernels::RankConvVariants(s, threads, machine, neighbours)) {
    const kernels::ConvVariant& variant = *ranked.variant;
    const bool reorders = variant.input.blocked() != blocked || !variant.output.blocked();
    if (reorders && type != kernels::ElementType::kFloat32) continue;  // no network has it
    const auto run = std::make_shared<ConvRun>(variant, s);
    std::shared_ptr<ReorderRun> before, after;
    if (variant.input.blocked() != blocked) {
      before = std::make_shared<ReorderRun>(s.n, measure::Volume{s.ic, s.ih, s.iw}, !blocked);
    }
    if (!variant.output.blocked()) {
      after = std::make_shared<ReorderRun>(s.n, measure::Volume{s.oc, s.oh, s.ow}, true);
    }
    candidates.push_back({variant.id, ranked.seconds, [run, before, after](measure::Team& team) {
                            if (before) before->Run(team);
                            RunOn(team, *run);
                            if (after) after->Run(team);
                          }});
  }
  return candidates;
}

std::vector<Candidate> ChainCandidates(const kernels::ConvChain& chain, int threads,
                                       const kernels::MachineModel& machine) {
  const kernels::ChainPlan plan = kernels::PlanChain(chain, threads, machine);
  const auto together = std::make_shared<ChainRun>(plan);
  std::vector<std::shared_ptr<ConvRun>> parts;
  for (const kernels::ConvShape* s : {&chain.expand, &chain.depthwise, &chain.project}) {
    if (s == &chain.expand && !chain.expands) continue;
    const kernels::ConvVariant* variant = BestBlocked(*s, threads, machine);
    const float* input = parts.empty() ? nullptr : parts.back()->output();
    parts.push_back(std::make_shared<ConvRun>(*variant, *s, input));
  }
  std::vector<Candidate> candidates;
  candidates.push_back({plan.id(),
                        kernels::PredictSeconds(kernels::ChainWork(plan, threads), machine),
                        [together](measure::Team& team) { RunOn(team, *together); }});
  candidates.push_back({"one by one", kernels::SeparateSeconds(chain, threads, machine),
                        [parts](measure::Team& team) {
                          for (const auto& part : parts) RunOn(team, *part);
                        }});
  if (candidates[1].predicted_seconds < candidates[0].predicted_seconds) {
    std::swap(candidates[0], candidates[1]);
  }
  return candidates;
}

std::vector<Candidate> GemmCandidates(const kernels::GemmShape& s, int threads,
                                      const kernels::MachineModel& machine) {
  std::vector<Candidate> candidates;
  for (const kernels::GemmCandidate& ranked : kernels::RankGemmVariants(s, threads, machine)) {
    const auto run = std::make_shared<GemmRun>(*ranked.variant, s);
    candidates.push_back(
        {ranked.variant->id, ranked.seconds, [run](measure::Team& team) { RunOn(team, *run); }});
  }
  return candidates;
}

void Measure(std::vector<Candidate>& candidates, measure::Team& team, double budget_seconds) {
  std::vector<std::function<void()>> runs;
  std::vector<double> seconds;
  for (const Candidate& candidate : candidates) {
    runs.push_back([&] { candidate.run(team); });
    seconds.push_back(candidate.seconds);
  }
  measure::ShortestInTurns(runs, budget_seconds, seconds);
  for (std::size_t i = 0; i < candidates.size(); ++i) candidates[i].seconds = seconds[i];
}

}  // namespace kinglet::benchmarks
