// Samples of maps at places between their elements: what GridSample and deformable convolutions
// have in common.
//
// A sample at a place (one coordinate for each axis, 0 being the middle of the first element) is
//   y[p] = sum over taps k of weights[k][p] * map[offsets[k][p]],
// what has weight 0 being left out, whatever it holds.
// Along an axis: nearest has one tap, at the coordinate rounded half to even; linear two; cubic
// four (Keys 1981, a = -3/4). The taps of a map are all combinations, the last axis fastest,
// weights multiplied. Outside of the map an element is 0 (kZero), or the nearest one (kBorder), or
// the one that it is reflected to, at the middles of the end elements (align_corners) or at their
// edges (kReflect). A reflected coordinate is moved into the map first, and with kBorder one of the
// nearest element or of linear interpolation is; what then is no number, or beyond 2^30, counts as
// -100.
//
// Tables of taps are [tap][kSamplesAtOnce], so many samples at a time; every offset is one of the
// map. With linear interpolation two taps that follow each other are neighbours along the last axis
// (HasPairs), which are read at once.
// Work: the table once for all channels, then a pass for each.
// Alignment: any. Over-read, over-write: none of maps and results; tables are written and read
// whole. Aliasing: none.
// Bound: (2 * taps + 8) * u times the largest element and the sum of |weights|, the coordinates
// being exact; u = 2^-24 or 2^-53.
// Source: ONNX, GridSample and DeformConv; Keys, Cubic convolution interpolation (1981).
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace kinglet::kernels {

enum class SampleMode : uint8_t { kNearest, kLinear, kCubic };
enum class SampleOutside : uint8_t { kZero, kBorder, kReflect };

inline constexpr int64_t kSamplesAtOnce = 64;
inline constexpr int kSampleRank = 3;
// Of a map: offsets fit 31 bits.
inline constexpr int64_t kMaxSampledElements = int64_t{1} << 31;

struct SampleMap {
  int rank = 2;
  int64_t sizes[kSampleRank] = {};  // of the axes, at least 1
  SampleMode mode = SampleMode::kLinear;
  SampleOutside outside = SampleOutside::kZero;
  bool align_corners = false;
};

constexpr int64_t AxisTaps(SampleMode mode) {
  return mode == SampleMode::kNearest ? 1 : mode == SampleMode::kLinear ? 2 : 4;
}
constexpr int64_t TapCount(const SampleMap& map) {
  int64_t taps = 1;
  for (int axis = 0; axis < map.rank; ++axis) taps *= AxisTaps(map.mode);
  return taps;
}

// Taps 2 j and 2 j + 1 of a place have offsets o and o + 1.
constexpr bool HasPairs(const SampleMap& map) {
  return map.mode == SampleMode::kLinear && map.sizes[map.rank - 1] > 1;
}

template <typename T>
using SampleOffset = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

template <typename T>
struct SampleFunctions {
  // The taps of kSamplesAtOnce places {[axis][kSamplesAtOnce] coordinates}, all of them numbers or
  // not. With `factors` all weights of a place are multiplied by its factor.
  void (*fill)(const SampleMap& map, const T* places, const T* factors, SampleOffset<T>* offsets,
               T* weights) noexcept;
  // Samples [0, count) of a plain map.
  void (*gather)(const SampleOffset<T>* offsets, const T* weights, int64_t taps, int64_t count,
                 const T* map, T* y) noexcept;
};

struct SampleTable {
  SampleFunctions<float> float32;
  SampleFunctions<double> float64;
  // `gather` of a table that has pairs.
  decltype(SampleFunctions<float>::gather) gather_pairs;
  // Samples of 16 channels at once, one block of the blocked layout: y is {count, 16}.
  void (*gather_blocked)(const int32_t* offsets, const float* weights, int64_t taps, int64_t count,
                         const float* map, float* y) noexcept;
};
// Functions for the active target. Fetch them at plan time.
const SampleTable& GetSampleTable() noexcept;

template <typename T>
const SampleFunctions<T>& SampleFunctionsOf(const SampleTable& table) noexcept {
  if constexpr (std::is_same_v<T, float>) {
    return table.float32;
  } else {
    return table.float64;
  }
}

// The gather for tables of this map.
template <typename T>
decltype(SampleFunctions<T>::gather) GatherOf(const SampleTable& table,
                                              const SampleMap& map) noexcept {
  if constexpr (std::is_same_v<T, float>) {
    if (HasPairs(map)) return table.gather_pairs;
  }
  return SampleFunctionsOf<T>(table).gather;
}

}  // namespace kinglet::kernels
