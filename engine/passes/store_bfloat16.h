// Which values of an optimised graph may be stored as bfloat16 between steps.
#pragma once

#include "engine/graph/ir.h"

namespace kinglet {

// Gives images between convolutions the storage bfloat16: values of float32 with four dimensions
// behind the first convolution of their path and before the last convolution or dense layer of
// every path to an output, whose maker and readers all have kernels for that
// (engine/ops/bfloat16.h). Graph inputs, outputs and constants, and what leads from the last
// convolutions to the outputs, stay float32. Returns how many values there are.
int StoreBFloat16(GraphIr& graph);

}  // namespace kinglet
