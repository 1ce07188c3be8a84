// A file of a test, removed at its end.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace kinglet::characterize {

class TemporaryFile {
 public:
  // In a folder of its own.
  TemporaryFile(const std::string& name, std::string_view content) {
    std::string folder = (std::filesystem::temp_directory_path() / "kinglet-XXXXXX").string();
    if (mkdtemp(folder.data()) != nullptr) folder_ = folder;
    std::ofstream(path_ = folder_ / name, std::ios::binary) << content;
  }
  TemporaryFile(const std::string& name, const std::vector<std::uint8_t>& content)
      : TemporaryFile(
            name, std::string_view(reinterpret_cast<const char*>(content.data()), content.size())) {
  }
  ~TemporaryFile() {
    std::error_code unknown;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, unknown);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path folder_, path_;
};

}  // namespace kinglet::characterize
