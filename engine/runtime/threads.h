// How many CPUs a process may use.
#pragma once

#include <string>

#include "engine/cost/thread_limit.h"

namespace kinglet {

// CPUs that the cgroup (version 1 or 2) of a process may use, as a fraction; infinity when there is
// no limit. `proc_cgroup` is /proc/self/cgroup, `mount` is /sys/fs/cgroup. The smallest quota of
// the group and its ancestors counts.
double CgroupCpuQuota(const std::string& proc_cgroup, const std::string& mount);

// AvailableThreads of the main thread, whose affinity mask is the process's: a thread that has
// pinned itself speaks for nobody else.
int ThreadsOfProcess();

// The number itself. Throws Error(kInvalidInput) where it is no number of threads from 0 (as many
// as the process may use) to kMostThreads.
int CheckThreads(int threads);

}  // namespace kinglet
