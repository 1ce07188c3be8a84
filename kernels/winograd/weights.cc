// U = G g G^T of every filter, in double, rounded once.
#include <algorithm>
#include <cstring>

#include "kernels/common/blocked.h"
#include "kernels/common/partition.h"
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

template <int P>
void PackBlock(const ConvShape& s, const double (&g)[P][3], const float* oihw, int64_t lanes,
               int64_t point_stride, float* to) {
  alignas(64) double filter[9][kBlock] = {};
  alignas(64) float u[P * P][kBlock];
  for (int64_t c = 0; c < s.ic; ++c) {
    for (int64_t lane = 0; lane < lanes; ++lane) {
      const float* from = oihw + (lane * s.ic + c) * 9;
      for (int t = 0; t < 9; ++t) filter[t][lane] = static_cast<double>(from[t]);
    }
    TransformLanes<P>(g, filter, u);
    for (int p = 0; p < P * P; ++p) {
      std::memcpy(to + p * point_stride + c * kBlock, u[p], sizeof(u[p]));
    }
  }
}

}  // namespace

size_t WinogradPackedBytes(const ConvShape& s, WinogradTile tile) {
  return static_cast<size_t>(WinogradPoints(tile) * RoundUpToBlock(s.oc) * s.ic) * sizeof(float);
}

void WinogradPack(const ConvShape& s, WinogradTile tile, const float* oihw, float* packed) {
  const int64_t panel = s.ic * kBlock;
  for (int64_t chunk = 0; chunk < WinogradChunks(s); ++chunk) {
    const Range blocks = WinogradChunk(s, chunk);
    const int64_t point_stride = (blocks.end - blocks.begin) * panel;
    float* base = packed + blocks.begin * WinogradPoints(tile) * panel;
    for (int64_t b = blocks.begin; b < blocks.end; ++b) {
      const float* from = oihw + b * kBlock * s.ic * 9;
      const int64_t lanes = std::min(kBlock, s.oc - b * kBlock);
      float* to = base + (b - blocks.begin) * panel;
      if (tile == WinogradTile::k2) {
        PackBlock<4>(s, kG2, from, lanes, point_stride, to);
      } else {
        PackBlock<6>(s, kG4, from, lanes, point_stride, to);
      }
    }
  }
}

}  // namespace kinglet::kernels
