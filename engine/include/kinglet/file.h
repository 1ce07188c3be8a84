// Files that appear whole or not at all.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace kinglet {

// Writes the parts one after the other under a temporary name in the folder of `path`, then renames
// the file: at no time is there half a file at `path`. A regular file is replaced, nothing else.
// Throws Error(kIo) and leaves nothing behind.
void WriteFile(const std::string& path, std::span<const std::string_view> parts);
void WriteFile(const std::string& path, std::string_view text);

}  // namespace kinglet
