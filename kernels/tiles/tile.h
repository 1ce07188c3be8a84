// Matrix tiles of AMX behind two classes of one form: HardwareTiles, and EmulatedTiles, which gives
// the same bits on every machine (payloads of NaNs excepted). A kernel takes one of them as a
// template parameter, so that its tables, tails, pads and epilogue are tested where no AMX is.
//
// A tile is up to 16 rows of up to 64 bytes; eight of them are numbered by template parameters.
// Here tiles 0-3 accumulate, 4-5 hold rows of the left operand (pixels x K), 6-7 of the right one
// (K by groups of 4 bytes x output channels).
//
//   DotBf16<C, A, B>   C[m][n] += sum over k of A[m][k] * B[k / 2][2 * n + k % 2], of bfloat16:
//       for each m, n two chains that begin at +0, one over the even, one over the odd k, each step
//       a fused multiply-add; then even + odd; then that is added to C. All of it rounds to nearest
//       even; denormal operands, C included, count as zero; denormal results become zero of their
//       sign, by their size after rounding to 24 bits.
//   DotU8S8<C, A, B>   C[m][n] += sum over k of A[m][k] * B[k / 4][4 * n + k % 4], A of uint8, B of
//       int8, modulo 2^32.
//
// Configure comes first, Release last, on the same thread and in one call of a kernel: nothing is
// left behind, and tiles that others use are not kept. Inline assembly in place of <amxintrin.h>,
// which needs compiler flags and does not tell the compiler what memory is read and written.
// Source: Intel Architecture Instruction Set Extensions Programming Reference, chapter 3.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/common/half.h"

namespace kinglet::kernels {

// What LDTILECFG reads. `depth_bytes` of K are in a row of A; `rows` in A and C.
struct alignas(64) TileConfig {
  explicit TileConfig(int depth_bytes = 64, int tile_rows = 16) noexcept {
    for (int i = 0; i < 8; ++i) {
      column_bytes[i] = static_cast<uint16_t>(i == 4 || i == 5 ? depth_bytes : 64);
      rows[i] = static_cast<uint8_t>(i < 6 ? tile_rows : depth_bytes / 4);
    }
  }

  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t column_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

#if defined(__x86_64__)

// Only where RequestTilePermission() (kernels/common/cpu.h) says yes.
class HardwareTiles {
 public:
  __attribute__((always_inline)) void Configure(const TileConfig& config) noexcept {
    __asm__ volatile("ldtilecfg %0" ::"m"(config) : "memory");
  }
  __attribute__((always_inline)) void Release() noexcept { __asm__ volatile("tilerelease"); }
  template <int T>
  __attribute__((always_inline)) void Zero() noexcept {
    __asm__ volatile("tilezero %%tmm%c0" ::"i"(T));
  }
  // `stride`: bytes from one row to the next.
  template <int T>
  __attribute__((always_inline)) void Load(const void* from, int64_t stride) noexcept {
    __asm__ volatile("tileloadd (%1,%2,1), %%tmm%c0" ::"i"(T), "r"(from), "r"(stride) : "memory");
  }
  // The same where the lines are not wanted in the first-level cache: what streams past a panel
  // that should stay there.
  template <int T>
  __attribute__((always_inline)) void LoadStream(const void* from, int64_t stride) noexcept {
    __asm__ volatile("tileloaddt1 (%1,%2,1), %%tmm%c0" ::"i"(T), "r"(from), "r"(stride) : "memory");
  }
  template <int T>
  __attribute__((always_inline)) void Store(void* to, int64_t stride) noexcept {
    __asm__ volatile("tilestored %%tmm%c0, (%1,%2,1)" ::"i"(T), "r"(to), "r"(stride) : "memory");
  }
  template <int C, int A, int B>
  __attribute__((always_inline)) void DotBf16() noexcept {
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
  }
  template <int C, int A, int B>
  __attribute__((always_inline)) void DotU8S8() noexcept {
    __asm__ volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
  }
};

#endif

class EmulatedTiles {
 public:
  void Configure(const TileConfig& config) noexcept {
    config_ = config;
    std::memset(tile_, 0, sizeof(tile_));
  }
  void Release() noexcept {}
  template <int T>
  void Zero() noexcept {
    std::memset(tile_[T], 0, sizeof(tile_[T]));
  }
  template <int T>
  void Load(const void* from, int64_t stride) noexcept {
    Zero<T>();  // rows and columns beyond the configuration are zero
    for (int r = 0; r < config_.rows[T]; ++r) {
      std::memcpy(tile_[T][r], static_cast<const char*>(from) + r * stride, ColumnBytes(T));
    }
  }
  template <int T>
  void LoadStream(const void* from, int64_t stride) noexcept {
    Load<T>(from, stride);
  }
  template <int T>
  void Store(void* to, int64_t stride) noexcept {
    for (int r = 0; r < config_.rows[T]; ++r) {
      std::memcpy(static_cast<char*>(to) + r * stride, tile_[T][r], ColumnBytes(T));
    }
  }
  template <int C, int A, int B>
  void DotBf16() noexcept {
    const int pairs = config_.column_bytes[A] / 4;
    const int columns = config_.column_bytes[C] / 4;
    for (int m = 0; m < config_.rows[C]; ++m) {
      for (int n = 0; n < columns; ++n) {
        float even = 0;
        float odd = 0;
        for (int k = 0; k < pairs; ++k) {
          BFloat16 a[2];
          BFloat16 b[2];
          std::memcpy(a, tile_[A][m] + 4 * k, 4);
          std::memcpy(b, tile_[B][k] + 4 * n, 4);
          even = FusedStep(ToFloat(a[0]), ToFloat(b[0]), even);
          odd = FusedStep(ToFloat(a[1]), ToFloat(b[1]), odd);
        }
        float c = 0;
        std::memcpy(&c, tile_[C][m] + 4 * n, 4);
        c = Sum(c, Sum(even, odd));
        std::memcpy(tile_[C][m] + 4 * n, &c, 4);
      }
    }
  }
  // Columns that the configuration leaves out hold zeros, and stay so.
  template <int C, int A, int B>
  void DotU8S8() noexcept {
    const int quads = config_.column_bytes[A] / 4;
    for (int m = 0; m < config_.rows[C]; ++m) {
      uint32_t sums[16];
      std::memcpy(sums, tile_[C][m], sizeof(sums));
      for (int k = 0; k < quads; ++k) {
        const uint8_t* a = tile_[A][m] + 4 * k;
        int8_t b[64];
        std::memcpy(b, tile_[B][k], sizeof(b));
        for (int n = 0; n < 16; ++n) {
          const int32_t sum =
              a[0] * b[4 * n] + a[1] * b[4 * n + 1] + a[2] * b[4 * n + 2] + a[3] * b[4 * n + 3];
          sums[n] += static_cast<uint32_t>(sum);
        }
      }
      std::memcpy(tile_[C][m], sums, sizeof(sums));
    }
  }

  // Zero of its sign for a denormal.
  static float Flush(float x) noexcept {
    return std::fabs(x) < FLT_MIN ? std::copysign(0.0f, x) : x;
  }

 private:
  size_t ColumnBytes(int tile) const noexcept { return config_.column_bytes[tile]; }

  // Rounding to a denormal first and to 24 bits first differ in whether a result is tiny only where
  // the first gives the least normal number.
  static float FusedStep(float a, float b, float c) noexcept {
    a = Flush(a);
    b = Flush(b);
    c = Flush(c);
    const float r = std::fmaf(a, b, c);
    if (std::fabs(r) != FLT_MIN || std::fabs(c) > 0x1p-60f) return Flush(r);
    const float scaled = std::fmaf(a * 0x1p32f, b * 0x1p32f, c * 0x1p64f);
    return std::fabs(scaled) < FLT_MIN * 0x1p64f ? std::copysign(0.0f, r) : r;
  }
  static float Sum(float a, float b) noexcept { return Flush(Flush(a) + Flush(b)); }

  TileConfig config_;
  alignas(64) uint8_t tile_[8][16][64] = {};
};

}  // namespace kinglet::kernels
