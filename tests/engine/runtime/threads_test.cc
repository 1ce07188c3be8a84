#include "engine/runtime/threads.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <thread>

#include "kinglet/model.h"

namespace kinglet::threads_test {
namespace {

namespace fs = std::filesystem;

class CgroupQuota : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("kinglet_cgroup_" + std::to_string(::getpid()));
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  double Quota() { return CgroupCpuQuota((root_ / "cgroup").string(), (root_ / "fs").string()); }

  fs::path root_;
};

TEST_F(CgroupQuota, ReadsVersionTwo) {
  Write("cgroup", "0::/pod/box\n");
  Write("fs/pod/box/cpu.max", "150000 100000\n");
  EXPECT_DOUBLE_EQ(Quota(), 1.5);
}

TEST_F(CgroupQuota, TakesTheSmallestOfTheAncestors) {
  Write("cgroup", "0::/pod/box\n");
  Write("fs/pod/box/cpu.max", "400000 100000\n");
  Write("fs/pod/cpu.max", "200000 100000\n");
  EXPECT_DOUBLE_EQ(Quota(), 2.0);
}

TEST_F(CgroupQuota, ReadsVersionOne) {
  Write("cgroup", "4:cpu,cpuacct:/box\n2:memory:/box\n");
  Write("fs/cpu,cpuacct/box/cpu.cfs_quota_us", "50000\n");
  Write("fs/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
  EXPECT_DOUBLE_EQ(Quota(), 0.5);
}

TEST_F(CgroupQuota, IsUnlimitedWithoutALimit) {
  Write("cgroup", "0::/box\n");
  Write("fs/box/cpu.max", "max 100000\n");
  EXPECT_TRUE(std::isinf(Quota()));
  Write("cgroup", "nonsense\n:::\n");
  EXPECT_TRUE(std::isinf(Quota()));
}

TEST_F(CgroupQuota, IsUnlimitedWhereThereIsNoCgroup) { EXPECT_TRUE(std::isinf(Quota())); }

TEST(AvailableThreads, ObeysTheAffinityMask) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
  EXPECT_GE(AvailableThreads(), 1);
  EXPECT_LE(AvailableThreads(), CPU_COUNT(&all));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &all)) {
      CPU_SET(cpu, &one);
      break;
    }
  }
  std::thread pinned([&] {  // the mask of this thread only
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    EXPECT_EQ(AvailableThreads(), 1);
  });
  pinned.join();
}

}  // namespace
}  // namespace kinglet::threads_test
