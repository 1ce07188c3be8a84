#include "apps/cli/input_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <list>
#include <map>
#include <utility>

#include "apps/cli/cli.h"

namespace kinglet::cli {
namespace {

constexpr const char* kStandardInput = "-";
constexpr std::size_t kMostOfModel = std::size_t{2} << 30;  // what a protobuf file can have

std::string Shown(const std::string& argument) {
  return argument == kStandardInput ? "standard input" : argument;
}

// What the user named, by the path of its copy in memory.
std::map<std::string, std::string>& ShownNames() {
  static std::map<std::string, std::string> names;
  return names;
}

[[noreturn]] void Fail(const std::string& argument, int error) {
  throw Error(ErrorCode::kIo, Shown(argument) + ": cannot be read: " + std::strerror(error));
}

// A file descriptor that is closed at the end; standard input is left open.
class Source {
 public:
  explicit Source(const std::string& argument) : argument_(argument) {
    if (argument == kStandardInput) {
      if (isatty(STDIN_FILENO) == 1) {
        throw UsageError("-: standard input is a terminal; expected a file or a pipe");
      }
      fd_ = STDIN_FILENO;
      return;
    }
    fd_ = open(argument.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) Fail(argument, errno);
  }
  ~Source() {
    if (fd_ != STDIN_FILENO) close(fd_);
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // Bytes read into the buffer; 0 at the end.
  std::size_t Read(char* buffer, std::size_t bytes) const {
    while (true) {
      const ssize_t count = read(fd_, buffer, bytes);
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) Fail(argument_, errno);
    }
  }

 private:
  const std::string& argument_;
  int fd_ = -1;
};

void WriteAll(int fd, const char* bytes, std::size_t count, const std::string& argument) {
  while (count > 0) {
    const ssize_t written = write(fd, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) Fail(argument, errno);
    bytes += written;
    count -= static_cast<std::size_t>(written);
  }
}

void Copy(const std::string& argument, int to, std::size_t most) {
  const Source source(argument);
  char buffer[1 << 16];
  std::size_t total = 0;
  while (const std::size_t count = source.Read(buffer, sizeof buffer)) {
    total += count;
    if (total > most) {
      throw Error(ErrorCode::kResource, Shown(argument) + ": more than the " +
                                            std::to_string(most) + " bytes that are read of it");
    }
    WriteAll(to, buffer, count, argument);
  }
}

}  // namespace

bool IsStream(const std::string& argument) {
  if (argument == kStandardInput) return true;
  struct stat status {};
  return stat(argument.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
}

InputFile::InputFile(const std::string& argument, std::size_t most) : path_(argument) {
  if (!IsStream(argument)) return;
  // Not closed when another program starts: kinglet bench hands it to its own processes.
  memory_ = memfd_create("kinglet", 0);
  if (memory_ < 0) Fail(argument, errno);
  path_ = "/proc/self/fd/" + std::to_string(memory_);
  ShownNames()[path_] = Shown(argument);
  try {
    Copy(argument, memory_, most);
  } catch (...) {
    close(memory_);
    throw;
  }
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)), memory_(std::exchange(other.memory_, -1)) {}

InputFile::~InputFile() {
  if (memory_ >= 0) close(memory_);
}

std::string ModelFile(const std::string& argument) {
  static std::list<InputFile> kept;
  return kept.emplace_back(argument, kMostOfModel).path();
}

std::string WithShownNames(std::string_view text) {
  std::string shown(text);
  for (const auto& [path, name] : ShownNames()) {
    for (std::size_t at = shown.find(path); at != shown.npos; at = shown.find(path, at)) {
      const std::size_t end = at + path.size();
      const bool whole = end == shown.size() || shown[end] < '0' || shown[end] > '9';
      if (whole) shown.replace(at, path.size(), name);
      at += whole ? name.size() : path.size();
    }
  }
  return shown;
}

std::vector<PlacedLine> ReadLines(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) throw Error(ErrorCode::kIo, file + ": cannot be read");
  std::vector<PlacedLine> lines;
  std::size_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (!line.empty()) lines.push_back({line, file + ", line " + std::to_string(number)});
  }
  return lines;
}

}  // namespace kinglet::cli
