// What a network runs on in a turn.
#pragma once

#include <string>
#include <vector>

#include "measure/network/opened.h"

namespace kinglet::measure {

// Batches that runs take one after the other: one of random numbers, or those of the pictures in a
// folder (their names sorted, as often as needed to fill a batch), decoded and prepared by the
// descriptor, as many as fit into 256 MiB. Throws Error(kIo) where the folder cannot be read,
// Error(kInvalidInput) where it has no pictures, the network no descriptor, or its input is none of
// colour pictures, and Error as ReadImage does.
std::vector<Tensors> TurnInputs(const OpenedNetwork& network, const InputShapes& shapes,
                                const std::string& pictures);

}  // namespace kinglet::measure
