#include "kernels/common/cpu_features.h"

#include <algorithm>

namespace kinglet::kernels {
namespace {

using enum CpuFeature;

constexpr CpuFeature kFoundations[] = {
#define KINGLET_CPU_FEATURE(constant, name, foundation) foundation,
#include "kernels/common/cpu_features.inc"
#undef KINGLET_CPU_FEATURE
};

constexpr CpuFeature Nth(size_t index) { return static_cast<CpuFeature>(index); }

constexpr bool FoundationsComeFirst() {
  for (size_t i = 0; i < kCpuFeatureCount; ++i) {
    if (kFoundations[i] > Nth(i)) return false;
  }
  return true;
}
static_assert(FoundationsComeFirst());

constexpr const char* kNone = "none";

std::string AllNames() {
  std::string names;
  for (const std::string_view name : kCpuFeatureNames) {
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return names;
}

// The feature of that name; the number of features for none.
size_t IndexOf(std::string_view name) {
  size_t index = 0;
  while (index < kCpuFeatureCount && kCpuFeatureNames[index] != name) ++index;
  return index;
}

constexpr uint64_t Bits(std::initializer_list<int> positions) {
  uint64_t bits = 0;
  for (const int position : positions) bits |= uint64_t{1} << position;
  return bits;
}

constexpr bool All(uint64_t value, uint64_t bits) { return (value & bits) == bits; }

}  // namespace

std::string ToString(CpuFeatures features) {
  std::string text;
  for (size_t i = 0; i < kCpuFeatureCount; ++i) {
    if (!features.Has(Nth(i))) continue;
    if (!text.empty()) text += ',';
    text += NameOf(Nth(i));
  }
  return text.empty() ? kNone : text;
}

ParsedCpuFeatures ParseCpuFeatures(std::string_view text) {
  ParsedCpuFeatures parsed;
  if (text == kNone) return parsed;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    const size_t index = IndexOf(word);
    if (index == kCpuFeatureCount) {
      std::string error = "'";
      error.append(word).append("' is no feature of a CPU; the features are ").append(AllNames());
      return {{}, error + ", with commas between them, or " + kNone};
    }
    parsed.features.Add(Nth(index));
    begin = end + 1;
  }
  return parsed;
}

CpuFeatures WithFoundations(CpuFeatures features) noexcept {
  for (size_t i = kCpuFeatureCount; i-- > 0;) {
    if (features.Has(Nth(i))) features.Add(kFoundations[i]);
  }
  return features;
}

CpuFeatures WithoutUnfounded(CpuFeatures features) noexcept {
  for (size_t i = 0; i < kCpuFeatureCount; ++i) {
    if (!features.Has(kFoundations[i])) features = features - CpuFeatures{Nth(i)};
  }
  return features;
}

// Bits of Intel's Software Developer's Manual, volume 2 (CPUID) and volume 1 (XCR0).
CpuFeatures FeaturesOf(const X86Answers& a) noexcept {
  const bool ymm_kept = All(a.leaf1_ecx, Bits({27, 28})) && All(a.xcr0, Bits({1, 2}));
  const bool zmm_kept = ymm_kept && All(a.xcr0, Bits({5, 6, 7}));
  const bool tiles_kept = zmm_kept && All(a.xcr0, Bits({17, 18})) && a.tiles_on_request;
  const bool fma_f16c = All(a.leaf1_ecx, Bits({12, 29}));
  CpuFeatures features;
  const auto add = [&](CpuFeature feature, bool there) {
    if (there) features.Add(feature);
  };
  add(kAvx2, ymm_kept && fma_f16c && All(a.leaf7_ebx, Bits({3, 5, 8})));
  add(kAvx512, zmm_kept && All(a.leaf7_ebx, Bits({16, 17, 28, 30, 31})));
  add(kAvx512Vnni, All(a.leaf7_ecx, Bits({11})));
  add(kAvx512Bf16, All(a.leaf7_1_eax, Bits({5})));
  add(kAvxVnni, All(a.leaf7_1_eax, Bits({4})));
  add(kAmxTile, tiles_kept && All(a.leaf7_edx, Bits({24})));
  add(kAmxBf16, All(a.leaf7_edx, Bits({22})));
  add(kAmxInt8, All(a.leaf7_edx, Bits({25})));
  return WithoutUnfounded(features);
}

// Bits of Linux, arch/arm64/include/uapi/asm/hwcap.h.
CpuFeatures FeaturesOfArm(uint64_t hwcap, uint64_t hwcap2) noexcept {
  CpuFeatures features;
  const auto add = [&](CpuFeature feature, uint64_t value, int bit) {
    if (All(value, Bits({bit}))) features.Add(feature);
  };
  add(kNeon, hwcap, 1);
  add(kNeonDot, hwcap, 20);
  add(kNeonI8mm, hwcap2, 13);
  add(kNeonBf16, hwcap2, 14);
  return WithoutUnfounded(features);
}

}  // namespace kinglet::kernels
