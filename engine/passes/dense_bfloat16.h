// Dense layers of a graph that is computed in bfloat16.
#pragma once

#include "engine/graph/ir.h"

namespace kinglet {

// Makes convolutions of maps of one pixel of all Gemm with constant float32 weights, which have
// kernels for bfloat16: Reshape, Conv, Reshape. The maps are stored as bfloat16, results stay
// float32. Returns how many there are.
int MakeDenseConvolutions(GraphIr& graph);

}  // namespace kinglet
