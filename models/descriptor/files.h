// Whole text files in and out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kinglet {

// Throws Error(kIo) when the file cannot be read or is no regular file, Error(kResource) when it
// has more than `max_bytes`; `what` names its kind in messages ("a descriptor").
std::string ReadTextFile(const std::string& path, std::size_t max_bytes, std::string_view what);

// Under a temporary name in the same folder first: at no time is there half a file at `path`.
// Throws Error(kIo).
void WriteTextFile(const std::string& path, std::string_view text);

}  // namespace kinglet
