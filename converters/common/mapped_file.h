// Files, mapped read-only.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "converters/common/place.h"

namespace kinglet::converters {

// A file descriptor that closes itself.
class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int fd) : fd_(fd) {}
  FileHandle(FileHandle&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FileHandle& operator=(FileHandle&& other) noexcept;
  ~FileHandle();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// The bytes of a regular file. Views of it stay valid as long as the object lives; the memory is
// private to the process, so a stray write never reaches the file.
class MappedFile {
 public:
  // Throws Error(kIo) at `place` when the file cannot be opened, is not a regular file or cannot be
  // mapped.
  static std::shared_ptr<const MappedFile> Open(const std::string& path, const Place& place);
  static std::shared_ptr<const MappedFile> Map(const FileHandle& file, const Place& place);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::string_view bytes() const { return {data_, size_}; }

  // Gives the whole pages inside `part` of a mapping back to the system. Who reads them again gets
  // them from the file again.
  static void Release(std::string_view part);

 private:
  MappedFile(const char* data, std::size_t size) : data_(data), size_(size) {}

  const char* data_;
  std::size_t size_;
};

// Flags for opening a file to read, whatever it turns out to be: a FIFO would wait for a writer.
int ReadFlags();

// Opens the file for reading; links are followed. Throws Error(kIo) at `place`.
FileHandle OpenFile(const std::string& path, const Place& place);

}  // namespace kinglet::converters
