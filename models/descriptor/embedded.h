// Files that are part of the library. The table is made by models/sources.cmake.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace kinglet {

struct EmbeddedFile {
  std::string_view path;  // within models/: "mobilenet_v1.json", "labels/coco_90.txt"
  const unsigned char* begin;
  const unsigned char* end;

  std::string_view text() const {
    return {reinterpret_cast<const char*>(begin), static_cast<std::size_t>(end - begin)};
  }
  std::span<const std::byte> bytes() const {
    return {reinterpret_cast<const std::byte*>(begin), static_cast<std::size_t>(end - begin)};
  }
};

// Sorted by path.
std::span<const EmbeddedFile> EmbeddedFiles();
// Null when there is none.
const EmbeddedFile* FindEmbedded(std::string_view path);

}  // namespace kinglet
