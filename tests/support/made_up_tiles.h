// Tiles in another mode than this machine's.
#pragma once

#include "kernels/tiles/mode.h"

namespace kinglet::testing {

// While it lives, tiles are in this mode. One at a time.
class MadeUpTiles {
 public:
  explicit MadeUpTiles(kernels::TileMode mode) : mode_(mode) { kernels::MakeUpActiveTiles(&mode_); }
  ~MadeUpTiles() { kernels::MakeUpActiveTiles(nullptr); }
  MadeUpTiles(const MadeUpTiles&) = delete;
  MadeUpTiles& operator=(const MadeUpTiles&) = delete;

 private:
  const kernels::TileMode mode_;
};

}  // namespace kinglet::testing
