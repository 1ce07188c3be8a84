// Instructions, memory references, branches and their misses from valgrind, where the CPU's own
// counters cannot be read. Its caches are those of this CPU as valgrind knows them: a first level
// and a last one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "characterize/correlate/metrics.h"

namespace kinglet::characterize {

// Throws Error(kIo) that names the package where there is no valgrind.
void CheckValgrind();

// The events of the file that cachegrind writes, by names of their own: "cg-instructions",
// "cg-data-refs", "cg-l1-misses", "cg-ll-misses", "cg-branches", "cg-branch-misses". Throws
// Error(kInvalidInput) for another file.
Metrics ParseCachegrind(const std::string& file);

// What one run of a network counts: the difference of a process with two runs and one with a single
// run, so that nothing of preparing it is in. `arguments` gives those of this program that runs it
// so often. Slow: a run takes some fifty times as long, and preparing as well. Throws
// Error(kResource) with what valgrind said where it fails.
Metrics CountByCachegrind(const std::function<std::vector<std::string>(int runs)>& arguments);

}  // namespace kinglet::characterize
