// What a worker holds of a convolution that goes through a map by TileWindow: its tables, and the
// copied window, which units that differ in their output blocks alone share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/common/aligned.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/tile_job.h"
#include "kernels/conv/tile_window.h"

namespace kinglet::kernels {

// A unit: output blocks of a part of the map of an image.
struct TileUnit {
  int64_t image, group, part;
  Range blocks;  // of the group's output blocks
};

class TileScratch {
 public:
  // `block_bytes`: what is kept for the channels of an output block.
  TileScratch(const TileWindow& window, int64_t pixel_bytes,
              int64_t block_bytes = kTileChannels * 4)
      : tiles_(window.MostTiles()),
        sums_(kHeldBytes),
        channels_(sums_ + 2 * kTileSumBytes),
        steps_(channels_ + RoundUpToLine(window.out_blocks() * block_bytes)),
        tile_in_(steps_ + RoundUpToLine(window.steps() * 8)),
        tile_out_(tile_in_ + RoundUpToLine(tiles_ * 8)),
        pixels_(tile_out_ + tiles_ * kTileRows * 4),
        bytes_(pixels_ + WindowBytes(window, pixel_bytes)) {}

  size_t bytes() const { return static_cast<size_t>(bytes_); }

  char* Sums(void* scratch) const { return static_cast<char*>(scratch) + sums_; }
  // What is kept for the output channels of a group, to whole blocks.
  char* Channels(void* scratch) const { return static_cast<char*>(scratch) + channels_; }
  int64_t* Steps(void* scratch) const { return At<int64_t>(scratch, steps_); }
  int64_t* TileIn(void* scratch) const { return At<int64_t>(scratch, tile_in_); }
  int32_t* TileOut(void* scratch) const { return At<int32_t>(scratch, tile_out_); }
  char* Pixels(void* scratch) const { return static_cast<char*>(scratch) + pixels_; }

  // Whether the scratch is that of the same part already; it is from now on.
  static bool Holds(void* scratch, const TileUnit& unit) {
    const int64_t wanted[3] = {unit.image, unit.group, unit.part};
    const bool same = std::memcmp(scratch, wanted, sizeof(wanted)) == 0;
    std::memcpy(scratch, wanted, sizeof(wanted));
    return same;
  }
  static void Forget(void* scratch) { std::memset(scratch, 0xFF, kHeldBytes); }

 private:
  static constexpr int64_t kHeldBytes = 64;

  template <typename T>
  static T* At(void* scratch, int64_t offset) {
    return reinterpret_cast<T*>(static_cast<char*>(scratch) + offset);
  }
  // The last tile may read beyond the last pixel.
  static int64_t WindowBytes(const TileWindow& window, int64_t pixel_bytes) {
    if (!window.copies()) return 0;
    return (window.WindowPixels(window.MostRows()) + kTileRows - 1) * pixel_bytes;
  }

  int64_t tiles_;
  int64_t sums_, channels_, steps_, tile_in_, tile_out_, pixels_, bytes_;
};

// Calls f(unit) for the units [begin, end) of the batch, those of one part of the map at once.
template <typename F>
void ForTileUnits(const TileWindow& window, int64_t begin, int64_t end, const F& f) {
  const TileUnits& units = window.units();
  while (begin < end) {
    const int64_t part = begin / units.block_parts;
    const int64_t first = begin % units.block_parts;
    const int64_t last =
        first + (end - begin < units.block_parts - first ? end - begin : units.block_parts - first);
    const int64_t per_image = units.groups * units.pixel_parts;
    const int64_t blocks = window.out_blocks();
    f(TileUnit{.image = part / per_image,
               .group = part % per_image / units.pixel_parts,
               .part = part % units.pixel_parts,
               .blocks = {EvenPart(blocks, units.block_parts, first).begin,
                          EvenPart(blocks, units.block_parts, last - 1).end}});
    begin += last - first;
  }
}

}  // namespace kinglet::kernels
