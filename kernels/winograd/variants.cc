// The variants of convolution by Winograd's transforms.
#include "kernels/conv/variants.h"

#include <algorithm>

#include "kernels/common/blocked.h"
#include "kernels/common/partition.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/shape.h"
#include "kernels/winograd/line_points.h"
#include "kernels/winograd/winograd.h"

namespace kinglet::kernels {
namespace {

template <WinogradTile kTile>
bool Supports(const ConvShape& s) {
  const int64_t longer = LinePoints<kTile>::kTaps;
  const bool line = kTile == WinogradTile::kLine3 || kTile == WinogradTile::kLine7;
  const int64_t shorter = line ? 1 : longer;
  return std::max(s.kh, s.kw) == longer && std::min(s.kh, s.kw) == shorter && s.sh == 1 &&
         s.sw == 1 && s.dh == 1 && s.dw == 1 && s.groups == 1;
}

constexpr const char* FormatName(WinogradTile tile) {
  switch (tile) {
    case WinogradTile::k2:
      return "winograd2";
    case WinogradTile::k4:
      return "winograd4";
    case WinogradTile::k2Of5:
      return "winograd2_5x5";
    case WinogradTile::kLine3:
      return "winograd_line3";
    case WinogradTile::kLine7:
      return "winograd_line7";
  }
  return "";
}

// Slabs of blocks (kWinogradSlabBlocks) are part of the format.
template <WinogradTile kTile>
PackedFormat Format(const ConvShape& s) {
  return ConvFormat(FormatName(kTile), kBlock, s);
}

template <WinogradTile kTile>
size_t PackedBytes(const ConvShape& s) {
  return WinogradPackedBytes(s, kTile);
}

template <WinogradTile kTile>
void Pack(const ConvShape& s, const void* oihw, void* packed) {
  WinogradPack(s, kTile, static_cast<const float*>(oihw), static_cast<float*>(packed));
}

template <WinogradTile kTile>
int64_t Units(const ConvShape& s) {
  const WinogradCut cut = CutWinograd(s, kTile);
  return cut.groups * cut.parts;
}

template <WinogradTile kTile>
size_t ScratchBytes(const ConvShape& s) {
  return WinogradScratchBytes(s, kTile);
}

// Gathering a tile from the picture makes transforming an input that much longer than an output.
constexpr double kInputOverOutput = 9.0 / 8;

template <WinogradTile kTile, ElementType kStored>
Work WorkOf(const ConvShape& s, int threads) {
  const WinogradCut cut = CutWinograd(s, kTile);
  const auto points = static_cast<double>(WinogradTileExtent(s, kTile).points);
  const double inputs = points * static_cast<double>(cut.tiles) * static_cast<double>(s.ic);
  const double outputs =
      points * static_cast<double>(cut.tiles) * static_cast<double>(RoundUpToBlock(s.oc));
  WorkStage stage = ConvTrafficOf(s, kStored, kStored, PackedBytes<kTile>(s));
  stage.Add({.kind = WorkKind::kWinograd,
             .count = 2 * inputs * static_cast<double>(RoundUpToBlock(s.oc))});
  stage.Add({.kind = WorkKind::kWinogradTransform,
             .count = kInputOverOutput * inputs * WinogradInputTransforms(cut, threads) + outputs});
  Work work = SharedWork(stage, cut.groups * cut.parts, threads);
  work.weight_parts = cut.groups == 1 ? cut.parts : 1;
  work.weight_passes = static_cast<double>(cut.groups);
  return work;
}

template <WinogradTile kTile, ElementType kStored = ElementType::kFloat32>
ConvVariant Variant(const char* id, double error_factor) {
  return {.id = id,
          .input = {kStored, Layout::kBlocked},
          .output = {kStored, Layout::kBlocked},
          .supports = &Supports<kTile>,
          .work = &WorkOf<kTile, kStored>,
          .packed_format = &Format<kTile>,
          .packed_bytes = &PackedBytes<kTile>,
          .pack = &Pack<kTile>,
          .units = &Units<kTile>,
          .scratch_bytes = &ScratchBytes<kTile>,
          .run = ResolveWinograd(kTile, kStored),
          .error_factor = error_factor};
}

constexpr ElementType kBf16 = ElementType::kBFloat16;

}  // namespace

ConvVariant Winograd2ConvF32() { return Variant<WinogradTile::k2>("conv/winograd2_f32", 2); }
ConvVariant Winograd4ConvF32() { return Variant<WinogradTile::k4>("conv/winograd4_f32", 8); }
ConvVariant Winograd2Of5ConvF32() {
  return Variant<WinogradTile::k2Of5>("conv/winograd2_5x5_f32", 8);
}
ConvVariant WinogradLine3ConvF32() {
  return Variant<WinogradTile::kLine3>("conv/winograd_line3_f32", 4);
}
ConvVariant WinogradLine7ConvF32() {
  return Variant<WinogradTile::kLine7>("conv/winograd_line7_f32", 8);
}

ConvVariant Winograd2ConvBf16() {
  return Variant<WinogradTile::k2, kBf16>("conv/winograd2_bf16", 2);
}
ConvVariant Winograd4ConvBf16() {
  return Variant<WinogradTile::k4, kBf16>("conv/winograd4_bf16", 8);
}
ConvVariant Winograd2Of5ConvBf16() {
  return Variant<WinogradTile::k2Of5, kBf16>("conv/winograd2_5x5_bf16", 8);
}
ConvVariant WinogradLine3ConvBf16() {
  return Variant<WinogradTile::kLine3, kBf16>("conv/winograd_line3_bf16", 4);
}
ConvVariant WinogradLine7ConvBf16() {
  return Variant<WinogradTile::kLine7, kBf16>("conv/winograd_line7_bf16", 8);
}

}  // namespace kinglet::kernels
