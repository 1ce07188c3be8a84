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

constexpr double kRoot = 1.4142135623730951;
// A row for each point x: (1, x, x^2) divided by the product of its distances to the other points;
// infinity comes last.
constexpr double kG2[4][3] = {{-1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
constexpr double kG4[6][3] = {{1, 0, 0},
                              {1.0 / 6, kRoot / 6, 2.0 / 6},
                              {1.0 / 6, -kRoot / 6, 2.0 / 6},
                              {-1 / 1.5, -kRoot / 3, -0.5 / 1.5},
                              {-1 / 1.5, kRoot / 3, -0.5 / 1.5},
                              {0, 0, 1}};

// The filters of one input channel and a block of output channels, lanes side by side.
template <int P>
void TransformLanes(const double (&g)[P][3], const double (&filter)[9][kBlock],
                    float (&u)[P * P][kBlock]) {
  double half[P][3][kBlock];
  for (int i = 0; i < P; ++i) {
    for (int j = 0; j < 3; ++j) {
      for (int64_t lane = 0; lane < kBlock; ++lane) {
        half[i][j][lane] = g[i][0] * filter[j][lane] + g[i][1] * filter[3 + j][lane] +
                           g[i][2] * filter[6 + j][lane];
      }
    }
  }
  for (int i = 0; i < P; ++i) {
    for (int j = 0; j < P; ++j) {
      for (int64_t lane = 0; lane < kBlock; ++lane) {
        u[i * P + j][lane] = static_cast<float>(
            half[i][0][lane] * g[j][0] + half[i][1][lane] * g[j][1] + half[i][2][lane] * g[j][2]);
      }
    }
  }
}

// G of the points of a line, with the same rows as above.
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

// P points of filters of T taps.
template <int P, int T, typename G>
void PackBlock(const ConvShape& s, const G& g, const float* oihw, int64_t lanes,
               int64_t point_stride, float* to) {
  alignas(64) double filter[T][kBlock] = {};
  alignas(64) float u[P][kBlock];
  for (int64_t c = 0; c < s.ic; ++c) {
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const float* from = oihw + (lane * s.ic + c) * T;
      for (int t = 0; t < T; ++t) filter[t][lane] = static_cast<double>(from[t]);
    }
    TransformLanes(g, filter, u);
    for (int p = 0; p < P; ++p) {
      std::memcpy(to + p * point_stride + c * kBlock, u[p], sizeof(u[p]));
    }
  }
}

}  // namespace

size_t WinogradPackedBytes(const ConvShape& s, WinogradTile tile) {
  const int64_t points = WinogradTileExtent(s, tile).points;
  return static_cast<size_t>(points * RoundUpToBlock(s.oc) * s.ic) * sizeof(float);
}

void WinogradPack(const ConvShape& s, WinogradTile tile, const float* oihw, float* packed) {
  constexpr WinogradTile kLine3 = WinogradTile::kLine3;
  constexpr WinogradTile kLine7 = WinogradTile::kLine7;
  static constexpr auto kGLine3 = LineG<kLine3>();
  static constexpr auto kGLine7 = LineG<kLine7>();
  const int64_t points = WinogradTileExtent(s, tile).points;
  const int64_t panel = s.ic * kBlock;
  for (int64_t chunk = 0; chunk < WinogradChunks(s); ++chunk) {
    const Range blocks = WinogradChunk(s, chunk);
    const int64_t point_stride = (blocks.end - blocks.begin) * panel;
    float* base = packed + blocks.begin * points * panel;
    for (int64_t b = blocks.begin; b < blocks.end; ++b) {
      const float* from = oihw + b * kBlock * s.ic * s.kh * s.kw;
      const int64_t lanes = std::min(kBlock, s.oc - b * kBlock);
      float* to = base + (b - blocks.begin) * panel;
      if (tile == WinogradTile::k2) {
        PackBlock<16, 9>(s, kG2, from, lanes, point_stride, to);
      } else if (tile == WinogradTile::k4) {
        PackBlock<36, 9>(s, kG4, from, lanes, point_stride, to);
      } else if (tile == kLine3) {
        PackBlock<LinePointCount<kLine3>(), 3>(s, kGLine3, from, lanes, point_stride, to);
      } else {
        PackBlock<LinePointCount<kLine7>(), 7>(s, kGLine7, from, lanes, point_stride, to);
      }
    }
  }
}

}  // namespace kinglet::kernels
