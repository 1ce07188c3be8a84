#include "vision/preprocess/geometry.h"

#include <algorithm>
#include <cmath>

#include "vision/decode/fail.h"

namespace kinglet {
namespace vision {
namespace {

void Letterbox(const PreprocessSpec& spec, Geometry& g) {
  const double scale = std::min(static_cast<double>(spec.width) / static_cast<double>(g.x.in),
                                static_cast<double>(spec.height) / static_cast<double>(g.y.in));
  const auto content = [scale](std::int64_t in, std::int64_t room) {
    return std::clamp<std::int64_t>(std::llround(static_cast<double>(in) * scale), 1, room);
  };
  g.x.out = g.x.count = content(g.x.in, spec.width);
  g.y.out = g.y.count = content(g.y.in, spec.height);
  g.left = (spec.width - g.x.count) / 2;
  g.top = (spec.height - g.y.count) / 2;
}

// torchvision's Resize(shortest) and CenterCrop: the long side is cut to whole pixels, the corner
// is rounded, halves to even.
void ShortestSide(const PreprocessSpec& spec, Geometry& g) {
  const std::int64_t shortest = std::min(g.x.in, g.y.in);
  const auto axis = [&](Axis& a, int count) {
    a.out = spec.resize_shortest * a.in / shortest;
    a.count = count;
    a.first = static_cast<std::int64_t>(std::nearbyint(static_cast<double>(a.out - count) / 2.0));
  };
  axis(g.x, spec.width);
  axis(g.y, spec.height);
}

}  // namespace

Geometry FitPicture(const PreprocessSpec& spec, int picture_width, int picture_height) {
  CheckPreprocess(spec);
  if (picture_width <= 0 || picture_height <= 0) {
    Fail(ErrorCode::kInvalidInput, "preprocessing", "a picture of ", picture_width, "x",
         picture_height, " pixels");
  }
  Geometry g;
  const auto margin = [&spec](int size) {
    const double kept = size * spec.central_crop;
    return static_cast<std::int64_t>((size - kept) / 2.0);
  };
  g.crop_x = margin(picture_width);
  g.crop_y = margin(picture_height);
  g.x = {picture_width - 2 * g.crop_x, spec.width, 0, spec.width};
  g.y = {picture_height - 2 * g.crop_y, spec.height, 0, spec.height};
  if (spec.fit == FitRule::kLetterbox) Letterbox(spec, g);
  if (spec.fit == FitRule::kShortestSide) ShortestSide(spec, g);
  if (spec.resize == ResizeRule::kNone && (g.x.in != g.x.out || g.y.in != g.y.out)) {
    Fail(ErrorCode::kInvalidInput, "preprocessing", "resizing is off, and a picture of ", g.x.in,
         "x", g.y.in, " pixels cannot become one of ", g.x.out, "x", g.y.out,
         "; give it that size or choose a resize rule");
  }
  return g;
}

}  // namespace vision

PictureMapping MapToPicture(const PreprocessSpec& spec, int picture_width, int picture_height) {
  const vision::Geometry g = vision::FitPicture(spec, picture_width, picture_height);
  PictureMapping map;
  map.scale_x = static_cast<double>(g.x.in) / static_cast<double>(g.x.out);
  map.scale_y = static_cast<double>(g.y.in) / static_cast<double>(g.y.out);
  map.offset_x =
      static_cast<double>(g.crop_x) + static_cast<double>(g.x.first - g.left) * map.scale_x;
  map.offset_y =
      static_cast<double>(g.crop_y) + static_cast<double>(g.y.first - g.top) * map.scale_y;
  return map;
}

}  // namespace kinglet
