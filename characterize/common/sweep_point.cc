#include "characterize/common/sweep_point.h"

#include <fmt/format.h>

namespace kinglet::characterize {

std::string KeyText(const SweepKey& key) {
  std::string text =
      fmt::format("{} {} batch {} threads {}", key.network, key.precision, key.batch, key.threads);
  if (key.instances > 1) {
    const bool threads = key.kind == InstanceKind::kThreads;
    text += fmt::format(" instances {} as {}", key.instances, threads ? "threads" : "processes");
  }
  if (key.rate > 0) text += fmt::format(" rate {:g}", key.rate);
  if (!key.tuning.empty()) text += " with the kernels of " + key.tuning;
  return text;
}

}  // namespace kinglet::characterize
