// Runs the built kinglet command as a user does.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/source_dir.h"

namespace kinglet::testing {

struct CommandResult {
  int status = -1;  // exit status; -1 when a signal ended it
  int signal = 0;
  std::string out;
  std::string err;
  double cpu_seconds = 0;
  std::size_t peak_bytes = 0;

  std::vector<std::string> OutLines() const;
  std::vector<std::string> ErrLines() const;
  nlohmann::json OutJson() const;  // the only line of the output
};

// `stdout_path` instead of a capture, when it is not empty.
CommandResult Kinglet(const std::vector<std::string>& arguments,
                      const std::string& stdout_path = "");

// A folder of its own, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string Path(const std::string& name = "") const;
  std::string Write(const std::string& name, const std::string& content) const;
  std::string Copy(const std::filesystem::path& from, const std::string& name) const;

 private:
  std::filesystem::path path_;
};

std::string ReadText(const std::filesystem::path& path);

// Files of the repository.
inline std::filesystem::path SourcePath(const std::string& relative) {
  return SourceDir() / relative;
}

}  // namespace kinglet::testing
