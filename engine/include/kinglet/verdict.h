// What a check of precisions (kinglet/check.h) found for a network on this machine.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "kinglet/graph.h"
#include "kinglet/precision.h"

namespace kinglet {

// What a graph is, whatever its file is called: 16 digits that tell its operators and constants
// from others. `graph` is as it was read.
std::string GraphKey(const Graph& graph);

struct PrecisionVerdict {
  double milliseconds = 0;  // of one picture, the median
  double share = 1;         // of the answers that are float32's
  bool allowed = true;      // as many as were asked for
};

// kFloat32, and others that were tried.
using PrecisionVerdicts = std::map<Precision, PrecisionVerdict>;

// Adds them to the file ("": in the user's cache folder), under what the graph is (GraphKey).
// Throws Error(kIo), and Error(kInvalidInput) when a named file holds something else.
void SaveVerdicts(const Graph& graph, const PrecisionVerdicts& verdicts,
                  const std::string& file = "");

// Those that the file knows for this graph; none where it knows none. What is no such file, or is
// for another CPU, instruction set or version, is Error(kInvalidInput) where it is named, and knows
// nothing where it is the one in the cache folder.
std::optional<PrecisionVerdicts> FindVerdicts(const Graph& graph, const std::string& file = "");

// The fastest of those that are allowed, by more than 5 %: int8 before float32 before bfloat16;
// kFloat32 where none is.
Precision FastestAllowed(const PrecisionVerdicts& verdicts);

// Where they are kept unless said otherwise, beside the tuning file (kinglet/tuning.h).
std::string DefaultVerdictFile();

}  // namespace kinglet
