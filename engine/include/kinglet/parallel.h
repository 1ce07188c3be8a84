// Work on the threads that also run networks.
#pragma once

#include <cstdint>
#include <functional>

namespace kinglet {

// Calls body(i, worker) for each i in [0, count), on at most `threads` threads and on no more than
// the process has CPUs for beside its other runs; calls with the same `worker` (0 to threads - 1)
// come one after the other. The body must not throw. One thread, or a single call, is the caller
// alone.
void ParallelFor(int threads, std::int64_t count,
                 const std::function<void(std::int64_t, int)>& body);

}  // namespace kinglet
