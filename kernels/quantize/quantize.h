// Linear quantisation of float32 and back, as ONNX QuantizeLinear and DequantizeLinear.
//
// quantize:   q = saturate(round_half_even(x / scale) + zero_point), a division, saturated to Q.
// dequantize: y = (q - zero_point) * scale.
// round trip: y = (q - zero_point) * scale of the quantised x, in float32, never stored as Q.
// Shapes: {outer, axis, inner} with one scale and zero point for each index of the axis; per tensor
// is {1, 1, n}. Zero points are int32 here, within the range of Q; 0 for int32.
// Work units: (outer, axis, tile of 4096 of inner) when inner > 1 or axis == 1, else rows (outer).
// Alignment: that of the element. Over-read, over-write: none. Aliasing: the round trip may be in
// place; otherwise no overlap.
// Bounds: exact. NaN becomes the lowest q, as with ONNX Runtime; infinities saturate.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kinglet::kernels {

struct Quantization {
  int64_t outer, axis, inner;
  const float* scales;         // axis of them
  const int32_t* zero_points;  // axis of them
};

int64_t UnitCount(const Quantization& q) noexcept;

template <typename From, typename To>
using QuantizeFn = void (*)(const Quantization& q, const From* x, To* y, int64_t begin,
                            int64_t end) noexcept;

// The limits of Q, for the round trip.
struct QuantizedRange {
  int32_t low, high;
};
inline constexpr QuantizedRange kUint8Range = {0, 255};
inline constexpr QuantizedRange kInt8Range = {-128, 127};

// The least and the greatest of some values and of zero; what is NaN does not count.
struct ValueRange {
  float low = 0, high = 0;
};

struct QuantizeTable {
  QuantizeFn<float, uint8_t> to_uint8;
  QuantizeFn<float, int8_t> to_int8;
  QuantizeFn<uint8_t, float> from_uint8;
  QuantizeFn<int8_t, float> from_int8;
  QuantizeFn<int32_t, float> from_int32;
  // Plain round trip.
  void (*round_trip)(const Quantization& q, QuantizedRange range, const float* x, float* y,
                     int64_t begin, int64_t end) noexcept;
  // One channel block of a blocked tensor: y[p][l] from x[p][l], p < pixels, with 16 scales and 16
  // zero points, of which those of pad lanes are 1 and 0. Pad lanes stay zero.
  void (*round_trip_blocked)(const float* scales, const int32_t* zero_points, QuantizedRange range,
                             const float* x, float* y, size_t pixels) noexcept;
  // One block of 64 codes from or to the `blocks` <= 4 blocks of float32 with the same channels:
  // x[k], y[k] is block k. 64 scales and 64 zero points, of which those of pad lanes are 1 and 0.
  // Pad lanes stay zero, and codes without a block of float32 become zero.
  void (*to_code_block)(const float* scales, const int32_t* zero_points, const float* const* x,
                        size_t blocks, uint8_t* y, size_t pixels) noexcept;
  void (*from_code_block)(const float* scales, const int32_t* zero_points, const uint8_t* x,
                          float* const* y, size_t blocks, size_t pixels) noexcept;
  // Of x[0, n).
  ValueRange (*range)(const float* x, size_t n) noexcept;
};

// Functions for the active target. Fetch them at plan time.
const QuantizeTable& GetQuantizeTable() noexcept;

}  // namespace kinglet::kernels
