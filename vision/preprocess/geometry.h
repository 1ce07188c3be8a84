// Which part of a picture is resized to what size, and where in the output it goes.
#pragma once

#include <cstdint>

#include "kinglet/preprocess.h"
#include "vision/preprocess/taps.h"

namespace kinglet::vision {

struct Geometry {
  std::int64_t crop_x = 0, crop_y = 0;  // the crop's corner in the picture
  Axis x, y;                            // from the crop to the (possibly larger) resized picture
  std::int64_t left = 0, top = 0;       // where the outputs of the axes go
};

// Throws Error(kInvalidInput) as MapToPicture does.
Geometry FitPicture(const PreprocessSpec& spec, int picture_width, int picture_height);

}  // namespace kinglet::vision
