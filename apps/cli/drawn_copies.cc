#include "apps/cli/drawn_copies.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "apps/cli/cli.h"
#include "apps/cli/input_file.h"
#include "kinglet/error.h"

namespace kinglet::cli {
namespace {

namespace fs = std::filesystem;

// The extension of the copy.
std::string ExtensionOf(const fs::path& source) {
  std::string extension = source.extension().string();
  std::string lower = extension;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const bool kept = lower == ".jpg" || lower == ".jpeg" || lower == ".png";
  return kept ? extension : ".png";
}

}  // namespace

DrawnCopies::DrawnCopies(std::string folder, const std::vector<std::string>& sources)
    : folder_(std::move(folder)) {
  if (folder_.empty()) return;
  for (const std::string& source : sources) {
    if (IsStream(source)) continue;
    const fs::path parent = fs::path(source).parent_path();
    std::error_code unknown;
    if (fs::equivalent(parent.empty() ? fs::path(".") : parent, folder_, unknown)) {
      throw UsageError("--output " + folder_ + ": copies there would overwrite pictures, " +
                       source + " lies in it; name another folder");
    }
  }
  std::error_code error;
  fs::create_directories(folder_, error);
  std::error_code unknown;
  if (!fs::is_directory(folder_, unknown)) {
    throw Error(ErrorCode::kIo, folder_ + ": the folder cannot be made" +
                                    (error ? ": " + error.message() : std::string()));
  }
  if (access(folder_.c_str(), W_OK | X_OK) != 0) {
    throw Error(ErrorCode::kIo,
                folder_ + ": nothing can be written there: " + std::strerror(errno));
  }
}

void DrawnCopies::Write(const std::string& source, const Image& image) {
  const fs::path path(source == "-" ? "standard_input" : source);
  const std::string extension = ExtensionOf(path);
  std::string name = path.stem().string() + extension;
  for (int number = 2; !names_.insert(name).second; ++number) {
    name = path.stem().string() + "_" + std::to_string(number) + extension;
  }
  WriteImage((fs::path(folder_) / name).string(), image);
}

}  // namespace kinglet::cli
