// Files that commands write.
#pragma once

#include <string>
#include <string_view>

namespace kinglet::cli {

// Under a temporary name in the same folder first: at no time is there half a file at `path`.
// Throws Error(kIo).
void WriteFile(const std::string& path, std::string_view text);

}  // namespace kinglet::cli
