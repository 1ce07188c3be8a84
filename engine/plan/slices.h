// Concat in place: which values may be written straight to where they belong in the result of a
// Concat, so that nothing is left to copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/graph/ir.h"
#include "engine/infer/inference.h"

namespace kinglet {

// A blocked value as part of the blocked result of a Concat over the channels.
struct Slice {
  ValueId whole = kNoValue;       // the result that it lies in, not itself a slice; kNoValue: none
  std::int64_t offset = 0;        // elements from the start of the whole
  std::int64_t image_stride = 0;  // elements from one image to the next: the whole's
  const Node* concat = nullptr;   // the node that reads it as its input
  std::size_t input = 0;
};

// The slice that each value may be written to, parallel to the states. `nodes` are those that will
// run. A value that several nodes read is none when the batch is above 1: they could not read it.
std::vector<Slice> FindSlices(const std::vector<const Node*>& nodes,
                              const std::vector<ValueId>& outputs, const GraphStates& states);

}  // namespace kinglet
