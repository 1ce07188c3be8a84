// What a network runs on in a turn.
#pragma once

#include <string>
#include <vector>

#include "measure/network/opened.h"

namespace kinglet::measure {

// Pictures of a folder, sorted by name, as often as needed to fill a batch.
struct PictureChoice {
  std::string folder;            // "": random numbers
  std::size_t first = 0;         // to begin with; beyond the last one it goes on with the first
  std::size_t most_batches = 0;  // 0: as many as there is room for
};

// Batches that runs take one after the other: one of random numbers, or those of pictures, decoded
// and prepared by the descriptor, each once and as many as fit into 256 MiB. Throws Error(kIo)
// where the folder cannot be read, Error(kInvalidInput) where it has no pictures, the network no
// descriptor, or its input is none of colour pictures, and Error as ReadImage does.
std::vector<Tensors> TurnInputs(const OpenedNetwork& network, const InputShapes& shapes,
                                const PictureChoice& pictures);

}  // namespace kinglet::measure
