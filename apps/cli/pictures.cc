#include "apps/cli/pictures.h"

#include <algorithm>
#include <filesystem>

#include "kinglet/image.h"

namespace kinglet::cli {
namespace {

namespace fs = std::filesystem;

void ListFolder(const std::string& folder, PictureList& list) {
  std::vector<std::string> found;
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    std::error_code status_error;
    const std::string path = entries->path().string();
    if (HasImageExtension(path) && !entries->is_directory(status_error)) found.push_back(path);
  }
  if (error) {
    list.failures.push_back(folder + ": the folder cannot be read: " + error.message());
    return;
  }
  if (found.empty()) {
    list.failures.push_back(folder + ": the folder has no pictures (.jpg, .jpeg, .png, .bmp)");
  }
  std::sort(found.begin(), found.end());
  list.paths.insert(list.paths.end(), found.begin(), found.end());
}

}  // namespace

PictureList ListPictures(const std::vector<std::string>& arguments) {
  PictureList list;
  for (const std::string& argument : arguments) {
    std::error_code error;
    if (fs::is_directory(argument, error)) {
      ListFolder(argument, list);
    } else {
      list.paths.push_back(argument);
    }
  }
  return list;
}

}  // namespace kinglet::cli
