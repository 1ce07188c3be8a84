#include "kernels/common/cpu.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/common/cpu_target.h"
#include "kernels/common/machine_model.h"
#include "kernels/conv/conv.h"
#include "tests/support/made_up_cpu.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::cpu_test {
namespace {

using enum CpuFeature;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MadeUpCpu;

constexpr CacheSizes kSmall = {.l1d_bytes = 16 << 10, .l2_bytes = 128 << 10, .l3_bytes = 1 << 20};

// What Linux calls the parts of each feature.
const std::map<CpuFeature, std::vector<std::string>> kLinuxNames = {
    {kAvx2, {"avx2", "fma", "f16c", "bmi1", "bmi2"}},
    {kAvx512, {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"}},
    {kAvx512Vnni, {"avx512_vnni"}},
    {kAvx512Bf16, {"avx512_bf16"}},
    {kAvxVnni, {"avx_vnni"}},
    {kAmxTile, {"amx_tile"}},
    {kAmxBf16, {"amx_bf16"}},
    {kAmxInt8, {"amx_int8"}},
    {kNeon, {"asimd"}},
    {kNeonDot, {"asimddp"}},
    {kNeonI8mm, {"i8mm"}},
    {kNeonBf16, {"bf16"}},
};

// Of the first CPU that /proc/cpuinfo tells of; none where there is no such file.
std::set<std::string> LinuxFlags() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("flags") && !line.starts_with("Features")) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    return {std::istream_iterator<std::string>(words), {}};
  }
  return {};
}

TEST(Cpu, DetectionAgreesWithLinux) {
  const std::set<std::string> flags = LinuxFlags();
  if (flags.empty()) GTEST_SKIP() << "no flags in /proc/cpuinfo";
  ASSERT_EQ(kLinuxNames.size(), kCpuFeatureCount);
  for (const auto& [feature, names] : kLinuxNames) {
    size_t there = 0;
    for (const std::string& name : names) there += flags.count(name);
    const bool detected = DetectedCpu().features.Has(feature);
    // Tiles want permission as well. Kernels that are older than a feature do not name it.
    const bool tiles = WithFoundations({feature}).Has(kAmxTile);
    EXPECT_TRUE(detected || tiles || there < names.size()) << NameOf(feature);
    if (feature == kAvx2 || feature == kAvx512 || feature == kNeon) {
      EXPECT_EQ(detected, there == names.size()) << NameOf(feature);
    }
  }
}

TEST(Cpu, IsDetectedWhole) {
  const Cpu& cpu = DetectedCpu();
  EXPECT_EQ(WithoutUnfounded(cpu.features), cpu.features);
  EXPECT_GE(cpu.caches.l1d_bytes, size_t{8} << 10);
  EXPECT_LT(cpu.caches.l1d_bytes, cpu.caches.l2_bytes);
  EXPECT_EQ(&DetectedCpu(), &cpu);
#if defined(__x86_64__)
  EXPECT_FALSE(cpu.features.Has(kNeon));
#elif defined(__aarch64__)
  EXPECT_TRUE(cpu.features.Has(kNeon));
#endif
}

TEST(Cpu, TilesArePermittedOnlyWhereTheyAre) {
  const bool permitted = RequestTilePermission();
  EXPECT_EQ(RequestTilePermission(), permitted);
  EXPECT_TRUE(!permitted || DetectedCpu().features.Has(kAmxTile));
}

TEST(Cpu, CanBeForcedToLess) {
  const Cpu there = {{kAvx2, kAvx512, kAvx512Vnni, kAvxVnni}, kSmall};
  for (const char* unset : {static_cast<const char*>(nullptr), ""}) {
    EXPECT_EQ(ChooseCpu(there, unset).cpu, there);
    EXPECT_EQ(ChooseCpu(there, unset).problem, "");
  }
  const auto forced = [&](const char* wanted) {
    const CpuChoice choice = ChooseCpu(there, wanted);
    EXPECT_EQ(choice.problem, "") << wanted;
    EXPECT_EQ(choice.cpu.caches, there.caches) << wanted;
    return choice.cpu.features;
  };
  EXPECT_EQ(forced("none"), CpuFeatures{});
  EXPECT_EQ(forced("avx2"), CpuFeatures{kAvx2});
  EXPECT_EQ(forced("avx512_vnni"), (CpuFeatures{kAvx2, kAvx512, kAvx512Vnni}));
  EXPECT_EQ(forced("avx_vnni,avx2"), (CpuFeatures{kAvx2, kAvxVnni}));
  EXPECT_EQ(forced(ToString(there.features).c_str()), there.features);
}

TEST(Cpu, IsNotForcedToWhatIsNotThere) {
  const Cpu there = {{kAvx2, kAvxVnni}, kSmall};
  const CpuChoice absent = ChooseCpu(there, "avx2,amx_bf16");
  EXPECT_THAT(absent.problem,
              AllOf(HasSubstr("KINGLET_CPU=avx2,amx_bf16"),
                    HasSubstr("has no avx512,amx_tile,amx_bf16"), HasSubstr("avx2,avx_vnni")));
  EXPECT_EQ(absent.cpu, there);
  const CpuChoice unknown = ChooseCpu(there, "avx3");
  EXPECT_THAT(unknown.problem,
              AllOf(HasSubstr("KINGLET_CPU=avx3"), HasSubstr("'avx3'"), HasSubstr("avx512_vnni")));
  EXPECT_EQ(unknown.cpu, there);
}

TEST(Cpu, TargetsFollowFromFeatures) {
  EXPECT_EQ(TargetOfFeatures({}), "baseline");
  EXPECT_EQ(TargetOfFeatures({kAvx2, kAvxVnni}), "avx2");
  EXPECT_EQ(TargetOfFeatures({kAvx2, kAvx512}), "avx512");
  EXPECT_EQ(TargetOfFeatures({kNeon, kNeonI8mm}), "neon");
  const CpuFeatures most = {kAvx2, kAvx512, kAvx512Vnni, kAvxVnni, kAmxTile};
  EXPECT_EQ(FeaturesUnder("avx512", most), most);
  EXPECT_EQ(FeaturesUnder("avx2", most), (CpuFeatures{kAvx2, kAvxVnni}));
  EXPECT_EQ(FeaturesUnder("baseline", most), CpuFeatures{});
  EXPECT_EQ(FeaturesUnder("neon", {kNeon, kNeonDot}), (CpuFeatures{kNeon, kNeonDot}));
  for (const std::string_view target : {"avx2", "avx512", "neon", "baseline"}) {
    EXPECT_EQ(TargetOfFeatures(FeaturesOfTarget(target)), target);
  }
}

TEST(Cpu, RunnableTargetsAreThoseWhoseFeaturesAreThere) {
  for (const std::string_view target : RunnableTargets()) {
    EXPECT_TRUE(ActiveCpu().features.Contains(FeaturesOfTarget(target))) << target;
  }
  testing::ForEachTarget([] {
    EXPECT_EQ(TargetOfFeatures(UsableFeatures()), ActiveTarget());
    EXPECT_EQ(DefaultMachineModel().features, UsableFeatures());
  });
}

TEST(Cpu, AMadeUpOneIsActiveWhileItLives) {
  const Cpu before = ActiveCpu();
  const std::string_view target = ActiveTarget();
  {
    const MadeUpCpu all({CpuFeatures{kAvx2, kAvx512, kAmxTile, kNeon}, kSmall});
    EXPECT_EQ(ActiveCpu().caches, kSmall);
    for (const std::string_view each : RunnableTargets()) {  // none that this machine has not
      EXPECT_TRUE(DetectedCpu().features.Contains(FeaturesOfTarget(each))) << each;
    }
    EXPECT_TRUE(DetectedCpu().features.Contains(UsableFeatures()));
    EXPECT_EQ(DefaultMachineModel().l2_bytes, static_cast<double>(kSmall.l2_bytes));
  }
  EXPECT_EQ(ActiveCpu(), before);
  EXPECT_EQ(ActiveTarget(), target);
}

TEST(Cpu, StripsFitTheCachesOfAMadeUpOne) {
  ConvShape s;
  s.ic = s.oc = 256;
  s.ih = s.iw = s.oh = s.ow = 56;
  s.kh = s.kw = 3;
  s.pad_top = s.pad_left = 1;
  const auto scratch_bytes = [&](size_t l2_bytes) {
    const MadeUpCpu cpu({{}, {.l1d_bytes = 32 << 10, .l2_bytes = l2_bytes, .l3_bytes = 8 << 20}});
    return FindConvVariant("conv/direct_f32")->scratch_bytes(s);
  };
  const size_t of_512k = scratch_bytes(512 << 10);
  EXPECT_LT(of_512k, size_t{512} << 10);
  EXPECT_LT(of_512k, scratch_bytes(2 << 20));
  EXPECT_LT(scratch_bytes(2 << 20), size_t{2} << 20);
}

// The environment is read once, so each value has a process of its own.
class CpuDeathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const char* variable = std::getenv("KINGLET_TARGET");
    if (variable != nullptr && *variable != '\0') GTEST_SKIP() << "KINGLET_TARGET decides";
    const char* before = std::getenv("KINGLET_CPU");
    if (before != nullptr) before_ = before;
  }
  void TearDown() override {
    setenv("KINGLET_CPU", before_.c_str(), 1);
    if (before_.empty()) unsetenv("KINGLET_CPU");
  }

  std::string before_;
};

void Report() {
  std::fprintf(stderr, "%s on %s;%s\n", ToString(UsableFeatures()).c_str(), ActiveTarget().data(),
               EnvironmentProblem().c_str());
  std::exit(0);
}

TEST_F(CpuDeathTest, TheEnvironmentForcesFeaturesAndWithThemTheTarget) {
#if !defined(__x86_64__) || defined(__AVX2__)
  GTEST_SKIP() << "the compiler takes more than a baseline for granted";
#endif
  setenv("KINGLET_CPU", "none", 1);
  EXPECT_EXIT(Report(), ::testing::ExitedWithCode(0), "^none on baseline;\n$");
  if (!DetectedCpu().features.Has(kAvx2)) return;
  const auto report_target = [](const char* target) {
    setenv("KINGLET_TARGET", target, 1);
    Report();
  };
  EXPECT_EXIT(report_target("avx2"), ::testing::ExitedWithCode(0),
              "^none on baseline;KINGLET_TARGET=avx2: .* baseline\n$");
  setenv("KINGLET_CPU", "avx2", 1);
  EXPECT_EXIT(Report(), ::testing::ExitedWithCode(0), "^avx2 on avx2;\n$");
  EXPECT_EXIT(report_target("baseline"), ::testing::ExitedWithCode(0), "^none on baseline;\n$");
}

TEST_F(CpuDeathTest, WhatIsNotThereCountsForNothing) {
#if defined(__x86_64__)
  const std::string absent = "neon";
#else
  const std::string absent = "avx2";
#endif
  const auto report = [] {
    const bool whole = ActiveCpu() == DetectedCpu();
    std::fprintf(stderr, "%s;%s\n", whole ? "whole" : "less", EnvironmentProblem().c_str());
    std::exit(0);
  };
  for (const std::string& wanted : {absent, std::string("sse9")}) {
    setenv("KINGLET_CPU", wanted.c_str(), 1);
    EXPECT_EXIT(report(), ::testing::ExitedWithCode(0), "^whole;KINGLET_CPU=" + wanted + ": ");
  }
}

}  // namespace
}  // namespace kinglet::kernels::cpu_test
