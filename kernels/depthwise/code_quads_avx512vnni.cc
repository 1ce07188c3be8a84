// Depthwise quads by vpdpbusd, of 64 channels in vectors of 64 bytes or of 32 in vectors of 32.
#include "kernels/depthwise/code_quads.h"

#if defined(__AVX512VNNI__)
#include <immintrin.h>

#include "kernels/conv/codes_avx512.h"
#include "kernels/depthwise/code_quads-inl.h"

namespace kinglet::kernels {
namespace {

struct Wide {
  using Codes = __m512i;
  using Int = __m512i;
  static constexpr int64_t kChannels = 64, kComputed = 64;

  static Codes LoadCodes(const uint8_t* from) { return _mm512_loadu_si512(from); }
  template <class T>
  static Int LoadInt(const T* from) {
    return _mm512_loadu_si512(from);
  }
  static Codes LowerBytes(Codes a, Codes b) { return _mm512_unpacklo_epi8(a, b); }
  static Codes UpperBytes(Codes a, Codes b) { return _mm512_unpackhi_epi8(a, b); }
  static Codes LowerWords(Codes a, Codes b) { return _mm512_unpacklo_epi16(a, b); }
  static Codes UpperWords(Codes a, Codes b) { return _mm512_unpackhi_epi16(a, b); }
  static Int Dot(Int sums, Codes x, Int w) { return _mm512_dpbusd_epi32(sums, x, w); }

  struct Limits {
    Limits(const DepthwiseQuads& job, int64_t)
        : codes(job.low, job.high, job.zero_point), lanes(~uint64_t{0} >> (kCodes - job.valid)) {}
    CodeLimits512 codes;
    __mmask64 lanes;
  };
  static void StoreCodes(const Int (&sums)[4], const float* scales, const Limits& limits,
                         uint8_t* to) {
    const __m512 of[4] = {_mm512_loadu_ps(scales), _mm512_loadu_ps(scales + 16),
                          _mm512_loadu_ps(scales + 32), _mm512_loadu_ps(scales + 48)};
    const __m512i codes = InterleavedCodes(sums, of, limits.codes);
    _mm512_storeu_si512(to, _mm512_maskz_mov_epi8(limits.lanes, codes));
  }
};

// Of blocks that have no more than 32 channels.
struct Narrow {
  using Codes = __m256i;
  using Int = __m256i;
  static constexpr int64_t kChannels = 32, kComputed = 32;

  template <class T>
  static Int LoadInt(const T* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static Codes LoadCodes(const uint8_t* from) { return LoadInt(from); }
  static Codes LowerBytes(Codes a, Codes b) { return _mm256_unpacklo_epi8(a, b); }
  static Codes UpperBytes(Codes a, Codes b) { return _mm256_unpackhi_epi8(a, b); }
  static Codes LowerWords(Codes a, Codes b) { return _mm256_unpacklo_epi16(a, b); }
  static Codes UpperWords(Codes a, Codes b) { return _mm256_unpackhi_epi16(a, b); }
  static Int Dot(Int sums, Codes x, Int w) { return _mm256_dpbusd_epi32(sums, x, w); }

  using Limits = Wide::Limits;
  static Int Rounded(Int sums, const float* scales, const Limits& limits) {
    const __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_loadu_ps(scales));
    return _mm256_cvtps_epi32(_mm256_min_ps(scaled, _mm512_castps512_ps256(limits.codes.most)));
  }
  static void StoreCodes(const Int (&sums)[4], const float* scales, const Limits& limits,
                         uint8_t* to) {
    const Int zero = _mm512_castsi512_si256(limits.codes.zero);
    const Int a =
        _mm256_packs_epi32(Rounded(sums[0], scales, limits), Rounded(sums[1], scales + 16, limits));
    const Int b = _mm256_packs_epi32(Rounded(sums[2], scales + 32, limits),
                                     Rounded(sums[3], scales + 48, limits));
    const Int codes =
        _mm256_max_epu8(_mm256_packus_epi16(_mm256_adds_epi16(a, zero), _mm256_adds_epi16(b, zero)),
                        _mm512_castsi512_si256(limits.codes.least));
    const auto lanes = static_cast<__mmask32>(limits.lanes);
    _mm512_storeu_si512(to, _mm512_zextsi256_si512(_mm256_maskz_mov_epi8(lanes, codes)));
  }
};

void Run(const DepthwiseQuads& job) noexcept {
  if (job.valid <= Narrow::kChannels) {
    CodeQuads<Narrow>::Run(job);
  } else {
    CodeQuads<Wide>::Run(job);
  }
}

}  // namespace

DepthwiseQuadsFn DepthwiseQuadsAvx512Vnni() noexcept { return &Run; }

}  // namespace kinglet::kernels
#else
namespace kinglet::kernels {

DepthwiseQuadsFn DepthwiseQuadsAvx512Vnni() noexcept { return nullptr; }

}  // namespace kinglet::kernels
#endif
