#include "converters/common/mapped_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace kinglet::converters {
namespace {

// Opening a FIFO for reading would wait for a writer without O_NONBLOCK.
constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

std::string ErrnoText(int error) { return std::string(" (") + std::strerror(error) + ")"; }

// The parts of a relative path without "."; throws when it is absolute or goes up.
std::vector<std::string> Components(std::string_view location, const Place& place) {
  const std::string shown = "external data at " + Quoted(location);
  if (location.empty() || location.front() == '/' ||
      location.find('\0') != std::string_view::npos) {
    Invalid(place, shown + ": expected a file name relative to the model's folder");
  }
  std::vector<std::string> parts;
  while (!location.empty()) {
    const std::size_t slash = location.find('/');
    const std::string_view part = location.substr(0, slash);
    if (part == "..") {
      Invalid(place, shown + " is outside the model's folder, which Kinglet does not read");
    }
    if (!part.empty() && part != ".") parts.emplace_back(part);
    if (slash == std::string_view::npos) break;
    location.remove_prefix(slash + 1);
  }
  if (parts.empty()) Invalid(place, shown + ": expected a file name");
  return parts;
}

int OpenBeneath(int folder, const std::vector<std::string>& parts) {
  std::string path;
  for (const std::string& part : parts) path += (path.empty() ? "" : "/") + part;
  open_how how{};
  how.flags = static_cast<decltype(how.flags)>(kReadFlags | O_NOFOLLOW);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long fd = syscall(SYS_openat2, folder, path.c_str(), &how, sizeof(how));
  // Sandboxes answer EPERM to system calls that they do not know.
  if (fd < 0 && (errno == ENOSYS || errno == EPERM)) return OpenByComponents(folder, parts);
  return static_cast<int>(fd);
}

bool IsRegular(const FileHandle& file) {
  struct stat info {};
  return fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

int OpenFolder(const std::string& path) {
  return open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int OpenByComponents(int folder, const std::vector<std::string>& parts) {
  FileHandle walked;
  int at = folder;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    FileHandle next(openat(at, parts[i].c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) return -1;
    walked = std::move(next);
    at = walked.get();
  }
  return openat(at, parts.back().c_str(), kReadFlags | O_NOFOLLOW);
}

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileHandle::~FileHandle() {
  if (fd_ >= 0) close(fd_);
}

std::shared_ptr<const MappedFile> MappedFile::Open(const std::string& path, const Place& place) {
  if (path.find('\0') != std::string::npos) {
    Fail(ErrorCode::kIo, place, "cannot open the file: its name has a NUL character");
  }
  const FileHandle file(open(path.c_str(), kReadFlags));
  if (!file.valid()) Fail(ErrorCode::kIo, place, "cannot open the file" + ErrnoText(errno));
  return Map(file, place);
}

std::shared_ptr<const MappedFile> MappedFile::Map(const FileHandle& file, const Place& place) {
  struct stat info {};
  if (fstat(file.get(), &info) != 0) {
    Fail(ErrorCode::kIo, place, "cannot examine the file" + ErrnoText(errno));
  }
  if (!S_ISREG(info.st_mode)) {
    Fail(ErrorCode::kIo, place,
         S_ISDIR(info.st_mode) ? "is a folder, expected a file" + ErrnoText(EISDIR)
                               : "is not a regular file");
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile(nullptr, 0));
  void* data =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.get(), 0);
  if (data == MAP_FAILED) {
    Fail(ErrorCode::kIo, place, "cannot map the file into memory" + ErrnoText(errno));
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(static_cast<const char*>(data), size));
}

void MappedFile::Release(std::string_view part) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(part.data()) + page - 1) / page * page;
  const auto end = (reinterpret_cast<std::uintptr_t>(part.data()) + part.size()) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<char*>(data_), size_);
}

ExternalFiles::ExternalFiles(const std::string& model_path) {
  const std::size_t slash = model_path.rfind('/');
  folder_path_ = slash == std::string::npos ? "." : model_path.substr(0, slash + 1);
}

std::shared_ptr<const MappedFile> ExternalFiles::Open(std::string_view location,
                                                      const Place& place) {
  if (const auto it = files_.find(location); it != files_.end()) return it->second;
  const std::vector<std::string> parts = Components(location, place);
  const std::string shown = "external data at " + Quoted(location);
  if (!folder_.valid()) {
    folder_ = FileHandle(OpenFolder(folder_path_));
    if (!folder_.valid()) {
      Fail(ErrorCode::kIo, place, "cannot open the model's folder" + ErrnoText(errno));
    }
  }
  const FileHandle file(OpenBeneath(folder_.get(), parts));
  if (!file.valid()) {
    const int error = errno;
    if (error == ELOOP || error == EXDEV) {
      Invalid(place, shown + " is a link or behind one, which Kinglet does not follow");
    }
    const bool absent = error == ENOENT || error == ENOTDIR || error == ENXIO;
    Fail(absent ? ErrorCode::kInvalidModel : ErrorCode::kIo, place,
         shown + " cannot be opened in the model's folder" + ErrnoText(error));
  }
  if (!IsRegular(file)) Invalid(place, shown + " is not a regular file");
  auto mapped = MappedFile::Map(file, place);
  files_.emplace(location, mapped);
  return mapped;
}

}  // namespace kinglet::converters
