// Spaces of networks, and networks drawn from them at random: what is measured in masses to learn
// from (Ponomarev et al. 2021), and what a search looks through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kinglet/descriptor.h"

namespace kinglet::characterize {

struct DrawOptions {
  std::size_t count = 1;
  std::uint64_t seed = 1;
  int size = 0;     // of the input, pixels; 0: drawn, or that of the published space
  int width = 0;    // nasbench101: channels of the stem; 0: 128
  int classes = 0;  // 0: drawn, or that of the published space
};

// "inception", "layers", ...: sorted.
std::vector<std::string> SpaceNames();
// What a space has, in one line.
std::string DescribeSpace(const std::string& space);

// `count` different networks of the space, each a descriptor with an architecture of the family
// "blocks", named "<space>_<seed>_<number>". The same for the same options, on every machine; more
// of them begin with the same. Cells of nasbench101 that are one graph count as one. Throws
// Error(kInvalidInput) for a space that is not known, options that it does not have or that are out
// of range, and for more networks than are found.
std::vector<Descriptor> DrawNetworks(const std::string& space, const DrawOptions& options);

// Writes each as NAME.json into the folder, which is made where it is missing. Throws Error(kIo).
void WriteNetworks(const std::vector<Descriptor>& networks, const std::string& folder);

}  // namespace kinglet::characterize
