// What a CPU can do, and what a kernel needs of it: a set of the features in cpu_features.inc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>

namespace kinglet::kernels {

enum class CpuFeature : uint8_t {
#define KINGLET_CPU_FEATURE(constant, name, foundation) constant,
#include "kernels/common/cpu_features.inc"
#undef KINGLET_CPU_FEATURE
};
inline constexpr std::string_view kCpuFeatureNames[] = {
#define KINGLET_CPU_FEATURE(constant, name, foundation) name,
#include "kernels/common/cpu_features.inc"
#undef KINGLET_CPU_FEATURE
};
inline constexpr size_t kCpuFeatureCount = std::size(kCpuFeatureNames);

constexpr std::string_view NameOf(CpuFeature feature) {
  return kCpuFeatureNames[static_cast<size_t>(feature)];
}

class CpuFeatures {
 public:
  constexpr CpuFeatures() = default;
  constexpr CpuFeatures(std::initializer_list<CpuFeature> features) {
    for (const CpuFeature feature : features) bits_ |= Bit(feature);
  }

  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool Has(CpuFeature feature) const { return (bits_ & Bit(feature)) != 0; }
  // All of `others`.
  constexpr bool Contains(CpuFeatures others) const { return (others.bits_ & ~bits_) == 0; }

  constexpr CpuFeatures& Add(CpuFeature feature) {
    bits_ |= Bit(feature);
    return *this;
  }
  friend constexpr CpuFeatures operator|(CpuFeatures a, CpuFeatures b) {
    a.bits_ |= b.bits_;
    return a;
  }
  friend constexpr CpuFeatures operator&(CpuFeatures a, CpuFeatures b) {
    a.bits_ &= b.bits_;
    return a;
  }
  friend constexpr CpuFeatures operator-(CpuFeatures a, CpuFeatures b) {
    a.bits_ &= ~b.bits_;
    return a;
  }
  friend constexpr bool operator==(CpuFeatures, CpuFeatures) = default;

 private:
  static constexpr uint32_t Bit(CpuFeature feature) {
    return uint32_t{1} << static_cast<int>(feature);
  }

  uint32_t bits_ = 0;
};
static_assert(kCpuFeatureCount <= 32);

// "avx2,avx512", in the order of cpu_features.inc; "none" for none.
std::string ToString(CpuFeatures features);

struct ParsedCpuFeatures {
  CpuFeatures features;
  std::string problem;  // empty, or which word is no feature and what the features are
};
// The features of such a text, in any order.
ParsedCpuFeatures ParseCpuFeatures(std::string_view text);

// With all that they build on.
CpuFeatures WithFoundations(CpuFeatures features) noexcept;
// Those of which all that they build on is there as well.
CpuFeatures WithoutUnfounded(CpuFeatures features) noexcept;

// What an x86 CPU and its operating system say.
struct X86Answers {
  uint32_t leaf1_ecx = 0;
  uint32_t leaf7_ebx = 0, leaf7_ecx = 0, leaf7_edx = 0;
  uint32_t leaf7_1_eax = 0;
  uint64_t xcr0 = 0;  // registers that are kept for each thread; 0 where it does not say
  bool tiles_on_request = false;  // the operating system may permit a process to use tiles
};
CpuFeatures FeaturesOf(const X86Answers& answers) noexcept;

// AT_HWCAP and AT_HWCAP2 of Linux on AArch64.
CpuFeatures FeaturesOfArm(uint64_t hwcap, uint64_t hwcap2) noexcept;

}  // namespace kinglet::kernels
