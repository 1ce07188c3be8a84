// Files of a model, mapped read-only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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

// A descriptor of the folder that files are opened beneath; -1 and errno when it fails.
int OpenFolder(const std::string& path);

// Opens folder/parts[0]/parts[1]/... for reading, following no link; -1 and errno when it fails.
// For kernels without openat2.
int OpenByComponents(int folder, const std::vector<std::string>& parts);

// The files with external data of one model: those in its own folder and below. Neither links nor
// ".." lead out of it.
class ExternalFiles {
 public:
  // The folder of `model_path`.
  explicit ExternalFiles(const std::string& model_path);

  // `location` is relative to the folder. Throws Error(kInvalidModel) when it leads outside, or to
  // something that is not there or no regular file; Error(kIo) when the file cannot be read.
  std::shared_ptr<const MappedFile> Open(std::string_view location, const Place& place);

 private:
  std::string folder_path_;
  FileHandle folder_;
  std::map<std::string, std::shared_ptr<const MappedFile>, std::less<>> files_;
};

}  // namespace kinglet::converters
