// Files that appear whole or not at all.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "converters/common/place.h"

namespace kinglet::converters {

// Writes the parts one after the other to a temporary name in the folder of `path` and renames the
// file. An existing regular file is replaced. Throws Error(kIo) at `place`; nothing is left behind.
void WriteFile(const std::string& path, std::span<const std::string_view> parts,
               const Place& place);

}  // namespace kinglet::converters
