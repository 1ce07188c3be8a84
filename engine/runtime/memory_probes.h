// How fast caches and memory are, for one thread and for all.
#pragma once

#include "engine/runtime/probe.h"
#include "kinglet/tuning.h"

namespace kinglet {

// Bandwidths ("l1_gbps", "l1_all_gbps" ... "dram_all_gbps"), latencies ("l1_latency_ns" ...) and
// how fast data of some sizes is read again ("l3_again_4MiB"); they hold the memory that they
// measure.
Probes MemoryProbes(int threads);

// Bandwidths, latencies and the bytes of the shared cache, of what those probes found.
void SetMemory(const Calibration::Figures& found, Calibration& calibration);

}  // namespace kinglet
