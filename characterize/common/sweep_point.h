// One point of a sweep: a network at one batch size, on some threads, in some instances at once.
// What is measured of it over all its turns.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace kinglet::characterize {

// How concurrent instances of a network run.
enum class InstanceKind { kThreads, kProcesses };

// What identifies a point. Two records of one sweep with the same key are the same point.
struct SweepKey {
  std::string network;            // as OpenNetwork takes it
  std::string precision = "f32";  // "f32", "bf16", "int8"
  int batch = 1;                  // images of one run
  int threads = 1;                // of each instance
  int instances = 1;              // that run at the same time, each with runs of its own
  InstanceKind kind = InstanceKind::kThreads;
  double rate = 0;       // arrivals of batches per second, over all instances; 0: closed loop
  std::string tuning{};  // file of measured kernels that it runs by; "": that of the run

  bool operator==(const SweepKey&) const = default;
};

// "mobilenet_v1 f32 batch 8 threads 1 instances 2 as processes".
std::string KeyText(const SweepKey& key);

// Milliseconds of one run over a whole batch, over all instances and turns that count. In an open
// loop they begin at the scheduled arrival.
struct Latency {
  std::size_t runs = 0;
  double mean_ms = 0, min_ms = 0;
  double p50_ms = 0, p90_ms = 0, p95_ms = 0, p99_ms = 0;
  double variation = 0;                          // standard deviation / mean
  double median_low_ms = 0, median_high_ms = 0;  // 95 % confidence interval of the median
};

// The kernel of a layer, in the order of the plan.
struct LayerKernel {
  std::string layer;
  std::string kernel;  // as info --kernels prints it

  bool operator==(const LayerKernel&) const = default;
};

struct SweepPoint {
  SweepKey key;
  Latency latency;
  double images_per_s = 0;  // over all instances: batch x runs / time of the windows
  std::vector<double>
      core_utilisation{};  // 0..1 of each CPU that the process may use, by its order
  double clock_mhz = 0;    // mean over cores and turns; 0: not readable
  double context_switches_per_run = 0, page_faults_per_run = 0;
  double peak_rss_mb = 0;  // MiB, all instances together
  double host_share = 1;   // of the reference loop's best speed that the host delivered, 0..1
  double host_rule = 1;    // the share of it that the host delivered as a rule in the run, 0..1
  std::size_t turns = 0;   // that count
  std::string mark{};      // why it is not to be trusted; "": it is
  std::vector<LayerKernel> kernels{};
};

}  // namespace kinglet::characterize
