#include "kernels/conv/weights_bf16.h"

#include "kernels/common/half.h"
#include "kernels/conv/shape.h"

namespace kinglet::kernels {

size_t PackedBytesBf16(const ConvShape& s) {
  const int64_t steps = BlockCount(s.ic / s.groups, kBlockBf16) * s.kh * s.kw;
  const int64_t blocks = s.groups * BlockCount(s.oc / s.groups, kBlockBf16);
  return static_cast<size_t>(blocks * steps * kBlockBf16 * kBlockBf16) * sizeof(BFloat16);
}

void PackBf16(const ConvShape& s, const void* oihw, void* packed) {
  const auto* weights = static_cast<const float*>(oihw);
  auto* to = static_cast<BFloat16*>(packed);
  const int64_t ic = s.ic / s.groups;
  const int64_t oc = s.oc / s.groups;
  const int64_t taps = int64_t{s.kh} * s.kw;
  for (int64_t group = 0; group < s.groups; ++group) {
    for (int64_t o = 0; o < oc; o += kBlockBf16) {
      for (int64_t c = 0; c < ic; c += kBlockBf16) {
        for (int64_t tap = 0; tap < taps; ++tap) {
          for (int64_t i = 0; i < kBlockBf16 * kBlockBf16; ++i) {
            const InStep at = PlaceInStep(i);
            const bool there = o + at.out < oc && c + at.in < ic;
            const int64_t from = ((group * oc + o + at.out) * ic + c + at.in) * taps + tap;
            *to++ = there ? ToBFloat16(weights[from]) : BFloat16{0};
          }
        }
      }
    }
  }
}

PackedFormat FormatBf16(const ConvShape& s) {
  PackedFormat format = ConvFormat("pairs", kBlockBf16, s);
  format.type = ElementType::kBFloat16;
  return format;
}

bool HasWideGroups(const ConvShape& s, int64_t block) {
  return s.groups == 1 || ((s.ic / s.groups) % block == 0 && (s.oc / s.groups) % block == 0);
}

}  // namespace kinglet::kernels
