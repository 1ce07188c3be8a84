// Files that commands read: those on disk, and pipes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kinglet::cli {

// A file by a path that every reader takes. "-" (standard input) and pipes are read to their end
// into a file in memory, which is there as long as the object is; everything else is left alone.
class InputFile {
 public:
  // Throws Error(kIo) for a stream that cannot be read, Error(kResource) for one of more than
  // `most` bytes, and UsageError for a terminal.
  InputFile(const std::string& argument, std::size_t most);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int memory_ = -1;  // file descriptor; -1: the file is on disk
};

// "-" or a pipe: what has no name of its own and nothing beside it.
bool IsStream(const std::string& argument);

// The path of a model file, as InputFile has it, for as long as the process lives.
std::string ModelFile(const std::string& argument);

struct PlacedLine {
  std::string text, place;  // place: "FILE, line 3"
};
// The lines of a text file that are not empty. Throws Error(kIo).
std::vector<PlacedLine> ReadLines(const std::string& file);

// The text with what the user named in place of the paths of files in memory.
std::string WithShownNames(std::string_view text);

}  // namespace kinglet::cli
