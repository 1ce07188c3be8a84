// One network of each space.
#pragma once

#include <string>
#include <vector>

#include "characterize/generate/draws.h"
#include "kinglet/descriptor.h"

namespace kinglet::characterize {

struct Drawn {
  int size = 0;  // of the input, pixels
  int classes = 1000;
  std::vector<std::string> blocks;
  // Of a detector: for each head, pixels from one position of its map to the next, and whether it
  // has boxes of five shapes or of three.
  std::vector<int> strides;
  bool five_shapes = true;
  // Of what makes two networks the same one; "": the blocks and the size do.
  std::string identity;
};

// `size` and `width`: of DrawOptions, 0 where the space draws them.
Drawn DrawInception(Draws& draws, int size, int width);
Drawn DrawLayer(Draws& draws, int size, int width);
Drawn DrawMobileNet(Draws& draws, int size, int width);
Drawn DrawNasBench(Draws& draws, int size, int width);
Drawn DrawResNet(Draws& draws, int size, int width);
Drawn DrawSsd(Draws& draws, int size, int width);

}  // namespace kinglet::characterize
