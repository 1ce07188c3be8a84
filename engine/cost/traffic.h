// What work says of its traffic where the operator says nothing.
#pragma once

#include "kernels/common/work.h"

namespace kinglet {

// Work that names no bytes reads and writes so many; work that says nothing at all does little
// else.
void AddTraffic(kernels::Work& work, double read_bytes, double write_bytes, int threads);

}  // namespace kinglet
