// Anchors from a file.
#pragma once

#include <string>
#include <vector>

#include "models/anchors/anchors.h"

namespace kinglet {

// JSON: an array of [cy, cx, h, w], or an object that has it as "anchors" (what else is in it does
// not matter). Throws Error(kIo, kInvalidModel, kResource).
std::vector<AnchorBox> ReadAnchors(const std::string& path);

}  // namespace kinglet
