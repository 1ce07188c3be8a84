#include "characterize/common/output_folder.h"

#include <filesystem>
#include <string_view>

#include "kinglet/error.h"
#include "kinglet/file.h"

namespace kinglet::characterize {

namespace fs = std::filesystem;

void PrepareFolder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  std::error_code unknown;
  if (!fs::is_directory(folder, unknown)) {
    throw Error(ErrorCode::kIo, folder + ": the folder cannot be made" +
                                    (error ? ": " + error.message() : std::string()));
  }
  const std::string probe = InFolder(folder, ".kinglet-probe");
  WriteFile(probe, std::string_view("probe\n"));
  fs::remove(probe, error);
}

std::string InFolder(const std::string& folder, const std::string& name) {
  return (fs::path(folder) / name).string();
}

}  // namespace kinglet::characterize
