// The files that a cost model is read from. JSON; each says which CPU, instruction set and version
// of Kinglet it is for, and is of no use to others.
#pragma once

#include <string>
#include <vector>

#include "engine/cost/cost_model.h"
#include "kinglet/machine.h"
#include "kinglet/tuning.h"

namespace kinglet {

// Throw Error(kIo) when the file cannot be read, Error(kInvalidInput) when it is no such file, is
// damaged, or is for another CPU, instruction set or version.
Calibration ReadCalibration(const std::string& file);
TuningTable ReadTuning(const std::string& file);

// The same of any machine: its CPU and instruction set go to `cpu` and `target`.
Calibration ReadForeignCalibration(const std::string& file, std::string& cpu, std::string& target);

// Adds the table to what the file holds ("": the one in the cache folder; what cannot be used there
// is replaced). Throws Error(kIo), and Error(kInvalidInput) when a named file holds something else.
void AddToTuningFile(const TuningTable& table, const std::string& file);

// Replaces the built-in figures.
void Apply(const Calibration& calibration, kernels::MachineModel& machine);
// All figures of the machine, as a calibration has them.
Calibration FiguresOf(const kernels::MachineModel& machine);

struct CostFiles {
  std::string calibration{}, tuning{};  // "": those in the cache folder
  bool use_cache = true;
};
// Files named in `files` must be usable, or their errors are thrown; those of the cache are ignored
// with a note when they are not.
CostModel LoadCostModel(const CostFiles& files, std::vector<std::string>& notes);

}  // namespace kinglet
