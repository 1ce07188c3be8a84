// The order in which convolution variants are worth running a shape.
#pragma once

#include <span>
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
  bool followed = false;       // the variant must have `follows`
};

struct ConvCandidate {
  const ConvVariant* variant;
  Work work;              // of the variant alone
  double seconds;         // predicted, with the changes of layout that the variant makes necessary
  double around_seconds;  // of them, for the changes of layout
};

// Every one of `variants` that can compute the shape among these neighbours and needs no more than
// the machine's features, the cheapest first; of equal ones, the first. Nothing of this machine
// decides: the same answer everywhere.
std::vector<ConvCandidate> RankConvVariants(const ConvShape& shape, int threads,
                                            const MachineModel& machine,
                                            const ConvNeighbours& neighbours,
                                            std::span<const ConvVariant> variants = ConvVariants());

}  // namespace kinglet::kernels
