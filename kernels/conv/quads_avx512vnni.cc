// Quads by vpdpbusd on vectors of 64 bytes.
#include "kernels/conv/quads.h"

#if defined(__AVX512VNNI__)
#include <immintrin.h>

#include "kernels/conv/codes_avx512.h"
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
  using Limits = CodeLimits512;
  template <int V>
  static void StoreCodes(const Int (&sums)[V], const Float (&scales)[V], const Limits& limits,
                         uint8_t* to) {
    const Int codes = CodesInOrder(sums, scales, limits);
    if constexpr (V == 4) _mm512_storeu_si512(to, codes);
    if constexpr (V == 2) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_castsi512_si256(codes));
    }
    if constexpr (V == 1) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_castsi512_si128(codes));
    }
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
