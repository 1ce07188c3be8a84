// Quads by vpdpbusd on vectors of 32 bytes, of CPUs without AVX-512.
#include "kernels/conv/quads.h"

#if defined(__AVXVNNI__)
#include <immintrin.h>

#include "kernels/conv/quads-inl.h"

namespace kinglet::kernels {
namespace {

struct AvxVnni {
  using Int = __m256i;
  using Float = __m256;
  static constexpr int kLanes = 8;
  static constexpr int kMaxBlocks = 1, kMaxSums = 6, kMaxOfOne = 6;

  static Int Load(const int32_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static void Store(Int x, int32_t* to) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), x); }
  static Int Set(int32_t x) { return _mm256_set1_epi32(x); }
  static Float LoadFloat(const float* from) { return _mm256_loadu_ps(from); }
  static Int Dot(Int sums, Int x, Int w) { return _mm256_dpbusd_avx_epi32(sums, x, w); }

  struct Limits {
    Limits(float lowest, float highest, int32_t zero_point)
        : low(_mm256_set1_ps(lowest)),
          high(_mm256_set1_ps(highest)),
          bias(_mm256_set1_epi32(0x4B400000 - zero_point)) {}
    Float low, high;
    Int bias;  // of the bits of 1.5 * 2^23 + a code, which rounds it
  };
  // Of each half the low bytes of four lanes, and those together.
  template <int V>
  static void StoreCodes(const Int (&sums)[V], const Float (&scales)[V], const Limits& limits,
                         uint8_t* to) {
    for (int v = 0; v < V; ++v) {
      const Float scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sums[v]), scales[v]);
      const Float code = _mm256_min_ps(_mm256_max_ps(scaled, limits.low), limits.high);
      const Float shifted = _mm256_add_ps(code, _mm256_set1_ps(12582912.0f));
      const Int codes = _mm256_sub_epi32(_mm256_castps_si256(shifted), limits.bias);
      const Int words = _mm256_packus_epi32(codes, codes);
      const __m128i both = _mm256_castsi256_si128(_mm256_permute4x64_epi64(words, 0x08));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(to + v * kLanes), _mm_packus_epi16(both, both));
    }
  }
};

}  // namespace

GatherDotsFn QuadDotsAvxVnni() noexcept { return &QuadDots<AvxVnni>::Run; }

}  // namespace kinglet::kernels
#else
namespace kinglet::kernels {

GatherDotsFn QuadDotsAvxVnni() noexcept { return nullptr; }

}  // namespace kinglet::kernels
#endif
