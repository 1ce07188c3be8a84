#include "models/descriptor/folder_file.h"

#include <algorithm>
#include <filesystem>

#include "kinglet/error.h"

namespace kinglet {

std::string PathInFolder(const Descriptor& descriptor, const std::string& file, const char* key,
                         const char* builtin, const char* option) {
  namespace fs = std::filesystem;
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::kInvalidInput,
                "descriptor '" + descriptor.name + "': " + key + ": '" + file + "' " + why);
  };
  const std::string remedy = std::string("; use ") + option + " for another file";
  if (file.empty()) refuse("names no file");
  if (descriptor.folder.empty()) refuse(builtin);
  const fs::path relative = fs::path(file).lexically_normal();
  if (relative.is_absolute() || *relative.begin() == "..") {
    refuse("must lie in the descriptor's own folder" + remedy);
  }
  const fs::path path = fs::path(descriptor.folder) / relative;
  std::error_code error;
  const fs::path folder = fs::canonical(descriptor.folder, error);
  const fs::path real = fs::weakly_canonical(path, error);
  if (std::mismatch(folder.begin(), folder.end(), real.begin(), real.end()).first != folder.end()) {
    refuse("leads out of the descriptor's own folder" + remedy);
  }
  return path.string();
}

}  // namespace kinglet
