// Where more batch brings less, and from where on it brings little (Hanhirova et al. 2018, figures
// 5 and 6: throughput falls at some batches, which nothing foretold).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "characterize/analysis/curve.h"

namespace kinglet::characterize {

// A layer that other kernels run from one batch to another; "": none does.
struct KernelChange {
  std::string layer, before, after;

  bool operator==(const KernelChange&) const = default;
};

// By layer: a plan may have a layer more than the other.
std::vector<KernelChange> ChangesBetween(const SweepPoint& before, const SweepPoint& after);

struct Cliff {
  int from_batch = 0, to_batch = 0;  // neighbours among those measured
  double from_images_per_s = 0, to_images_per_s = 0;
  std::vector<KernelChange> changes{};
  std::optional<int> recovered_at{};  // the first later batch with the throughput of before

  double fall() const { return 1 - to_images_per_s / from_images_per_s; }
};

// Where throughput falls from one batch to the next by more than `least_fall` and further than both
// confidence intervals reach. Points that are marked or have less than three runs are passed over,
// as if they had not been measured.
std::vector<Cliff> FindCliffs(const Curve& curve, double least_fall = 0.02);

struct KneeRule {
  double throughput = 0.05;  // less than this share more ...
  double latency = 0.5;      // ... for each such share of more latency
};

// The smallest batch beyond which no larger one is worth its latency by the rule: one that takes
// (1 + latency)^n times as long has less than (1 + throughput)^n times the throughput, n at
// least 1. None where the curve ends before that shows: no larger batch takes (1 + latency) times
// as long, or fewer than three points are not marked.
std::optional<SweepPoint> FindKnee(const Curve& curve, const KneeRule& rule = {});

}  // namespace kinglet::characterize
