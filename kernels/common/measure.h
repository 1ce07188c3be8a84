// What this machine reaches, measured: the scale that benchmarks and cost functions refer to.
#pragma once

namespace kinglet::kernels {

// The most float32 operations per second, in 1e9, that one core was seen to do: multiply-adds (two
// operations each) between registers on the active target. Takes about 20 ms; a moment in which
// another process has the core does not lower the result.
double MeasurePeakGflops();

}  // namespace kinglet::kernels
