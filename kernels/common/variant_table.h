// The variants of a kernel family, built once for each target.
#pragma once

#include <map>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/common/cpu_target.h"

namespace kinglet::kernels {

template <typename Variant>
class VariantTable {
 public:
  // What `build` returns under the active target. Thread-safe; the span stays valid.
  std::span<const Variant> Get(std::vector<Variant> (*build)()) {
    const std::lock_guard lock(mutex_);
    const std::string_view target = ActiveTarget();
    const auto found = by_target_.find(target);
    if (found != by_target_.end()) return found->second;
    return by_target_.emplace(target, build()).first->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::string_view, const std::vector<Variant>> by_target_;
};

}  // namespace kinglet::kernels
