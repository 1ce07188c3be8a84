#include "engine/cost/choose.h"

#include <gtest/gtest.h>

namespace kinglet::choose_test {
namespace {

std::vector<Candidate> Three() {
  return {{.index = 0, .kernel = "a", .seconds = 3},
          {.index = 1, .kernel = "b", .seconds = 1, .around_seconds = 1},
          {.index = 2, .kernel = "c", .seconds = 5}};
}

const ChoiceKey kKey = {.family = "test", .shape = {1, 2}, .types = {}};
const ChoiceKey kOtherKey = {.family = "test", .shape = {1, 3}, .types = {}};

std::string Chosen(const CostModel& cost, std::vector<Candidate> candidates = Three()) {
  const Candidate* best = Choose(candidates, kKey, cost);
  return best == nullptr ? "" : std::string(best->kernel);
}

CostModel WithTimes(const ChoiceKey& key, const KernelTimes& times) {
  CostModel cost;
  cost.tuning = std::make_shared<const TuningTable>(TuningTable{{key, times}});
  return cost;
}

TEST(Choose, TakesTheLeastPredictedSecondsWithWhatIsAround) {
  EXPECT_EQ(Chosen({}), "b");
  auto candidates = Three();
  candidates[1].around_seconds = 3;
  EXPECT_EQ(Chosen({}, candidates), "a");
  EXPECT_EQ(Chosen({}, {}), "");
}

TEST(Choose, TheFirstOfEqualCandidatesWins) {
  EXPECT_EQ(Chosen({}, {{.index = 0, .kernel = "x", .seconds = 1},
                        {.index = 1, .kernel = "y", .seconds = 1}}),
            "x");
}

TEST(Choose, MeasuredCandidatesAloneCount) {
  // "b" would be predicted at two seconds.
  EXPECT_EQ(Chosen(WithTimes(kKey, {{"a", {9}}, {"c", {8}}})), "c");
  EXPECT_EQ(Chosen(WithTimes(kKey, {{"b", {8}}, {"c", {8.5}}})), "c");  // with what is around b
  auto candidates = Three();
  EXPECT_DOUBLE_EQ(Choose(candidates, kKey, WithTimes(kKey, {{"c", {8}}}))->seconds, 8);
}

TEST(Choose, MeasurementsOfOtherShapesAndUnknownKernelsAreOfNoUse) {
  EXPECT_EQ(Chosen(WithTimes(kOtherKey, {{"c", {1}}})), "b");
  EXPECT_EQ(Chosen(WithTimes(kKey, {{"removed", {1}}})), "b");
}

TEST(Choose, MeasurementsOfAnotherRevisionAreVoid) {
  auto candidates = Three();
  candidates[2].revision = 2;
  EXPECT_EQ(Chosen(WithTimes(kKey, {{"c", {.seconds = 0.1, .revision = 2}}}), candidates), "c");
  for (const int other : {1, 3}) {
    const CostModel cost = WithTimes(kKey, {{"c", {.seconds = 0.1, .revision = other}}});
    EXPECT_EQ(Chosen(cost, candidates), "b") << other;
    // As if it had not been measured: the others, which were, count.
    const CostModel both =
        WithTimes(kKey, {{"a", {9}}, {"c", {.seconds = 0.1, .revision = other}}});
    EXPECT_EQ(Chosen(both, candidates), "a") << other;
  }
}

TEST(Choose, ATimeBesideBusyNeighboursIsNoneOfAKernelAlone) {
  ChoiceKey beside = kKey;
  beside.neighbours = 1;
  EXPECT_EQ(Chosen(WithTimes(beside, {{"c", {1}}})), "b");
}

TEST(Choose, ExploringGoesThroughTheCandidatesThatAreNear) {
  CostModel cost = WithTimes(kKey, {{"c", {0.1}}});
  cost.exploring = true;
  EXPECT_EQ(Chosen(cost), "b");
  cost.candidate = 1;
  EXPECT_EQ(Chosen(cost), "a");
  cost.candidate = 2;
  EXPECT_EQ(Chosen(cost), "c");
  cost.candidate = 7;
  EXPECT_EQ(Chosen(cost), "c");
  auto candidates = Three();
  candidates[2].seconds = 50;  // not worth a trial
  EXPECT_EQ(Chosen(cost, candidates), "a");
}

}  // namespace
}  // namespace kinglet::choose_test
