// U = G g G^T of every filter, G g in one dimension, in double, rounded once.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "kernels/common/blocked.h"
#include "kernels/common/partition.h"
#include "kernels/winograd/line_points.h"
#include "kernels/winograd/winograd.h"

namespace kinglet::kernels {
namespace {

// G in one dimension: a row for each point x, (1, x, x^2, ...) divided by the product of its
// distances to the other points; infinity comes last.
template <WinogradTile kTile>
constexpr auto LineG() {
  using Points = LinePoints<kTile>;
  constexpr int kCount = LinePointCount<kTile>();
  std::array<double, kCount - 1> at{};
  size_t pair = Points::kZero;
  for (const double x : Points::kPairs) {
    at[pair++] = x;
    at[pair++] = -x;
  }
  std::array<std::array<double, Points::kTaps>, kCount> g{};
  for (size_t i = 0; i < at.size(); ++i) {
    double value = 1;
    for (size_t j = 0; j < at.size(); ++j) value /= i == j ? 1 : at[i] - at[j];
    for (double& coefficient : g[i]) {
      coefficient = value;
      value *= at[i];
    }
  }
  g.back().back() = 1;
  return g;
}

// The filters of one input channel and a block of output channels, lanes side by side.
template <size_t P, size_t T>
void TransformLanes(const std::array<std::array<double, T>, P>& g,
                    const double (&filter)[T][kBlock], float (&u)[P][kBlock]) {
  for (size_t i = 0; i < P; ++i) {
    for (int64_t lane = 0; lane < kBlock; ++lane) {
      double sum = 0;
      for (size_t t = 0; t < T; ++t) sum += g[i][t] * filter[t][lane];
      u[i][lane] = static_cast<float>(sum);
    }
  }
}

template <size_t P, size_t T>
void TransformLanes(const std::array<std::array<double, T>, P>& g,
                    const double (&filter)[T * T][kBlock], float (&u)[P * P][kBlock]) {
  double half[P][T][kBlock] = {};
  for (size_t i = 0; i < P; ++i) {
    for (size_t j = 0; j < T; ++j) {
      for (size_t t = 0; t < T; ++t) {
        for (int64_t lane = 0; lane < kBlock; ++lane) {
          half[i][j][lane] += g[i][t] * filter[t * T + j][lane];
        }
      }
    }
  }
  for (size_t i = 0; i < P; ++i) {
    for (size_t j = 0; j < P; ++j) {
      for (int64_t lane = 0; lane < kBlock; ++lane) {
        double sum = 0;
        for (size_t t = 0; t < T; ++t) sum += half[i][t][lane] * g[j][t];
        u[i * P + j][lane] = static_cast<float>(sum);
      }
    }
  }
}

// P points of filters of T taps.
template <size_t P, size_t T, typename G>
void PackBlock(const ConvShape& s, const G& g, const float* oihw, int64_t lanes,
               int64_t point_stride, float* to) {
  alignas(64) double filter[T][kBlock] = {};
  alignas(64) float u[P][kBlock];
  for (int64_t c = 0; c < s.ic; ++c) {
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const float* from = oihw + (lane * s.ic + c) * static_cast<int64_t>(T);
      for (size_t t = 0; t < T; ++t) filter[t][lane] = static_cast<double>(from[t]);
    }
    TransformLanes(g, filter, u);
    for (size_t p = 0; p < P; ++p) {
      std::memcpy(to + static_cast<int64_t>(p) * point_stride + c * kBlock, u[p], sizeof(u[p]));
    }
  }
}

template <WinogradTile kTile, bool kSquare>
void Pack(const ConvShape& s, const float* oihw, float* packed) {
  static constexpr auto kG = LineG<kTile>();
  constexpr size_t kLinePoints = LinePointCount<kTile>();
  constexpr size_t kLineTaps = LinePoints<kTile>::kTaps;
  constexpr size_t kPoints = kSquare ? kLinePoints * kLinePoints : kLinePoints;
  constexpr size_t kTaps = kSquare ? kLineTaps * kLineTaps : kLineTaps;
  const int64_t panel = s.ic * kBlock;
  for (int64_t slab = 0; slab < WinogradSlabs(s); ++slab) {
    const Range blocks = WinogradSlab(s, slab);
    const int64_t point_stride = (blocks.end - blocks.begin) * panel;
    float* to = packed + blocks.begin * static_cast<int64_t>(kPoints) * panel;
    for (int64_t b = blocks.begin; b < blocks.end; ++b, to += panel) {
      const float* from = oihw + b * kBlock * s.ic * static_cast<int64_t>(kTaps);
      const int64_t lanes = std::min(kBlock, s.oc - b * kBlock);
      PackBlock<kPoints, kTaps>(s, kG, from, lanes, point_stride, to);
    }
  }
}

}  // namespace

size_t WinogradPackedBytes(const ConvShape& s, WinogradTile tile) {
  const int64_t points = WinogradTileExtent(s, tile).points;
  return static_cast<size_t>(points * RoundUpToBlock(s.oc) * s.ic) * sizeof(float);
}

void WinogradPack(const ConvShape& s, WinogradTile tile, const float* oihw, float* packed) {
  switch (tile) {
    case WinogradTile::k2:
      return Pack<WinogradTile::k2, true>(s, oihw, packed);
    case WinogradTile::k4:
      return Pack<WinogradTile::k4, true>(s, oihw, packed);
    case WinogradTile::k2Of5:
      return Pack<WinogradTile::k2Of5, true>(s, oihw, packed);
    case WinogradTile::kLine3:
      return Pack<WinogradTile::kLine3, false>(s, oihw, packed);
    case WinogradTile::kLine7:
      return Pack<WinogradTile::kLine7, false>(s, oihw, packed);
  }
}

}  // namespace kinglet::kernels
