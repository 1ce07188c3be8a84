// Whole text files.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kinglet {

// Throws Error(kIo) when the file cannot be read or is no regular file, Error(kResource) when it
// has more than `max_bytes`; `what` names its kind in messages ("a descriptor").
std::string ReadTextFile(const std::string& path, std::size_t max_bytes, std::string_view what);

}  // namespace kinglet
