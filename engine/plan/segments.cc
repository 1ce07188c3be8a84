#include "engine/plan/segments.h"

#include <algorithm>
#include <limits>

#include "engine/plan/planner.h"
#include "engine/plan/slices.h"
#include "kernels/common/predict.h"

namespace kinglet {
namespace {

constexpr std::size_t kMaxBorder = 16;  // values that go on behind a cut
// What a cut must gain, of the time of the whole: predictions are no finer than that, and each
// segment more is a place where threads wait for one another.
constexpr double kSmallestGain = 0.005;

// A place to cut, and what goes on behind it.
struct Cut {
  std::size_t node = 0;     // the first behind the cut
  double border_bytes = 0;  // of all images
};

class Chooser {
 public:
  Chooser(const GraphIr& graph, const GraphStates& states, BatchProof& proof,
          std::int64_t per_thread, const PlanOptions& options)
      : graph_(graph),
        states_(states),
        proof_(proof),
        per_thread_(per_thread),
        options_(options),
        needed_(NeededNodes(graph, states, 0, graph.nodes.size(), graph.outputs)) {}

  SegmentChoice Make() {
    SegmentChoice choice;
    for (const std::int64_t images : Candidates()) AddCandidate(images, choice);
    if (images_.empty()) return choice;
    FindCuts(choice.blocked);
    Solve(choice);
    return choice;
  }

 private:
  std::vector<std::int64_t> Candidates() const {
    std::vector<std::int64_t> images{1};
    for (const std::int64_t b : {std::int64_t{4}, per_thread_}) {
      if (b > images.back() && b <= per_thread_) images.push_back(b);
    }
    return images;
  }

  // Seconds of every node for one image, summed up.
  void AddCandidate(std::int64_t images, SegmentChoice& choice) {
    GraphStates* states = proof_.StatesOf(images);
    if (states == nullptr) return;
    PlanRange range;
    range.last = proof_.prefix();
    for (const ValueId id : graph_.inputs) range.inputs.push_back({id, Layout::kPlain});
    std::vector<bool> read(graph_.values.size());
    for (const ValueId id : graph_.outputs) read[static_cast<std::size_t>(id)] = true;
    for (const std::size_t i : needed_) {
      if (i < range.last) continue;
      for (const ValueId id : graph_.nodes[i].inputs) {
        if (id != kNoValue) read[static_cast<std::size_t>(id)] = true;
      }
    }
    for (const std::size_t i : needed_) {
      if (i >= range.last) break;
      for (const ValueId id : graph_.nodes[i].outputs) {
        if (id != kNoValue && read[static_cast<std::size_t>(id)]) {
          range.outputs.push_back({id, Layout::kPlain});
        }
      }
    }
    PlanOptions trial = SegmentOptions(options_);
    trial.trial = true;
    PackedStore none;
    const std::unique_ptr<Plan> plan = PlanNodes(graph_, *states, range, trial, none);
    std::vector<double> sums(proof_.prefix() + 1);
    for (const PlanStep& step : plan->steps) {
      sums[step.node + 1] += step.step->predicted_seconds / static_cast<double>(images);
    }
    for (std::size_t i = 1; i < sums.size(); ++i) sums[i] += sums[i - 1];
    images_.push_back(images);
    sums_.push_back(std::move(sums));
    if (!choice.blocked.empty()) return;
    choice.blocked.assign(graph_.values.size(), false);
    for (const ValueId id : plan->blocked_values) {
      choice.blocked[static_cast<std::size_t>(id)] = true;
    }
  }

  // Everywhere in the prefix, but where a part of a Concat would be cut off from it.
  void FindCuts(const std::vector<bool>& blocked) {
    std::vector<const Node*> nodes;
    for (const std::size_t i : needed_) nodes.push_back(&graph_.nodes[i]);
    const std::vector<Slice> slices = FindSlices(nodes, {}, *proof_.StatesOf(1));
    std::vector<std::size_t> last_use(graph_.values.size());
    for (const std::size_t i : needed_) {
      for (const ValueId id : graph_.nodes[i].inputs) {
        if (id != kNoValue) last_use[static_cast<std::size_t>(id)] = i;
      }
    }
    cuts_.push_back({});
    std::vector<std::size_t> live;
    for (const std::size_t i : needed_) {
      if (i >= proof_.prefix()) break;
      if (i > 0 && !live.empty() && live.size() <= kMaxBorder &&
          std::none_of(live.begin(), live.end(), [&](std::size_t value) {
            return slices[value].whole != kNoValue && blocked[value];
          })) {
        double bytes = 0;
        for (const std::size_t value : live) {
          bytes += static_cast<double>(
              StoredBytes(states_[value].Stored(Layout::kPlain), states_[value].shape));
        }
        cuts_.push_back({i, bytes});
      }
      for (const ValueId id : graph_.nodes[i].outputs) {
        if (id != kNoValue) live.push_back(static_cast<std::size_t>(id));
      }
      std::erase_if(live, [&](std::size_t value) { return last_use[value] <= i; });
    }
    cuts_.push_back({proof_.prefix(), 0});
  }

  // Shortest path over the cuts: each edge is a segment at its best number of images.
  void Solve(SegmentChoice& choice) {
    struct Best {
      double seconds = std::numeric_limits<double>::infinity();
      std::size_t from = 0;
      std::size_t candidate = 0;
    };
    double whole = std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < images_.size(); ++c) {
      whole = std::min(whole, SecondsOf(cuts_.front(), cuts_.back(), c));
    }
    std::vector<Best> best(cuts_.size());
    best[0].seconds = 0;
    for (std::size_t to = 1; to < cuts_.size(); ++to) {
      for (std::size_t from = 0; from < to; ++from) {
        for (std::size_t c = 0; c < images_.size(); ++c) {
          const double cut = from == 0 ? 0 : kSmallestGain * whole;
          const double seconds = best[from].seconds + cut + SecondsOf(cuts_[from], cuts_[to], c);
          if (seconds < best[to].seconds) best[to] = {seconds, from, c};
        }
      }
    }
    choice.seconds = best.back().seconds;
    for (std::size_t at = cuts_.size() - 1; at > 0; at = best[at].from) {
      choice.segments.push_back(
          {cuts_[best[at].from].node, cuts_[at].node, images_[best[at].candidate]});
    }
    std::reverse(choice.segments.begin(), choice.segments.end());
  }

  // Of the whole segment: what lies before it comes from outside of the thread's cache.
  double SecondsOf(const Cut& from, const Cut& to, std::size_t candidate) const {
    const double steps = sums_[candidate][to.node] - sums_[candidate][from.node];
    const double border = kernels::PredictSeconds(
        kernels::MoveWork(from.border_bytes, from.border_bytes, options_.threads),
        options_.cost.machine);
    return static_cast<double>(per_thread_) * steps + border;
  }

  const GraphIr& graph_;
  const GraphStates& states_;
  BatchProof& proof_;
  const std::int64_t per_thread_;
  const PlanOptions& options_;
  const std::vector<std::size_t> needed_;
  std::vector<std::int64_t> images_;       // candidates
  std::vector<std::vector<double>> sums_;  // of each: seconds for an image before each node
  std::vector<Cut> cuts_;
};

}  // namespace

PlanOptions SegmentOptions(const PlanOptions& options) {
  PlanOptions segment = options;
  const double threads = options.threads;
  kernels::MachineModel& machine = segment.cost.machine;
  segment.threads = 1;
  segment.cost.neighbours = options.threads - 1;
  machine.l3_bytes /= threads;
  machine.l3_gbps = std::min(machine.l3_gbps, machine.l3_all_gbps / threads);
  machine.dram_gbps = std::min(machine.dram_gbps, machine.dram_all_gbps / threads);
  return segment;
}

SegmentChoice ChooseSegments(const GraphIr& graph, const GraphStates& states, BatchProof& proof,
                             std::int64_t per_thread, const PlanOptions& options) {
  return Chooser(graph, states, proof, per_thread, options).Make();
}

}  // namespace kinglet
