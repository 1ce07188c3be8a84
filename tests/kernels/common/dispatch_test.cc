// What really runs under a forced target: every file and every family, not only what is active.
#include <gmock/gmock.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "hwy/targets.h"
#include "kernels/common/cpu_target.h"
#include "kernels/conv/conv.h"
#include "kernels/gemm/gemm.h"
#include "tests/support/dispatched.h"
#include "tests/support/source_dir.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::dispatch_test {
namespace {

using testing::FilesOnOtherTargets;

// All that chooses a target again, or is known to have done so: asking Highway, ours or another
// program's question, and the selection of OpenBLAS's kernels with the first variant by BLAS.
void ChooseElsewhere() {
  hwy::SupportedTargets();
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  RunnableTargets();
  GemmVariants();
  ConvVariants();
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Dispatch, EveryKernelFileIsListedAndResolvesByKinglet) {
  const std::filesystem::path root = testing::SourceDir();
  std::vector<std::string> dispatched;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "kernels")) {
    if (entry.path().extension() != ".cc") continue;
    const std::string text = ReadFile(entry.path());
    const std::string path = std::filesystem::relative(entry.path(), root).generic_string();
    EXPECT_EQ(text.find("HWY_DYNAMIC_DISPATCH"), text.npos) << path;
    if (text.find("#define HWY_TARGET_INCLUDE") != text.npos) dispatched.push_back(path);
  }
  std::vector<std::string> listed;
  for (const auto& file : testing::DispatchedFiles()) listed.emplace_back(file.path);
  EXPECT_THAT(listed, ::testing::UnorderedElementsAreArray(dispatched));
}

TEST(Dispatch, EveryFileRunsOnTheForcedTarget) {
  for (const std::string_view target : testing::TargetsUnderTest()) {
    ASSERT_TRUE(ForceTarget(target));
    EXPECT_EQ(FilesOnOtherTargets(target), "") << "forced: " << target;
    ChooseElsewhere();
    EXPECT_EQ(FilesOnOtherTargets(target), "") << "forced: " << target << ", chosen elsewhere";
  }
  ForceTarget(testing::TargetsUnderTest().front());
}

TEST(Dispatch, EveryFamilyHasFunctionsOfItsOwnForEachTarget) {
  const std::string before(ActiveTarget());
  std::map<std::string, std::map<const void*, std::string_view>> seen;
  for (const std::string_view target : RunnableTargets()) {
    ASSERT_TRUE(ForceTarget(target));
    ChooseElsewhere();
    for (const testing::EntryPoint& point : testing::EntryPoints()) {
      const auto [other, fresh] = seen[point.name].emplace(point.address, target);
      EXPECT_TRUE(fresh) << point.name << " for " << target << " is that for " << other->second;
    }
  }
  ForceTarget(before);
}

// The environment is read once, so each target has a process of its own.
TEST(DispatchDeathTest, TheEnvironmentForcesEveryFile) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const char* variable = std::getenv("KINGLET_TARGET");
  const std::string before = variable == nullptr ? "" : variable;
  for (const std::string_view target : RunnableTargets()) {
    setenv("KINGLET_TARGET", std::string(target).c_str(), 1);
    const auto check = [target] {
      std::string found = FilesOnOtherTargets(target);
      ChooseElsewhere();
      found += FilesOnOtherTargets(target);
      std::fputs((found + "checked\n").c_str(), stderr);
      std::exit(found.empty() ? 0 : 1);
    };
    EXPECT_EXIT(check(), ::testing::ExitedWithCode(0), "^checked") << target;
  }
  setenv("KINGLET_TARGET", before.c_str(), 1);
  if (variable == nullptr) unsetenv("KINGLET_TARGET");
}

}  // namespace
}  // namespace kinglet::kernels::dispatch_test
