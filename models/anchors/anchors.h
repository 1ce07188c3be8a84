// Anchors (priors, default boxes): the boxes that a detector's codes are relative to.
#pragma once

#include <vector>

#include "kinglet/detection.h"

namespace kinglet {

struct AnchorBox {
  float cy = 0, cx = 0, h = 0, w = 0;
};

// The most anchors that a network may have.
inline constexpr std::size_t kMaxAnchors = std::size_t{1} << 22;

// {height, width} of each feature map for an input of this size.
std::vector<std::array<int, 2>> AnchorMaps(const AnchorSpec& spec, int width, int height);

// How many anchors each map has, and all of them. Throw Error(kInvalidModel) as MakeAnchors does.
std::vector<std::size_t> AnchorsOfMaps(const AnchorSpec& spec, int width, int height);
std::size_t CountAnchors(const AnchorSpec& spec, int width, int height);

// The anchors of all maps in turn; in a map row by row, position by position, in the order that
// AnchorGenerator states. In fractions of the input for BoxUnit::kPicture, in its pixels for
// kPixels, whatever the generator's own unit is. Computed in double and rounded once, except where
// the generator rounds. Not for kNone and kFile. Throws Error(kInvalidModel) "anchors.<key>:
// expected ..., found ..." when lists do not fit each other, Error(kResource) for more than
// kMaxAnchors.
std::vector<AnchorBox> MakeAnchors(const AnchorSpec& spec, int width, int height, BoxUnit unit);

}  // namespace kinglet
