#include "benchmarks/kernels/candidates.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "benchmarks/kernels/layers.h"
#include "benchmarks/kernels/variant_run.h"
#include "kernels/common/blocked.h"
#include "kernels/conv/choose.h"
#include "kernels/gemm/choose.h"
#include "kernels/layout/layout.h"

namespace kinglet::benchmarks {
namespace {

using kernels::Layout;

constexpr double kFarBehind = 3.0;
constexpr int kMinRounds = 3;
constexpr int kFirstTurns = 5;  // of a candidate that takes less than kTickSeconds
constexpr double kTickSeconds = 10e-3;
constexpr double kSampleSeconds = 200e-6;
constexpr int64_t kPictureChannels = 4;

// A change of layout of one tensor.
class ReorderRun {
 public:
  ReorderRun(int64_t n, const Volume& v, bool to_blocked)
      : reorder_{n, v.c, v.h, v.w, v.c * v.h * v.w, kernels::BlockedCount(1, v.c, v.h, v.w)},
        to_blocked_(to_blocked),
        plain_(Filled(n * reorder_.plain_batch_stride)),
        blocked_(Filled(n * reorder_.blocked_batch_stride)) {}

  void Run(Team& team) {
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
void RunOn(Team& team, const VariantRun& run) {
  team.Run(run.units(), run.scratch_bytes(),
           [&](int64_t begin, int64_t end, void* scratch) { run.Run(begin, end, scratch); });
}

// The cheapest variant that neither reads nor writes plain tensors; there always is one in a chain.
const kernels::ConvVariant* BestBlocked(const kernels::ConvShape& s, int threads,
                                        const kernels::MachineModel& machine) {
  for (const kernels::ConvCandidate& ranked :
       kernels::RankConvVariants(s, threads, machine, {true, true})) {
    const kernels::ConvVariant& variant = *ranked.variant;
    if (variant.input == Layout::kBlocked16 && variant.output == Layout::kBlocked16) {
      return &variant;
    }
  }
  return nullptr;
}

double TimeOnce(const Candidate& candidate, Team& team, int repeats) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < repeats; ++i) candidate.run(team);
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  return time.count() / repeats;
}

}  // namespace

std::vector<Candidate> ConvCandidates(const kernels::ConvShape& s, int threads,
                                      const kernels::MachineModel& machine) {
  const bool blocked = s.ic > kPictureChannels;
  std::vector<Candidate> candidates;
  for (const kernels::ConvCandidate& ranked :
       kernels::RankConvVariants(s, threads, machine, {true, blocked})) {
    const kernels::ConvVariant& variant = *ranked.variant;
    const auto run = std::make_shared<ConvRun>(variant, s);
    std::shared_ptr<ReorderRun> before, after;
    if ((variant.input == Layout::kBlocked16) != blocked) {
      before = std::make_shared<ReorderRun>(s.n, Volume{s.ic, s.ih, s.iw}, !blocked);
    }
    if (variant.output == Layout::kPlain) {
      after = std::make_shared<ReorderRun>(s.n, Volume{s.oc, s.oh, s.ow}, true);
    }
    candidates.push_back({variant.id, ranked.seconds, [run, before, after](Team& team) {
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
  candidates.push_back({plan.id(), kernels::ChainSeconds(plan, threads, machine),
                        [together](Team& team) { RunOn(team, *together); }});
  candidates.push_back(
      {"one by one", kernels::SeparateSeconds(chain, threads, machine), [parts](Team& team) {
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
        {ranked.variant->id, ranked.seconds, [run](Team& team) { RunOn(team, *run); }});
  }
  return candidates;
}

void Measure(std::vector<Candidate>& candidates, Team& team, double budget_seconds) {
  const auto faster = [](const Candidate& a, const Candidate& b) { return a.seconds < b.seconds; };
  for (Candidate& candidate : candidates) {
    for (int turn = 0; turn < kFirstTurns; ++turn) {
      const double once = TimeOnce(candidate, team, 1);
      candidate.seconds = candidate.seconds > 0 ? std::min(candidate.seconds, once) : once;
      if (once > kTickSeconds) break;
    }
  }
  const double best = std::min_element(candidates.begin(), candidates.end(), faster)->seconds;
  double spent = 0;
  for (int round = 0; round < kMinRounds || spent < budget_seconds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    int turns = 0;
    for (Candidate& candidate : candidates) {
      if (candidate.seconds > kFarBehind * best) continue;
      const double repeats = std::clamp(kSampleSeconds / candidate.seconds, 1.0, 1000.0);
      const double seconds = TimeOnce(candidate, team, static_cast<int>(repeats));
      candidate.seconds = std::min(candidate.seconds, seconds);
      ++turns;
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    spent += time.count() / std::max(turns, 1);
  }
}

}  // namespace kinglet::benchmarks
