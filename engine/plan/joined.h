// Which nodes of a plan one step computes together.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "engine/op/joined.h"

namespace kinglet {

class JoinedSteps {
 public:
  struct Group {
    const JoinedNodes* nodes = nullptr;
    JoinedStep step;
  };
  using Candidates = std::vector<std::unique_ptr<JoinedNodes>>;
  using IsThere = std::function<bool(ValueId, Layout)>;

  JoinedSteps(Candidates candidates, int threads, const CostModel& cost);

  // The group that a node was taken into, or null.
  const Group* GroupOf(const Node& node) const;
  // Takes the nodes of the longest candidate that begins with this node into a group, where that is
  // predicted to be faster and its input is there in the layout that it reads. Null otherwise.
  const Group* Begin(const Node& first, const IsThere& is_there);

 private:
  const JoinedStep& StepOf(const JoinedNodes& nodes);
  double GainWithin(const JoinedNodes& nodes);
  bool IsWorthwhile(const JoinedNodes& nodes);

  Candidates candidates_;
  int threads_;
  const CostModel& cost_;
  std::map<const Node*, std::vector<const JoinedNodes*>> by_first_;  // the longer ones first
  std::map<const JoinedNodes*, Group> groups_;                       // of all that were asked for
  std::map<const Node*, const Group*> group_of_;
};

}  // namespace kinglet
