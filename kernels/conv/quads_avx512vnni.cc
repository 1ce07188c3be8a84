// Quads by vpdpbusd on vectors of 64 bytes.
#include "kernels/conv/quads.h"

#if defined(__AVX512VNNI__)
#include <immintrin.h>

#include "kernels/conv/quads-inl.h"

namespace kinglet::kernels {
namespace {

struct Avx512Vnni {
  using Int = __m512i;
  using Float = __m512;
  static constexpr int kLanes = 16;
  static constexpr int kMaxBlocks = 4, kMaxSums = 24, kMaxOfOne = 14;

  static Int Load(const int32_t* from) { return _mm512_loadu_si512(from); }
  static void Store(Int x, int32_t* to) { _mm512_storeu_si512(to, x); }
  static Int Set(int32_t x) { return _mm512_set1_epi32(x); }
  static Float LoadFloat(const float* from) { return _mm512_loadu_ps(from); }
  static Int Dot(Int sums, Int x, Int w) { return _mm512_dpbusd_epi32(sums, x, w); }
  static Int Codes(Int sums, Float scales, float low, float high, int32_t bias) {
    const Float scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), scales);
    const Float code =
        _mm512_min_ps(_mm512_max_ps(scaled, _mm512_set1_ps(low)), _mm512_set1_ps(high));
    const Float shifted = _mm512_add_ps(code, _mm512_set1_ps(12582912.0f));
    return _mm512_sub_epi32(_mm512_castps_si512(shifted), _mm512_set1_epi32(bias));
  }
  static void StoreBytes(Int x, uint8_t* to) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(x));
  }
};

}  // namespace

GatherDotsFn QuadDotsAvx512Vnni() noexcept { return &QuadDots<Avx512Vnni>::Run; }

}  // namespace kinglet::kernels
#else
namespace kinglet::kernels {

GatherDotsFn QuadDotsAvx512Vnni() noexcept { return nullptr; }

}  // namespace kinglet::kernels
#endif
