// Measuring one network, whole and layer by layer, at many points.
#pragma once

#include <string>
#include <vector>

#include "characterize/dataset/dataset.h"
#include "kinglet/onnx.h"

namespace kinglet::characterize {

struct MeasureOptions {
  std::vector<int> batches = {1};
  std::vector<int> threads = {1};
  double seconds = 4;     // for all points of a network together, about
  double most_ms = 2000;  // points that are predicted to take longer are left out
  int turns = 3;
  // Of each choice among kernels, that are timed in its place; those beyond 1 become rows of the
  // kind "alternative".
  int candidates = 1;
  ReadOptions read{};
  CompileOptions compile{};  // its threads are not used
  std::string family{};      // "": FamilyOf
};

// This machine with the figures that steps are predicted by.
DatasetMachine ThisDatasetMachine(const CompileOptions& compile);

// The name of the network's file without folder and extension, or the name that is none of a file.
std::string NetworkNameOf(const std::string& network);
// "nasbench101" of nasbench101_7_00012: without numbers at the end.
std::string FamilyOf(const std::string& name);

// Rows of the points, that of the kind "done" last: at each point, in turns, the network runs whole
// and layer by layer. Throws Error as OpenNetwork, Model::Compile and Session::Run do, and
// Error(kInvalidInput) where no point is left.
std::vector<DataRow> MeasureNetwork(const std::string& network, const MeasureOptions& options);

// One row of the kind "failed".
DataRow FailedRow(const std::string& network, const std::string& family, const std::string& reason);

}  // namespace kinglet::characterize
