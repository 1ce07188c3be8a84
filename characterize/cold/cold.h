// What passes between the call of a program and its first answer: the cold start, by its stages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kinglet/model.h"
#include "kinglet/onnx.h"
#include "measure/common/machine.h"

namespace kinglet::characterize {

// One stage, and the process behind it.
struct ColdStage {
  std::string name;
  double ms = 0;
  double page_faults = 0;  // meanwhile, those that read from the disk included
  double disk_faults = 0;  // of them, those that read from the disk
  double resident_mb = 0;  // MiB behind it

  bool operator==(const ColdStage&) const = default;
};

// The stages of one process up to the first answer, then those of a second one.
struct ColdRun {
  std::vector<ColdStage> first{};
  std::vector<ColdStage> second{};
};

struct ColdOptions {
  std::string network;     // as OpenNetwork takes it
  std::string descriptor;  // name or file; "": the network's own, or the one beside it
  std::string picture;     // file
  int threads = 1;
  ReadOptions read{};
  CompileOptions compile{};  // its `threads` are not used
  // Of the steady clock (CLOCK_MONOTONIC), when the process was started; 0: not known, and then
  // there is no stage "process started".
  std::int64_t started_ns = 0;
};

// Goes through all stages in this process. Throws Error as what it calls does, and
// Error(kInvalidInput) where there is no descriptor.
ColdRun RunCold(const ColdOptions& options);

// The run as a line of JSON, and back. ParseColdRun throws Error(kInvalidInput) that names `source`
// for anything else.
std::string ColdRunLine(const ColdRun& run);
ColdRun ParseColdRun(std::string_view line, const std::string& source);

// What one engine takes: the median of each figure of each stage over several processes.
struct ColdReport {
  std::string engine = "Kinglet";
  std::string network, picture;
  int threads = 1;
  std::size_t turns = 0;
  bool cache_dropped = false;  // the files were not in memory when a process began
  ColdRun median{};
  measure::Machine machine{};

  double first_ms() const;  // sum of the stages
  double second_ms() const;
};

// Of at least one run; all have the same stages. Throws Error(kInvalidInput) where they have not.
ColdRun MedianOf(const std::vector<ColdRun>& runs);

// One object on one line. Reports of other engines (benchmarks/peers/cold.py) have the same form;
// of them "machine" is not read. ParseColdReport throws as ParseColdRun.
std::string ColdReportLine(const ColdReport& report);
ColdReport ParseColdReport(std::string_view line, const std::string& source);

}  // namespace kinglet::characterize
