// Sums of integer products to codes in vectors of 64 bytes, for files that are compiled for
// AVX-512: all is local to them.
#pragma once

#if defined(__AVX512BW__)
#include <immintrin.h>

#include <cstdint>

namespace kinglet::kernels {
namespace {

// The bounds of CodesOf (kernels/common/epilogue.h), which are without the zero point.
struct CodeLimits512 {
  CodeLimits512(float low, float high, int32_t zero_point)
      : most(_mm512_set1_ps(high)),
        zero(_mm512_set1_epi16(static_cast<int16_t>(zero_point))),
        least(_mm512_set1_epi8(static_cast<char>(static_cast<int32_t>(low) + zero_point))) {}

  __m512 most;
  __m512i zero, least;
};

// Sums times finite scales, rounded to even. What is above a clamp's bound is cut before it is
// rounded, so that it fits 32 bits, what is below it behind that, since all conversions saturate
// there.
inline __m512i RoundedSums(__m512i sums, __m512 scales, const CodeLimits512& limits) {
  const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), scales);
  return _mm512_cvtps_epi32(_mm512_min_ps(scaled, limits.most));
}

// The codes of V vectors of sums, 1, 2 or 4. Each 16 bytes hold four of each vector, in its order.
template <int V>
inline __m512i InterleavedCodes(const __m512i (&sums)[V], const __m512 (&scales)[V],
                                const CodeLimits512& limits) {
  constexpr int kSecond = V > 1 ? 1 : 0;
  const __m512i a =
      _mm512_adds_epi16(_mm512_packs_epi32(RoundedSums(sums[0], scales[0], limits),
                                           RoundedSums(sums[kSecond], scales[kSecond], limits)),
                        limits.zero);
  __m512i b = a;
  if constexpr (V == 4) {
    b = _mm512_adds_epi16(_mm512_packs_epi32(RoundedSums(sums[2], scales[2], limits),
                                             RoundedSums(sums[3], scales[3], limits)),
                          limits.zero);
  }
  return _mm512_max_epu8(_mm512_packus_epi16(a, b), limits.least);
}

// The same, vector after vector. Behind V vectors of codes there is anything.
template <int V>
inline __m512i CodesInOrder(const __m512i (&sums)[V], const __m512 (&scales)[V],
                            const CodeLimits512& limits) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, InterleavedCodes(sums, scales, limits));
}

}  // namespace
}  // namespace kinglet::kernels
#endif
