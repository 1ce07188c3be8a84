// The order in which convolution variants are worth running a shape.
#pragma once

#include <vector>

#include "kernels/common/machine_model.h"
#include "kernels/conv/conv.h"

namespace kinglet::kernels {

// What stands around a convolution in its network.
struct ConvNeighbours {
  bool may_block = true;       // tensors may be blocked: the convolution is two-dimensional
  bool input_blocked = false;  // the input is there in the blocked layout
  bool winograd = true;        // variants with an error_factor may serve
  OperandTypes types = {};     // that the variant must read and write
};

struct ConvCandidate {
  const ConvVariant* variant;
  Work work;              // of the variant alone
  double seconds;         // predicted, with the changes of layout that the variant makes necessary
  double around_seconds;  // of them, for the changes of layout
};

// Every variant that can compute the shape among these neighbours, the cheapest first; of equal
// ones, the first of variants.inc.
std::vector<ConvCandidate> RankConvVariants(const ConvShape& shape, int threads,
                                            const MachineModel& machine,
                                            const ConvNeighbours& neighbours);

}  // namespace kinglet::kernels
