// Denormal numbers cost a hundred cycles each and mean nothing to a network.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace kinglet {

// Flushes denormals to zero on this thread, inputs and results, and restores the mode it found.
class FlushDenormals {
 public:
  FlushDenormals() noexcept : saved_(Get()) { Set(saved_ | kFlushBits); }
  ~FlushDenormals() { Set(saved_); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
#if defined(__x86_64__)
  using Mode = unsigned int;
  static constexpr Mode kFlushBits = 0x8040;  // FTZ and DAZ
  static Mode Get() noexcept { return _mm_getcsr(); }
  static void Set(Mode mode) noexcept { _mm_setcsr(mode); }
#elif defined(__aarch64__)
  using Mode = std::uint64_t;
  static constexpr Mode kFlushBits = Mode{1} << 24;  // FZ
  static Mode Get() noexcept {
    Mode mode;
    asm volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
  }
  static void Set(Mode mode) noexcept { asm volatile("msr fpcr, %0" : : "r"(mode)); }
#else
  using Mode = int;
  static constexpr Mode kFlushBits = 0;
  static Mode Get() noexcept { return 0; }
  static void Set(Mode) noexcept {}
#endif
  Mode saved_;
};

}  // namespace kinglet
