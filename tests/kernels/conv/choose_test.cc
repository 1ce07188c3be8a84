#include "kernels/conv/choose.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/common/predict.h"

namespace kinglet::kernels::choose_test {
namespace {

ConvShape Pointwise() {
  ConvShape s;
  s.n = 2;
  s.ic = s.oc = 64;
  s.ih = s.iw = s.oh = s.ow = 28;
  return s;
}

const ConvCandidate* Find(const std::vector<ConvCandidate>& candidates, const ConvVariant& v) {
  const auto found = std::find_if(candidates.begin(), candidates.end(),
                                  [&](const ConvCandidate& c) { return c.variant == &v; });
  return found == candidates.end() ? nullptr : &*found;
}

TEST(RankConvVariants, HasEveryVariantThatTakesTheShapeTheCheapestFirst) {
  const MachineModel machine = DefaultMachineModel();
  const ConvShape shape = Pointwise();
  const auto candidates = RankConvVariants(shape, 2, machine, {true, true});
  for (const ConvVariant& variant : ConvVariants()) {
    EXPECT_EQ(Find(candidates, variant) != nullptr, TypesOf(variant) == OperandTypes{} &&
                                                        variant.supports(shape) &&
                                                        machine.features.Contains(variant.needs))
        << variant.id;
  }
  EXPECT_TRUE(std::is_sorted(
      candidates.begin(), candidates.end(),
      [](const ConvCandidate& a, const ConvCandidate& b) { return a.seconds < b.seconds; }));
}

TEST(RankConvVariants, AddsWhatChangesOfLayoutCost) {
  const MachineModel machine = DefaultMachineModel();
  const ConvShape shape = Pointwise();
  const auto plain = RankConvVariants(shape, 1, machine, {true, false});
  const auto blocked = RankConvVariants(shape, 1, machine, {true, true});
  for (const ConvCandidate& candidate : blocked) {
    const ConvVariant& variant = *candidate.variant;
    EXPECT_EQ(candidate.work, variant.work(shape, 1)) << variant.id;
    const double alone = PredictSeconds(candidate.work, machine);
    const bool reads_blocked = variant.input.blocked();
    const bool writes_blocked = variant.output.blocked();
    EXPECT_EQ(candidate.seconds > alone, !reads_blocked || !writes_blocked) << variant.id;
    EXPECT_EQ(Find(plain, variant)->seconds > alone, reads_blocked || !writes_blocked)
        << variant.id;
  }
}

TEST(RankConvVariants, LeavesBlockedVariantsOutWhereNothingIsBlocked) {
  const auto candidates = RankConvVariants(Pointwise(), 1, DefaultMachineModel(), {false, false});
  EXPECT_FALSE(candidates.empty());
  for (const ConvCandidate& candidate : candidates) {
    EXPECT_EQ(candidate.variant->input.layout, Layout::kPlain) << candidate.variant->id;
    EXPECT_EQ(candidate.variant->output.layout, Layout::kPlain) << candidate.variant->id;
  }
}

TEST(RankConvVariants, LeavesOutWhatReadsOrWritesOtherTypes) {
  const MachineModel machine = DefaultMachineModel();
  for (const ConvCandidate& candidate : RankConvVariants(Pointwise(), 1, machine, {})) {
    EXPECT_EQ(TypesOf(*candidate.variant), OperandTypes{}) << candidate.variant->id;
  }
  ConvNeighbours neighbours;
  neighbours.types.output = ElementType::kUInt16;  // of no kernel
  EXPECT_TRUE(RankConvVariants(Pointwise(), 1, machine, neighbours).empty());
}

}  // namespace
}  // namespace kinglet::kernels::choose_test
