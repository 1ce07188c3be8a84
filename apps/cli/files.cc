#include "apps/cli/files.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "kinglet/error.h"

namespace kinglet::cli {

void WriteFile(const std::string& path, std::string_view text) {
  std::error_code status_error;
  const auto status = std::filesystem::status(path, status_error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw Error(ErrorCode::kIo, path + ": exists and is no regular file; it is not replaced");
  }
  const std::string temporary = path + ".tmp" + std::to_string(getpid());
  std::FILE* file = std::fopen(temporary.c_str(), "wbxe");
  bool written = file != nullptr;
  int cause = errno;
  if (written) {
    written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
    written =
        std::fclose(file) == 0 && written && std::rename(temporary.c_str(), path.c_str()) == 0;
    cause = errno;
    if (!written) std::remove(temporary.c_str());
  }
  if (!written) {
    throw Error(ErrorCode::kIo, path + ": cannot be written: " + std::strerror(cause));
  }
}

}  // namespace kinglet::cli
