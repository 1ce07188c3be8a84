// Where the tiles and output channels of a batch are cut.
#include <algorithm>

#include "kernels/common/blocked.h"
#include "kernels/common/partition.h"
#include "kernels/winograd/winograd.h"

namespace kinglet::kernels {
namespace {

constexpr int64_t kMaxGroupStrips = 16;
constexpr int64_t kMaxParts = 16;

// What the thread that gets most units takes with this cut, in operations of the products. A run
// knows nothing of the machine, so the cut weighs transforms and the reading of U by what they are
// worth on most. Needs tiles, groups and parts of the cut.
double BusiestOperations(const ConvShape& s, WinogradTile tile, const WinogradCut& cut,
                         int64_t threads) {
  // A transform takes as long as the products with that many channels on the other side.
  constexpr double kInputChannels = 9;
  constexpr double kOutputChannels = 8;
  // Reading U takes as long as the products of that many tiles, by where it comes from.
  constexpr double kFarBytes = 8 << 20;
  constexpr double kNearTiles = 1;
  constexpr double kFarTiles = 4;
  const auto ic = static_cast<double>(s.ic);
  const auto oc = static_cast<double>(RoundUpToBlock(s.oc));
  const double u_bytes = static_cast<double>(WinogradPackedBytes(s, tile));
  const double far = std::min(u_bytes / kFarBytes, 1.0);
  const double u_tiles = kNearTiles + (kFarTiles - kNearTiles) * far;
  const auto tiles = static_cast<double>(cut.tiles);
  const double products = (tiles + u_tiles * static_cast<double>(cut.groups)) * ic * oc;
  const int64_t units = cut.groups * cut.parts;
  const int64_t most = CeilDiv(units, threads);
  const double share = static_cast<double>(most) / static_cast<double>(units);
  const double groups =
      static_cast<double>(CeilDiv(most, cut.parts)) / static_cast<double>(cut.groups);
  const double inputs = tiles * ic * kInputChannels * groups;
  const double outputs = tiles * oc * kOutputChannels * share;
  return 2 * static_cast<double>(WinogradTileExtent(s, tile).points) *
         (products * share + inputs + outputs);
}

// How much longer a cut takes than all tiles and channels in one unit, averaged over teams of one,
// two and four threads.
double Slowdown(const ConvShape& s, WinogradTile tile, const WinogradCut& cut) {
  const double alone = BusiestOperations(s, tile, {.tiles = cut.tiles, .groups = 1, .parts = 1}, 1);
  double sum = 0;
  for (const int64_t threads : {1, 2, 4}) {
    sum += BusiestOperations(s, tile, cut, threads) * static_cast<double>(threads);
  }
  return sum / alone / 3;
}

}  // namespace

double WinogradInputTransforms(const WinogradCut& cut, int threads) {
  const int64_t units = cut.groups * cut.parts;
  const int64_t most = CeilDiv(units, int64_t{threads});
  return static_cast<double>(CeilDiv(most, cut.parts) * units) /
         static_cast<double>(cut.groups * most);
}

WinogradCut CutWinograd(const ConvShape& s, WinogradTile tile) {
  constexpr int64_t kUnitsForManyThreads = 16;
  const WinogradExtent extent = WinogradTileExtent(s, tile);
  const int64_t blocks = BlockCount(s.oc);
  WinogradCut cut{};
  cut.rows = CeilDiv(s.oh, extent.rows);
  cut.cols = CeilDiv(s.ow, extent.cols);
  cut.tiles = s.n * cut.rows * cut.cols;
  const int64_t strips = CeilDiv(cut.tiles, kWinogradStrip);
  WinogradCut best = cut;
  double least = 0;
  for (int64_t group = std::min(strips, kMaxGroupStrips); group > 0; --group) {
    cut.groups = CeilDiv(strips, group);
    for (cut.parts = 1; cut.parts <= std::min(CeilDiv(blocks, 2), kMaxParts); ++cut.parts) {
      const double slowdown = Slowdown(s, tile, cut);
      if (best.groups == 0 || slowdown < least) {
        best = cut;
        least = slowdown;
      }
      if (cut.groups * cut.parts >= kUnitsForManyThreads) break;
    }
    if (cut.groups >= kUnitsForManyThreads) break;
  }
  best.group_tiles = std::min(CeilDiv(strips, best.groups) * kWinogradStrip, best.tiles);
  return best;
}

}  // namespace kinglet::kernels
