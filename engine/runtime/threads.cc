// How many CPUs this process may really use.
#include "engine/runtime/threads.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <thread>

#include "kinglet/error.h"
#include "kinglet/model.h"

namespace kinglet {
namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();

// Every folder from `root`/`path` up to `root`, the nearest first.
template <typename F>
void ForEachAncestor(const std::string& root, std::string path, F&& visit) {
  while (true) {
    visit(root + path);
    if (path.empty() || path == "/") return;
    const std::size_t slash = path.rfind('/');
    path = slash == std::string::npos ? "" : path.substr(0, slash);
  }
}

double QuotaV2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return kUnlimited;
  std::istringstream number(quota);
  double value = 0;
  return number >> value && value > 0 ? value / period : kUnlimited;
}

double QuotaV1(const std::string& folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us");
  std::ifstream period_file(folder + "/cpu.cfs_period_us");
  double quota = 0;
  double period = 0;
  if (!(quota_file >> quota) || !(period_file >> period)) return kUnlimited;
  return quota > 0 && period > 0 ? quota / period : kUnlimited;
}

bool HasController(const std::string& list, const std::string& name) {
  std::istringstream stream(list);
  for (std::string item; std::getline(stream, item, ',');) {
    if (item == name) return true;
  }
  return false;
}

}  // namespace

double CgroupCpuQuota(const std::string& proc_cgroup, const std::string& mount) {
  double quota = kUnlimited;
  std::ifstream file(proc_cgroup);
  // Lines are "hierarchy:controllers:path"; version 2 is hierarchy 0 without controllers.
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      ForEachAncestor(mount, path,
                      [&](const std::string& f) { quota = std::min(quota, QuotaV2(f)); });
    } else if (HasController(controllers, "cpu")) {
      for (const std::string& folder : {mount + "/" + controllers, mount + "/cpu"}) {
        ForEachAncestor(folder, path,
                        [&](const std::string& f) { quota = std::min(quota, QuotaV1(f)); });
      }
    }
  }
  return quota;
}

namespace {

// By the mask of a thread, 0 for the calling one.
int ThreadsOf(pid_t thread) {
  int cpus = static_cast<int>(std::thread::hardware_concurrency());
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(thread, sizeof(mask), &mask) == 0) cpus = CPU_COUNT(&mask);
  const double quota = CgroupCpuQuota("/proc/self/cgroup", "/sys/fs/cgroup");
  if (quota < cpus) cpus = static_cast<int>(std::ceil(quota));
  return std::max(cpus, 1);
}

}  // namespace

int ThreadsOfProcess() { return ThreadsOf(getpid()); }

int AvailableThreads() { return ThreadsOf(0); }

int CheckThreads(int threads) {
  if (threads >= 0 && threads <= kMostThreads) return threads;
  throw Error(ErrorCode::kInvalidInput, "threads: expected 0 (as many as the process may use) to " +
                                            std::to_string(kMostThreads) + ", found " +
                                            std::to_string(threads));
}

}  // namespace kinglet
