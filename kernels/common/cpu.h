// The CPU as a value: this machine's, less of it, or one that a test makes up.
#pragma once

#include <cstddef>
#include <string>

#include "kernels/common/cpu_features.h"

namespace kinglet::kernels {

struct CacheSizes {
  size_t l1d_bytes;
  size_t l2_bytes;
  size_t l3_bytes;  // of the cache that this core shares

  bool operator==(const CacheSizes&) const = default;
};

struct Cpu {
  CpuFeatures features;
  CacheSizes caches;

  bool operator==(const Cpu&) const = default;
};

// This machine's, asked once: features as the CPU and the operating system tell them, caches as the
// operating system does; common values where it does not. Asks for no permission.
const Cpu& DetectedCpu() noexcept;

struct CpuChoice {
  Cpu cpu;
  std::string problem;  // of the variable; the CPU is the detected one then
};
// The CPU where the environment variable KINGLET_CPU has the value `wanted` (null or empty: is not
// set): with the features that it names and those that these build on, all of them detected.
CpuChoice ChooseCpu(const Cpu& detected, const char* wanted);

// The CPU that kernels are chosen and cut for: the detected one, less of it where KINGLET_CPU says
// so, or the one that a test made up. Thread-safe, and cheap enough for a kernel to ask.
const Cpu& ActiveCpu() noexcept;

// Empty, or what is wrong with KINGLET_CPU, which then counts for nothing.
const std::string& EnvironmentCpuProblem() noexcept;

// For tests: makes `cpu`, which lives until the next call, the active one; null: this machine's. No
// step planned before may run after it (tests/support/made_up_cpu.h).
void MakeUpActiveCpu(const Cpu* cpu) noexcept;

// Asks the operating system to let this process use the tiles of AMX, once: whether it may. To be
// asked only for a plan that wants tiles, as threads keep more for each other from then on.
// Whatever the answer, nothing fails; without permission the first instruction would end the
// process.
bool RequestTilePermission() noexcept;

}  // namespace kinglet::kernels
