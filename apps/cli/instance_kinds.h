// What --as says of concurrent instances.
#pragma once

#include <string>
#include <vector>

#include "characterize/common/sweep_point.h"

namespace kinglet::cli {

// Of "threads", "processes" or "both"; "": threads.
inline std::vector<characterize::InstanceKind> InstanceKinds(const std::string& kind) {
  using characterize::InstanceKind;
  if (kind == "both") return {InstanceKind::kThreads, InstanceKind::kProcesses};
  return {kind == "processes" ? InstanceKind::kProcesses : InstanceKind::kThreads};
}

}  // namespace kinglet::cli
