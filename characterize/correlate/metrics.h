// Figures of whole networks: what they are made of, what running them takes.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "characterize/counters/counters.h"
#include "kinglet/model.h"
#include "kinglet/onnx.h"

namespace kinglet::characterize {

using Metrics = std::map<std::string, double, std::less<>>;

// What correlations are with.
struct Target {
  const char* metric;
  const char* what;  // with its unit
};
// "latency_ms", "images_per_s", "utilisation", "energy_mj".
const std::vector<Target>& Targets();

// One network in one engine. Metrics are those of one run over the batch:
//   targets as above; energy where RAPL can be read
//   static     multiply_adds, parameters, weight_bytes, activation_bytes (read and written),
//              intensity (operations / byte), working_set_bytes (weights, tensors, scratch),
//              layers, steps
//   predicted_ms  by the cost model
//   peak_rss_mb, and counts by the names of their events
struct NetworkMetrics {
  std::string network;
  std::string engine = "Kinglet";
  Metrics metrics{};

  bool operator==(const NetworkMetrics&) const = default;
};

struct MetricsOptions {
  std::string network;  // as OpenNetwork takes it
  int batch = 1;
  int threads = 1;
  ReadOptions read{};
  CompileOptions compile{};  // its `threads` are not used
  CounterRequest counters{};
  double budget_seconds = 1;  // of the runs
};

// Runs the network in this process. Throws Error as what it calls does.
NetworkMetrics MeasureMetrics(const MetricsOptions& options);

// Runs it so often and measures nothing: for tools that count whole processes.
void RunOnly(const MetricsOptions& options, int runs);

// A line of JSON. ParseMetrics throws Error(kInvalidInput) that names `source`, for numbers that
// are not finite or below 0, too, and for more than 1000 of them.
std::string MetricsLine(const NetworkMetrics& metrics);
NetworkMetrics ParseMetrics(std::string_view line, const std::string& source);

// Medians over several processes of the same network and engine; metrics that not all of them have
// are left out. Of at least one.
NetworkMetrics MedianOf(const std::vector<NetworkMetrics>& turns);

// Those of other engines with the static metrics of the same networks that Kinglet has; networks
// that Kinglet was not measured on are left out.
std::vector<NetworkMetrics> WithStatic(const std::vector<NetworkMetrics>& kinglet,
                                       std::vector<NetworkMetrics> peers);

// Descriptors of the library that build a network for pictures of one size whose work is known
// before it runs.
std::vector<std::string> UsualNetworks();

}  // namespace kinglet::characterize
