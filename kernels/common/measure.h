// What this machine reaches, measured: the scale that benchmarks and the machine model refer to.
#pragma once

#include <cstddef>

namespace kinglet::kernels {

// The most float32 operations per second, in 1e9, that one core was seen to do: multiply-adds (two
// operations each) between registers on the active target. Takes about 20 ms; a moment in which
// another process has the core does not lower the result.
double MeasurePeakGflops();

// The most bytes per second, in 1e9, read and written, at which this thread was seen to copy the
// first half of `count` floats to the second one, again and again for `seconds`. `data` at 64
// bytes, and written to before.
double MeasureCopyGbps(float* data, size_t count, double seconds);

// Makes a chain of `lines` lines of 64 bytes at `data`: each says where the next one is, in an
// order that no prefetcher guesses (Sattolo's random cycle).
void LinkLines(void* data, size_t lines);

// Nanoseconds of a load that waits for the one before, along such a chain from line `start` on: of
// the fastest of the pieces that `seconds` have room for.
double MeasureLoadNs(const void* data, size_t start, double seconds);

}  // namespace kinglet::kernels
