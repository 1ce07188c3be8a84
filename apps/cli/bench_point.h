// One point of kinglet bench: one batch on one number of threads, timed in a process of its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/bench_stages.h"
#include "apps/cli/cli.h"

namespace kinglet::cli {

struct BenchPoint {
  std::string network;
  int batch = 1;
  int threads = 1;
  std::vector<std::string> shapes;  // as ShapeOptions
  int repeat = 0;                   // runs that are timed; 0: until the median is stable
  CostOptions costs;
  std::string descriptor;  // name or file; "": the network's own, or the one beside it
  std::string picture;     // for a detector; "": one that is drawn
};

struct BenchTimes {
  double median_ms = 0;
  double min_ms = 0;
  double p95_ms = 0;
  double operations = 0;  // of one run: two for each multiply-add
  double peak_rss_mb = 0;
  // Of a detector, and not in the times above. Not there for other networks.
  std::optional<DetectorStages> stages{};
};

// Runs the point in a new process. Prints what went wrong there, and gives its status, otherwise.
Status MeasurePoint(const BenchPoint& point, BenchTimes& times);

// What that process does: times the point, and prints the result for MeasurePoint.
Status TimePoint(const BenchPoint& point);

}  // namespace kinglet::cli
