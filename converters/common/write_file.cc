#include "converters/common/write_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "converters/common/mapped_file.h"

namespace kinglet::converters {
namespace {

[[noreturn]] void FailIo(const Place& place, const std::string& what, int error) {
  Fail(ErrorCode::kIo, place, what + " (" + std::strerror(error) + ")");
}

// 0 or the errno.
int WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

// A name in the folder of `path` that no other thread or process of the machine takes.
std::string TemporaryName(const std::string& path) {
  static std::atomic<unsigned> counter{0};
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  return folder + ".kinglet-" + std::to_string(getpid()) + "-" +
         std::to_string(counter.fetch_add(1)) + ".tmp";
}

}  // namespace

void WriteFile(const std::string& path, std::span<const std::string_view> parts,
               const Place& place) {
  if (path.find('\0') != std::string::npos) {
    Fail(ErrorCode::kIo, place, "cannot write the file: its name has a NUL character");
  }
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    Fail(ErrorCode::kIo, place, "exists and is no regular file; it is not replaced");
  }
  const std::string temporary = TemporaryName(path);
  int error = 0;
  {
    const FileHandle file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!file.valid()) FailIo(place, "cannot create a file in its folder", errno);
    for (const std::string_view part : parts) {
      if (error == 0) error = WriteAll(file.get(), part);
    }
  }
  if (error == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(temporary.c_str());
    FailIo(place, "cannot write the file", error);
  }
}

}  // namespace kinglet::converters
