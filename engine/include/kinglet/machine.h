// What this machine can do, for people and tools that judge speed.
#pragma once

#include <string>

namespace kinglet {

// Version of this library: "0.1.0".
std::string Version();

// Name, family, model and stepping of the CPU, as the operating system tells them.
std::string CpuName();

// The instruction set that kernels run on: "baseline", "avx2", "avx512" or "neon".
std::string InstructionSet();

// Float32 operations per second, in 1e9, that one core reaches in a loop of multiply-adds (two
// operations each) between registers. Measured at each call, which takes about 20 ms.
double MeasurePeakGflops();

}  // namespace kinglet
