#include "models/descriptor/files.h"

#include <unistd.h>

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

void WriteTextFile(const std::string& path, std::string_view text) {
  if (IsIrregular(path)) {
    throw Error(ErrorCode::kIo, path + ": exists and is no regular file; it is not replaced");
  }
  const std::string temporary = path + ".tmp" + std::to_string(getpid());
  File file(std::fopen(temporary.c_str(), "wbxe"));
  if (!file) IoError(path, "cannot be written");
  const bool written = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
  const bool closed = std::fclose(file.release()) == 0;
  if (!written || !closed || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int cause = errno;
    std::remove(temporary.c_str());
    errno = cause;
    IoError(path, "cannot be written");
  }
}

}  // namespace kinglet
