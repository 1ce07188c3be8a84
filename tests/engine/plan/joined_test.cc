// When nodes become one step, by candidates whose predictions are given.
#include "engine/plan/joined.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

namespace kinglet::joined_test {
namespace {

struct Given final : JoinedNodes {
  double seconds = 0, apart_seconds = 0;
  int* asked = nullptr;

  JoinedStep Choose(int, const CostModel&) const override {
    if (asked != nullptr) ++*asked;
    return {seconds, apart_seconds, [](PlanContext&) { return std::unique_ptr<Step>(); }};
  }
};

// Four nodes in a row, node i reading value i and making value i + 1.
class JoinedTest : public ::testing::Test {
 protected:
  JoinedTest() : nodes_(4) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      nodes_[i].inputs = {static_cast<ValueId>(i)};
      nodes_[i].outputs = {static_cast<ValueId>(i + 1)};
    }
  }

  // A candidate of `count` nodes from node `first` on.
  Given& Add(std::size_t first, std::size_t count, double seconds, double apart_seconds) {
    auto given = std::make_unique<Given>();
    for (std::size_t i = 0; i < count; ++i) given->nodes.push_back(&nodes_[first + i]);
    given->joined.inputs = nodes_[first].inputs;
    given->joined.outputs = nodes_[first + count - 1].outputs;
    given->reads = Layout::kBlocked;
    given->seconds = seconds;
    given->apart_seconds = apart_seconds;
    Given& added = *given;
    candidates_.push_back(std::move(given));
    return added;
  }

  // For each node, the nodes of its group; 0: it is planned by itself.
  std::vector<std::size_t> Groups(const JoinedSteps::IsThere& is_there = [](ValueId, Layout) {
    return true;
  }) {
    JoinedSteps steps(std::move(candidates_), 1, cost_);
    std::vector<std::size_t> sizes;
    for (const Node& node : nodes_) {
      const JoinedSteps::Group* group = steps.GroupOf(node);
      if (group == nullptr) group = steps.Begin(node, is_there);
      sizes.push_back(group == nullptr ? 0 : group->nodes->nodes.size());
    }
    return sizes;
  }

  std::vector<Node> nodes_;
  CostModel cost_;
  JoinedSteps::Candidates candidates_;
};

using Sizes = std::vector<std::size_t>;

TEST_F(JoinedTest, NothingToJoin) { EXPECT_EQ(Groups(), (Sizes{0, 0, 0, 0})); }

TEST_F(JoinedTest, AGroupHasToBeClearlyFaster) {
  Add(0, 2, 0.97, 1);
  Add(2, 2, 0.99, 1);
  EXPECT_EQ(Groups(), (Sizes{2, 2, 0, 0}));
}

TEST_F(JoinedTest, TheLongestGoesFirst) {
  Add(0, 2, 3, 4);
  Add(0, 3, 3, 6);
  EXPECT_EQ(Groups(), (Sizes{3, 3, 3, 0}));
}

TEST_F(JoinedTest, AShorterOneWhereTheLongestGainsNothing) {
  Add(0, 3, 6, 6);
  Add(0, 2, 1, 4);
  EXPECT_EQ(Groups(), (Sizes{2, 2, 0, 0}));
}

TEST_F(JoinedTest, ALongerOneHasToBeatTheBestWithin) {
  Add(0, 3, 4, 6);
  Add(1, 2, 1, 3.5);  // leaves 3.5 for all three
  EXPECT_EQ(Groups(), (Sizes{0, 2, 2, 0}));
  Add(0, 3, 3.4, 6);
  Add(1, 2, 1, 3.5);
  EXPECT_EQ(Groups(), (Sizes{3, 3, 3, 0}));
}

TEST_F(JoinedTest, WhatBeginsWithinAndEndsBehindDoesNotCount) {
  Add(0, 3, 4, 6);
  Add(1, 3, 1, 6);
  EXPECT_EQ(Groups(), (Sizes{3, 3, 3, 0}));
}

TEST_F(JoinedTest, ANodeIsInOneGroup) {
  Add(0, 2, 1, 4);
  Add(1, 2, 1, 4);
  Add(1, 3, 1, 4);
  Add(2, 2, 1, 4);
  EXPECT_EQ(Groups(), (Sizes{2, 2, 2, 2}));
}

TEST_F(JoinedTest, TheInputHasToBeThereInItsLayout) {
  int asked = 0;
  Add(0, 2, 1, 4).asked = &asked;
  Add(2, 2, 1, 4);
  const Sizes sizes = Groups([](ValueId id, Layout layout) {
    EXPECT_EQ(layout, Layout::kBlocked);
    return id == 2;
  });
  EXPECT_EQ(sizes, (Sizes{0, 0, 2, 2}));
  EXPECT_EQ(asked, 0);
}

}  // namespace
}  // namespace kinglet::joined_test
