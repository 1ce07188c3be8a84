// Files that appear whole or not at all.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace kinglet {

// Writes the parts one after the other into a temporary file in the folder of `path`, then renames
// it: at no time is there half a file at `path`. A regular file is replaced, nothing else. Throws
// Error(kIo) and leaves nothing behind; nor does a process that ends meanwhile, where the file
// system has files without names (Linux's usual ones do).
void WriteFile(const std::string& path, std::span<const std::string_view> parts);
void WriteFile(const std::string& path, std::string_view text);

}  // namespace kinglet
