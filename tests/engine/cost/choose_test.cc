#include "engine/cost/choose.h"

#include <gtest/gtest.h>

namespace kinglet {
namespace {

std::vector<Candidate> Three() {
  return {{.index = 0, .kernel = "a", .seconds = 3},
          {.index = 1, .kernel = "b", .seconds = 1, .around_seconds = 1},
          {.index = 2, .kernel = "c", .seconds = 5}};
}

std::string Chosen(const CostModel& cost, std::vector<Candidate> candidates = Three()) {
  const Candidate* best = Choose(candidates, "shape", cost);
  return best == nullptr ? "" : std::string(best->kernel);
}

CostModel WithTimes(const std::string& choice, const KernelTimes& times) {
  CostModel cost;
  cost.tuning = std::make_shared<const TuningTable>(TuningTable{{choice, times}});
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
  EXPECT_EQ(Chosen(WithTimes("shape", {{"a", 9}, {"c", 8}})), "c");
  EXPECT_EQ(Chosen(WithTimes("shape", {{"b", 8}, {"c", 8.5}})), "c");  // with what is around b
  auto candidates = Three();
  EXPECT_DOUBLE_EQ(Choose(candidates, "shape", WithTimes("shape", {{"c", 8}}))->seconds, 8);
}

TEST(Choose, MeasurementsOfOtherShapesAndUnknownKernelsAreOfNoUse) {
  EXPECT_EQ(Chosen(WithTimes("other shape", {{"c", 1}})), "b");
  EXPECT_EQ(Chosen(WithTimes("shape", {{"removed", 1}})), "b");
}

TEST(Choose, ExploringGoesThroughTheCandidatesThatAreNear) {
  CostModel cost = WithTimes("shape", {{"c", 0.1}});
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
}  // namespace kinglet
