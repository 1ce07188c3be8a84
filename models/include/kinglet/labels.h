// Class names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kinglet {

struct Descriptor;

// Names of the lists that are part of the library: "coco", "demo", "face", "imagenet", "voc".
std::vector<std::string> ListLabels();
// One of these lists. Throws Error(kInvalidInput) listing the names when there is none.
std::vector<std::string> NamedLabels(std::string_view list);

// Reads a file with one name on each line (UTF-8; trailing white space and empty lines at the end
// do not count). Throws Error(kIo) when it cannot be read, Error(kResource) when it is larger than
// 4 MiB or has more than 100000 lines, Error(kInvalidInput) for control characters or lines of more
// than 256 bytes.
std::vector<std::string> ReadLabels(const std::string& path);

// The names that a descriptor asks for, from a list or from its file; empty when it asks for none.
std::vector<std::string> DescriptorLabels(const Descriptor& descriptor);

// `names` for a network with `classes` outputs: as they are when their number fits; with
// "background" in front when there is one fewer (1001 outputs for ImageNet); empty stays empty.
// Throws Error(kInvalidInput) naming both numbers and `source` otherwise.
std::vector<std::string> FitLabels(std::vector<std::string> names, std::size_t classes,
                                   const std::string& source);

}  // namespace kinglet
