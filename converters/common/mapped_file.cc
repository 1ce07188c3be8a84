#include "converters/common/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace kinglet::converters {
FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileHandle::~FileHandle() {
  if (fd_ >= 0) close(fd_);
}

int ReadFlags() { return O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY; }

FileHandle OpenFile(const std::string& path, const Place& place) {
  if (path.find('\0') != std::string::npos) {
    Fail(ErrorCode::kIo, place, "cannot open the file: its name has a NUL character");
  }
  FileHandle file(open(path.c_str(), ReadFlags()));
  if (!file.valid()) Fail(ErrorCode::kIo, place, "cannot open the file" + ErrnoText(errno));
  return file;
}

std::shared_ptr<const MappedFile> MappedFile::Open(const std::string& path, const Place& place) {
  return Map(OpenFile(path, place), place);
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

}  // namespace kinglet::converters
