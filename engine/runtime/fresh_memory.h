// Memory to measure in.
#pragma once

#include <cstddef>

#include "kinglet/tensor.h"

namespace kinglet {

// At least so many bytes of floats, all 0.5, at other physical addresses each time: caches beyond
// the first level go by those, so that a place may be luckier than another by several per cent.
// From 2 MiB on in huge pages, as tensors are. Throws std::bad_alloc.
Tensor FreshFloats(std::size_t bytes);

}  // namespace kinglet
