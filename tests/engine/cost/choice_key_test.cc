#include "engine/cost/choice_key.h"

#include <gtest/gtest.h>

#include <set>

namespace kinglet::choice_key_test {
namespace {

using kernels::ElementType;

const ChoiceKey kOne = {.family = "conv",
                        .shape = {1, 16, -2},
                        .types = {ElementType::kFloat32, ElementType::kInt8},
                        .activation = "Relu",
                        .residual = true,
                        .threads = 2};

// Keys that differ from kOne in one thing each.
std::vector<ChoiceKey> Others() {
  std::vector<ChoiceKey> others(7, kOne);
  others[0].family = "gemm";
  others[1].shape[2] = 3;
  others[2].types[1] = ElementType::kBFloat16;
  others[3].activation = "none";
  others[4].residual = false;
  others[5].threads = 1;
  others[6].neighbours = 1;
  return others;
}

TEST(ChoiceKey, EverythingInItCounts) {
  std::set<ChoiceKey> keys = {kOne, ChoiceKey(kOne)};
  EXPECT_EQ(keys.size(), 1u);
  for (const ChoiceKey& other : Others()) {
    EXPECT_NE(other, kOne);
    EXPECT_TRUE(keys.insert(other).second) << ToString(other);
  }
}

TEST(ChoiceKey, TextsAreReadBack) {
  EXPECT_EQ(ToString(kOne),
            "conv 1,16,-2 float32,int8 activation=Relu residual=1 threads=2 neighbours=0");
  EXPECT_EQ(ParseChoiceKey(ToString(kOne)), kOne);
  for (const ChoiceKey& key : Others()) EXPECT_EQ(ParseChoiceKey(ToString(key)), key);
}

TEST(ChoiceKey, OtherTextsAreNone) {
  const std::string good = ToString(kOne);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& text : {std::string(),
                                  std::string("conv"),
                                  std::string("conv 1 16 12 threads 2"),
                                  good + " ",
                                  " " + good,
                                  good + " more=1",
                                  with("1,16", "1,,16"),
                                  with("1,16", ",1,16"),
                                  with("16,-2", "16,"),
                                  with("16,-2", "16,2x"),
                                  with("16", "99999999999999999999"),
                                  with("int8", "int7"),
                                  with("=Relu", "="),
                                  with("residual=1", "residual=yes"),
                                  with("threads=2", "threads=2.5"),
                                  with("threads=2", "threads=0"),
                                  with("threads=2", "threads=-1"),
                                  with("threads=2", "threads=65537"),
                                  with("neighbours=0", "neighbours=-1"),
                                  with("neighbours=0", "neighbours=65537"),
                                  with(" threads=2", ""),
                                  with("threads", "neighbours")}) {
    EXPECT_FALSE(ParseChoiceKey(text)) << text;
  }
}

}  // namespace
}  // namespace kinglet::choice_key_test
