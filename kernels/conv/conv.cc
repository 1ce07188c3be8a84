#include "kernels/conv/conv.h"

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "kernels/common/cpu_target.h"

namespace kinglet::kernels {

#define KINGLET_CONV_VARIANT(function) ConvVariant function();
#include "kernels/conv/variants.inc"
#undef KINGLET_CONV_VARIANT

std::span<const ConvVariant> ConvVariants() {
  static std::mutex mutex;
  static std::map<std::string_view, const std::vector<ConvVariant>> by_target;
  const std::lock_guard lock(mutex);
  const std::string_view target = ActiveTarget();
  if (const auto found = by_target.find(target); found != by_target.end()) return found->second;
  const auto added = by_target.emplace(target, std::vector<ConvVariant>{
#define KINGLET_CONV_VARIANT(function) function(),
#include "kernels/conv/variants.inc"
#undef KINGLET_CONV_VARIANT
                                               });
  return added.first->second;
}

const ConvVariant* FindConvVariant(std::string_view id) {
  for (const ConvVariant& variant : ConvVariants()) {
    if (variant.id == id) return &variant;
  }
  return nullptr;
}

}  // namespace kinglet::kernels
