// Placing buffers with lifetimes into one block of memory.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace kinglet {

struct BufferLife {
  std::size_t bytes = 0;
  int first = 0;  // step that writes it
  int last = 0;   // last step that reads it; at least `first`
};

struct ArenaLayout {
  std::vector<std::size_t> offsets;  // parallel to the buffers, 64-byte aligned
  std::size_t bytes = 0;             // of the whole block
};

// Greedy by size: the largest buffer first, each into the smallest gap between those already placed
// that live at the same time, else on top (Pisarchyk and Lee 2020, "Efficient memory management for
// deep neural net inference", arXiv:2001.03288).
ArenaLayout PlaceBuffers(const std::vector<BufferLife>& buffers);

// The same for the tensors of a model. Throws Error(kResource), which names `source`, when the
// block exceeds `max_bytes`.
ArenaLayout PlaceTensors(const std::vector<BufferLife>& tensors, std::size_t max_bytes,
                         const std::string& source);

}  // namespace kinglet
