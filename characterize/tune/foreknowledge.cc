#include "characterize/tune/foreknowledge.h"

#include <algorithm>
#include <cmath>

namespace kinglet::characterize {
namespace {

constexpr double kBytesPerMib = 1 << 20;
constexpr double kUsPerMs = 1e3;
// Standard deviations between the ends of the interval that 80 % of networks are in.
constexpr double kDeviationsOfInterval = 2.563;
// How much more instances are in each other's way than the figures of the machine say, about: no
// predictor has learned from them.
constexpr double kDoubtOfCrowd = 0.15;
constexpr double kLeastDoubt = 0.05;
constexpr double kLeastUs = 1;  // of networks whose work is known when they run

}  // namespace

Prediction PredictionOf(const Foresight& foresight, const SweepKey& key) {
  const Forecast forecast = foresight.At(key.batch, key.threads, key.instances);
  const NetworkTime& time = forecast.time;
  Prediction prediction;
  const double low = std::max(time.low_us, kLeastUs);
  const double high = std::max(time.high_us, low);
  prediction.latency_ms = std::sqrt(low * high) / kUsPerMs;
  const double doubt = std::log(high / low) / kDeviationsOfInterval;
  prediction.doubt =
      std::max(std::hypot(doubt, key.instances > 1 ? kDoubtOfCrowd : 0), kLeastDoubt);
  auto bytes = static_cast<double>(forecast.resident_bytes);
  if (key.kind == InstanceKind::kProcesses) {
    const Forecast one = foresight.At(key.batch, key.threads, 1);
    bytes = static_cast<double>(one.resident_bytes) * key.instances;
  }
  prediction.memory_mb = bytes / kBytesPerMib;
  return prediction;
}

}  // namespace kinglet::characterize
