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

std::string FolderOf(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

// A name in the folder of `path` that no other thread or process of the machine takes. It does not
// contain the file's name, which may be as long as names can be.
std::string TemporaryName(const std::string& path) {
  static std::atomic<unsigned> counter{0};
  std::string name = FolderOf(path);
  name += ".kinglet-";
  name += std::to_string(getpid());
  name += '-';
  name += std::to_string(counter.fetch_add(1));
  name += ".tmp";
  return name;
}

constexpr mode_t kMode = 0666;

// A file that has no name yet: whatever ends the process, nothing is left of it. -1 where the
// file system has none.
int OpenNameless(const std::string& folder) {
  return open(folder.empty() ? "." : folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kMode);
}

int GiveName(int fd, const std::string& name) {
  const std::string self = "/proc/self/fd/" + std::to_string(fd);
  return linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

// Makes the file of this name; it has none until it is whole where `nameless` says so. 0 or the
// errno; then nothing is left.
int MakeFile(const std::string& name, std::span<const std::string_view> parts, bool nameless) {
  const int fd = nameless ? OpenNameless(FolderOf(name))
                          : open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kMode);
  if (fd < 0) return errno;
  int error = 0;
  for (const std::string_view part : parts) {
    if (error == 0) error = WriteAll(fd, part);
  }
  if (nameless && error == 0) error = GiveName(fd, name);
  if (close(fd) != 0 && error == 0) error = errno;
  if (error != 0) unlink(name.c_str());
  return error;
}

}  // namespace

void WriteFile(const std::string& path, std::span<const std::string_view> parts) {
  if (path.find('\0') != std::string::npos) Fail(path.c_str(), "the name has a NUL character");
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    Fail(path, "exists and is no regular file; it is not replaced");
  }
  const std::string temporary = TemporaryName(path);
  int error = MakeFile(temporary, parts, true);
  if (error != 0) error = MakeFile(temporary, parts, false);
  if (error != 0) FailToWrite(path, error);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    error = errno;
    unlink(temporary.c_str());
    FailToWrite(path, error);
  }
}

void WriteFile(const std::string& path, std::string_view text) { WriteFile(path, {&text, 1}); }

}  // namespace kinglet
