#include "models/files/files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "kinglet/error.h"

namespace kinglet {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

[[noreturn]] void IoError(const std::string& path, const char* what) {
  throw Error(ErrorCode::kIo, path + ": " + what + ": " + std::strerror(errno));
}

// There is a folder, a device or the like.
bool IsIrregular(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  return std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
}

}  // namespace

std::string ReadTextFile(const std::string& path, std::size_t max_bytes, std::string_view what) {
  if (IsIrregular(path)) throw Error(ErrorCode::kIo, path + ": is no regular file");
  const File file(std::fopen(path.c_str(), "rbe"));
  if (!file) IoError(path, "cannot be opened");
  std::string text;
  char buffer[16384];
  while (const std::size_t count = std::fread(buffer, 1, sizeof(buffer), file.get())) {
    text.append(buffer, count);
    if (text.size() > max_bytes) {
      throw Error(ErrorCode::kResource, path + ": too long for " + std::string(what) +
                                            "; at most " + std::to_string(max_bytes) +
                                            " bytes are read");
    }
  }
  if (std::ferror(file.get()) != 0) IoError(path, "cannot be read");
  return text;
}

}  // namespace kinglet
