// What this CPU can do, and what of it kernels use.
#pragma once

#include <string>

namespace kinglet {

struct CpuInfo {
  std::string name;          // as CpuName
  std::string features;      // of the CPU and the operating system: "avx2,avx512,amx_tile"; "none"
  std::string used;          // of them, that kernels may use (KINGLET_CPU): "avx2"
  std::string instructions;  // as InstructionSet
  // How kernels on matrix tiles of bfloat16 and of bytes run (KINGLET_TILES): "hardware",
  // "emulated" (slowly, with the same bits), "off".
  std::string tiles_bf16, tiles_int8;
};

// Asks the operating system for permission to use tiles where that decides.
CpuInfo DescribeCpu();

}  // namespace kinglet
