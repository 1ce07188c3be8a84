// What bounds a layer: arithmetic, or the memory that it goes through. The roofline model
// (Williams, Waterman and Patterson, Roofline, 2009) with the peaks that this machine was measured
// to have.
#pragma once

#include <map>
#include <string>

#include "kinglet/model.h"
#include "kinglet/tuning.h"

namespace kinglet::characterize {

// What a number of threads can do at most.
struct Roof {
  int threads = 1;
  // Operations per second, in 1e9, a multiply-add being two, by element type and instructions, as
  // Calibration has them.
  std::map<std::string, Calibration::Figures, std::less<>> peaks{};
  double dram_gbps = 0;  // bytes per second, in 1e9
  double l3_gbps = 0;
  double l2_gbps = 0;
};

// Threads beyond the CPUs that were calibrated add nothing. Bandwidths between one thread and all
// grow evenly.
Roof RoofOf(const Calibration& calibration, int threads);

enum class LayerBound { kMemory, kArithmetic };
const char* BoundName(LayerBound bound);  // "memory", "arithmetic"

// One layer against the roof.
struct LayerWork {
  double operations = 0;   // two for each multiply-add of the layer's definition
  double bytes = 0;        // activations read and written, and weights, once each
  double intensity = 0;    // operations for each byte
  double peak_gflops = 0;  // of the type and instructions that most of it is computed by
  LayerBound bound = LayerBound::kMemory;
};

// `step` of a plan for as many threads as the roof is of. A layer is bound by memory where its
// intensity is below that of the ridge, peak / bandwidth of DRAM.
LayerWork WorkOf(const StepInfo& step, const Roof& roof);

}  // namespace kinglet::characterize
