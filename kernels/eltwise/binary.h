// Functions of two float32 operands, either of which may be broadcast.
//
// y = f(a, b) element by element, f as ONNX defines the operator. Alignment: any. Over-read,
// over-write: none. Aliasing: y may be a or b where that has as many elements as y; otherwise no
// overlap. Bounds: exact but for kPow (4 * 2^-24 relative).
// NaN in either operand gives NaN (kPow: as std::pow; kPRelu: as written).
//
// In a blocked tensor the pad lanes stay zero when both operands have zero there and KeepsZero(op);
// otherwise clear them afterwards: zero_pad_lanes of kernels/eltwise/channel.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kinglet::kernels {

enum class BinaryOp : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMin,
  kMax,
  kPow,
  kPRelu,  // a < 0 ? a * b : a
  kFmod,   // a - trunc(a / b) * b, with a's sign; exact
};
inline constexpr int kBinaryOpCount = static_cast<int>(BinaryOp::kFmod) + 1;

struct BinaryFns {
  // y[i] = f(a[i], b[i]), i < n.
  void (*arrays)(const float* a, const float* b, float* y, size_t n) noexcept;
  // y[i] = f(a[i], b)
  void (*array_scalar)(const float* a, float b, float* y, size_t n) noexcept;
  // y[i] = f(a, b[i])
  void (*scalar_array)(float a, const float* b, float* y, size_t n) noexcept;
  // One operand for each of the 16 channels of a block ({C,1,1} against {C,H,W}):
  // y[p][l] = f(a[p][l], b[l]), p < pixels, l < 16.
  void (*pixels_channels)(const float* a, const float* b, float* y, size_t pixels) noexcept;
  // y[p][l] = f(a[l], b[p][l])
  void (*channels_pixels)(const float* a, const float* b, float* y, size_t pixels) noexcept;
  // One operand for each pixel ({1,H,W} against {C,H,W}): y[p][l] = f(a[p][l], b[p * step]); step
  // is 16 when b is blocked, 1 when it is plain.
  void (*pixels_scalars)(const float* a, const float* b, size_t step, float* y,
                         size_t pixels) noexcept;
  // y[p][l] = f(a[p * step], b[p][l])
  void (*scalars_pixels)(const float* a, size_t step, const float* b, float* y,
                         size_t pixels) noexcept;
  // A row for all rows of a plain matrix: y[r][i] = f(a[r][i], b[i]), r < rows, i < n.
  void (*rows_row)(const float* a, const float* b, float* y, size_t rows, size_t n) noexcept;
  // y[r][i] = f(a[i], b[r][i])
  void (*row_rows)(const float* a, const float* b, float* y, size_t rows, size_t n) noexcept;
};

// Functions for the active target. Fetch them at plan time.
const BinaryFns& GetBinary(BinaryOp op) noexcept;

// Whether f(0, 0) == 0.
constexpr bool KeepsZero(BinaryOp op) {
  return op != BinaryOp::kDiv && op != BinaryOp::kPow && op != BinaryOp::kFmod;
}

}  // namespace kinglet::kernels
