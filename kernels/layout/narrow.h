// The reorders of kernels/layout/layout.h for elements of one and of two bytes, whatever their
// type.
#pragma once

#include "kernels/layout/layout.h"

namespace kinglet::kernels {

// Of one byte, then of two.
struct NarrowReorders {
  ReorderFn to_blocked[2];
  ReorderFn to_plain[2];
};
// For the active target.
const NarrowReorders& GetNarrowReorders() noexcept;

}  // namespace kinglet::kernels
