#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "kinglet/error.h"
#include "kinglet/file.h"

namespace kinglet {
namespace {

[[noreturn]] void Fail(const std::string& path, const std::string& what) {
  throw Error(ErrorCode::kIo, path + ": " + what);
}

[[noreturn]] void FailToWrite(const std::string& path, int error) {
  Fail(path, "cannot be written: " + std::generic_category().message(error));
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

// A name in the folder of `path` that no other thread or process of the machine takes. It does not
// contain the file's name, which may be as long as names can be.
std::string TemporaryName(const std::string& path) {
  static std::atomic<unsigned> counter{0};
  std::string name = path.substr(0, path.rfind('/') + 1);
  name += ".kinglet-";
  name += std::to_string(getpid());
  name += '-';
  name += std::to_string(counter.fetch_add(1));
  name += ".tmp";
  return name;
}

}  // namespace

void WriteFile(const std::string& path, std::span<const std::string_view> parts) {
  if (path.find('\0') != std::string::npos) Fail(path.c_str(), "the name has a NUL character");
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    Fail(path, "exists and is no regular file; it is not replaced");
  }
  const std::string temporary = TemporaryName(path);
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) FailToWrite(path, errno);
  int error = 0;
  for (const std::string_view part : parts) {
    if (error == 0) error = WriteAll(fd, part);
  }
  if (close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(temporary.c_str());
    FailToWrite(path, error);
  }
}

void WriteFile(const std::string& path, std::string_view text) { WriteFile(path, {&text, 1}); }

}  // namespace kinglet
