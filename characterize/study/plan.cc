#include "characterize/study/plan.h"

#include <algorithm>
#include <numeric>

namespace kinglet::characterize {
namespace {

const std::vector<std::string> kClassifiers = {"mobilenet_v1", "inception_v2"};
const std::vector<std::string> kDetectors = {"ssd_mobilenet_v1", "ssd_inception_v2", "faster_rcnn"};

// 1 to `last`, or with `quick` the powers of two below it and what lies around 32, where the paper
// saw throughput fall.
std::vector<int> Batches(int last, bool quick) {
  std::vector<int> batches(static_cast<std::size_t>(last));
  std::iota(batches.begin(), batches.end(), 1);
  if (!quick) return batches;
  std::erase_if(batches, [](int batch) {
    const bool is_power = (batch & (batch - 1)) == 0;
    return !is_power && batch != 24 && batch != 33;
  });
  return batches;
}

class Keys {
 public:
  // One key for each batch and number of instances.
  Keys& Add(SweepKey key, const std::vector<int>& batches, const std::vector<int>& instances) {
    for (const int count : instances) {
      for (const int batch : batches) {
        key.batch = batch;
        key.instances = count;
        // A single instance is the same however it would be run beside others.
        SweepKey made = key;
        if (count == 1) made.kind = InstanceKind::kThreads;
        keys_.push_back(made);
      }
    }
    return *this;
  }
  std::vector<SweepKey> Take() { return std::move(keys_); }

 private:
  std::vector<SweepKey> keys_;
};

StudyPart Continuous() {
  Keys keys;
  for (const std::string& network : kClassifiers) keys.Add({.network = network}, {1}, {1, 2});
  return {"continuous", "Continuous throughput", "figures 3 and 4",
          "One picture after the other, in one instance and in two that run at the same time as "
          "threads of one process, each on one thread of its own. Every turn of a point is a "
          "window of time, taken in turn with all other points.",
          keys.Take()};
}

StudyPart BatchSizes(const StudyScope& scope) {
  Keys keys;
  for (const std::string& network : kClassifiers) {
    keys.Add({.network = network}, Batches(33, scope.quick), {1, 2});
  }
  return {"batches",
          "Batch sizes",
          "figure 5; utilisation and clock: figures 7 and 9",
          "Throughput against latency while the batch grows, with one and with two instances as "
          "threads. The paper's accelerators gained several times the throughput from batches, and "
          "lost some of it at certain sizes.",
          keys.Take(),
          {"latency_throughput", "throughput_batch", "utilisation", "clock", "memory"}};
}

StudyPart Processes(const StudyScope& scope) {
  Keys keys;
  keys.Add({.network = "mobilenet_v1", .kind = InstanceKind::kProcesses}, Batches(34, scope.quick),
           {1, 2});
  keys.Add({.network = "inception_v2", .kind = InstanceKind::kProcesses}, Batches(16, scope.quick),
           {1, 2});
  return {"processes",
          "Instances as processes",
          "figures 6, 16 and 17",
          "The same with instances that are processes, each with weights of its own, and the "
          "speed-up of two over one.",
          keys.Take(),
          {"latency_throughput", "instances", "memory"}};
}

StudyPart ThreadsAndProcesses(const StudyScope& scope) {
  const std::vector<int> batches = scope.quick ? std::vector<int>{1, 8, 32} : Batches(33, false);
  Keys keys;
  for (const InstanceKind kind : {InstanceKind::kThreads, InstanceKind::kProcesses}) {
    keys.Add({.network = "mobilenet_v1", .kind = kind}, batches, {2});
  }
  return {
      "threads_processes", "Threads beside processes",
      "figure 18",         "Two instances as threads that share one model, and as two processes.",
      keys.Take(),         {"processes"}};
}

StudyPart ConcurrentBatches(const StudyScope& scope) {
  const std::vector<int> batches =
      scope.quick ? std::vector<int>{1, 4, 16} : std::vector<int>{1, 2, 4, 8, 16, 32};
  const std::vector<int> instances =
      scope.quick ? std::vector<int>{1, 2, 4} : std::vector<int>{1, 2, 3, 4};
  Keys keys;
  for (const std::string& network : kClassifiers) {
    keys.Add({.network = network}, batches, instances);
  }
  return {"concurrent",
          "Batches and concurrent batches",
          "figures 10, 14 and 15",
          "Batch sizes against the number of batches in flight. More instances than CPUs only wait "
          "for each other: latency grows, throughput does not.",
          keys.Take(),
          {"latency_throughput"}};
}

StudyPart Precision(const StudyScope& scope) {
  const std::vector<int> batches =
      scope.quick ? std::vector<int>{1, 8} : std::vector<int>{1, 8, 32};
  Keys keys;
  for (const std::string& network : kClassifiers) {
    for (const char* precision : {"f32", "bf16"}) {
      keys.Add({.network = network, .precision = precision}, batches, {1});
    }
  }
  keys.Add({.network = "demo"}, batches, {1});
  keys.Add({.network = "demo_int8", .precision = "int8"}, batches, {1});
  return {"precision", "Precision", "figure 11",
          "float32 beside bfloat16 and, where a network is there in 8-bit integers, those. On CPUs "
          "without matrix tiles bfloat16 is storage only, and gains nothing.",
          keys.Take()};
}

StudyPart Threads(const StudyScope& scope) {
  std::vector<std::string> networks = kClassifiers;
  networks.push_back("ssd_mobilenet_v1");
  Keys keys;
  for (const std::string& network : networks) {
    for (int threads = 1; threads <= scope.cpus; threads *= 2) {
      keys.Add({.network = network, .threads = threads}, {1, 8}, {1});
    }
  }
  return {"threads", "Threads and instruction sets in the place of devices", "figure 12",
          "The paper compared devices. Here one machine is several: by the threads of an instance, "
          "and by the instruction sets that kernels are compiled for.",
          keys.Take()};
}

StudyPart Detectors(const StudyScope& scope) {
  Keys keys;
  for (const std::string& network : kDetectors) {
    keys.Add({.network = network, .threads = scope.cpus}, {1}, {1});
  }
  return {"detectors", "Detectors side by side", "figure 8",
          "Latencies of the network alone, one picture at a time.", keys.Take()};
}

}  // namespace

std::vector<StudyPart> StudyParts(const StudyScope& scope) {
  return {Continuous(),
          BatchSizes(scope),
          Processes(scope),
          ThreadsAndProcesses(scope),
          ConcurrentBatches(scope),
          Precision(scope),
          Threads(scope),
          Detectors(scope)};
}

std::vector<SweepKey> KeysOf(const std::vector<StudyPart>& parts) {
  std::vector<SweepKey> keys;
  for (const StudyPart& part : parts) {
    for (const SweepKey& key : part.keys) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
    }
  }
  return keys;
}

std::vector<SweepPoint> PointsOf(const StudyPart& part, const std::vector<SweepPoint>& points) {
  std::vector<SweepPoint> own;
  for (const SweepKey& key : part.keys) {
    const auto found = std::find_if(points.begin(), points.end(),
                                    [&](const SweepPoint& point) { return point.key == key; });
    if (found != points.end()) own.push_back(*found);
  }
  return own;
}

}  // namespace kinglet::characterize
