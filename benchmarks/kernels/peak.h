// The arithmetic peak of this core, measured: what the share of peak in the benchmarks refers to.
#pragma once

namespace kinglet::benchmarks {

// Float32 operations per second, in 1e9, of multiply-adds between registers on the active target;
// measured at the first call.
double PeakGflops();

}  // namespace kinglet::benchmarks
