#include "engine/plan/joined.h"

#include <algorithm>
#include <utility>

namespace kinglet {
namespace {

// Predictions that lie closer together say nothing.
constexpr double kClearly = 0.98;

bool IsPartOf(const JoinedNodes& part, const JoinedNodes& whole) {
  return part.nodes.size() < whole.nodes.size() &&
         std::all_of(part.nodes.begin(), part.nodes.end(), [&](const Node* node) {
           return std::find(whole.nodes.begin(), whole.nodes.end(), node) != whole.nodes.end();
         });
}

}  // namespace

JoinedSteps::JoinedSteps(Candidates candidates, int threads, const CostModel& cost)
    : candidates_(std::move(candidates)), threads_(threads), cost_(cost) {
  for (const auto& nodes : candidates_) by_first_[nodes->nodes.front()].push_back(nodes.get());
  for (auto& [first, starting] : by_first_) {
    std::stable_sort(starting.begin(), starting.end(),
                     [](const JoinedNodes* a, const JoinedNodes* b) {
                       return a->nodes.size() > b->nodes.size();
                     });
  }
}

const JoinedSteps::Group* JoinedSteps::GroupOf(const Node& node) const {
  const auto found = group_of_.find(&node);
  return found == group_of_.end() ? nullptr : found->second;
}

const JoinedSteps::Group* JoinedSteps::Begin(const Node& first, const IsThere& is_there) {
  const auto starting = by_first_.find(&first);
  if (starting == by_first_.end()) return nullptr;
  const auto taken = [&](const Node* node) { return group_of_.contains(node); };
  for (const JoinedNodes* nodes : starting->second) {
    if (!is_there(nodes->joined.input(0), nodes->reads)) continue;
    if (std::any_of(nodes->nodes.begin(), nodes->nodes.end(), taken)) continue;
    if (!IsWorthwhile(*nodes)) continue;
    const Group& group = groups_.at(nodes);
    for (const Node* node : nodes->nodes) group_of_.emplace(node, &group);
    return &group;
  }
  return nullptr;
}

const JoinedStep& JoinedSteps::StepOf(const JoinedNodes& nodes) {
  const auto found = groups_.find(&nodes);
  if (found != groups_.end()) return found->second.step;
  return groups_.emplace(&nodes, Group{&nodes, nodes.Choose(threads_, cost_)}).first->second.step;
}

// What a smaller group among these nodes gains over planning them one by one.
double JoinedSteps::GainWithin(const JoinedNodes& nodes) {
  double gain = 0;
  for (const Node* node : nodes.nodes) {
    const auto starting = by_first_.find(node);
    if (starting == by_first_.end()) continue;
    for (const JoinedNodes* part : starting->second) {
      if (!IsPartOf(*part, nodes)) continue;
      const JoinedStep& step = StepOf(*part);
      gain = std::max(gain, step.apart_seconds - step.seconds);
    }
  }
  return gain;
}

bool JoinedSteps::IsWorthwhile(const JoinedNodes& nodes) {
  const JoinedStep& step = StepOf(nodes);
  return step.seconds < kClearly * (step.apart_seconds - GainWithin(nodes));
}

}  // namespace kinglet
