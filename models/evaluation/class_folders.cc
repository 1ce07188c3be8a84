// Pictures sorted into folders, one for each class.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>

#include "kinglet/error.h"
#include "kinglet/evaluate.h"
#include "kinglet/image.h"

namespace kinglet {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> Sorted(const fs::path& folder, bool (*wanted)(const fs::directory_entry&)) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    if (wanted(*entries)) found.push_back(entries->path());
  }
  if (error) {
    throw Error(ErrorCode::kIo,
                folder.string() + ": the folder cannot be read: " + error.message());
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool IsFolder(const fs::directory_entry& entry) {
  std::error_code error;
  return entry.is_directory(error) && entry.path().filename().string().front() != '.';
}

bool IsPicture(const fs::directory_entry& entry) {
  std::error_code error;
  return !entry.is_directory(error) && HasImageExtension(entry.path().string());
}

// Case and the choice between _ and a space do not count.
std::string Plain(std::string name) {
  for (char& c : name) {
    c = c == '_' ? ' ' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return name;
}

// The class of each folder by its name, or an empty list when one has none. Throws
// Error(kInvalidInput) for the name of several classes.
std::vector<std::size_t> ByName(const std::vector<fs::path>& folders,
                                const std::vector<std::string>& labels, std::string& stranger) {
  std::multimap<std::string, std::size_t> classes;
  for (std::size_t i = 0; i < labels.size(); ++i) classes.emplace(Plain(labels[i]), i);
  std::vector<std::size_t> found;
  for (const fs::path& folder : folders) {
    const auto at = classes.find(Plain(folder.filename().string()));
    if (at == classes.end()) {
      stranger = folder.filename().string();
      return {};
    }
    const auto next = std::next(at);
    if (next != classes.end() && next->first == at->first) {
      throw Error(ErrorCode::kInvalidInput,
                  folder.string() + ": the classes " + std::to_string(at->second) + " and " +
                      std::to_string(next->second) +
                      " both have this name; give class names that differ");
    }
    found.push_back(at->second);
  }
  return found;
}

}  // namespace

std::vector<ClassifiedImage> ListClassFolders(const std::string& folder, std::size_t classes,
                                              const std::vector<std::string>& labels) {
  const std::vector<fs::path> folders = Sorted(folder, &IsFolder);
  std::string stranger;
  std::vector<std::size_t> indices = ByName(folders, labels, stranger);
  if (indices.empty() && !folders.empty()) {
    const bool background = !labels.empty() && labels.front() == "background";
    const std::size_t first = background ? 1 : 0;
    if (folders.size() != classes - first) {
      throw Error(ErrorCode::kInvalidInput,
                  folder + ": the network has no class '" + stranger +
                      "'; expected folders named as its classes, or one for each of its " +
                      std::to_string(classes - first) + " classes in turn, found " +
                      std::to_string(folders.size()));
    }
    for (std::size_t i = 0; i < folders.size(); ++i) indices.push_back(first + i);
  }
  std::vector<ClassifiedImage> images;
  for (std::size_t i = 0; i < folders.size(); ++i) {
    for (const fs::path& path : Sorted(folders[i], &IsPicture)) {
      images.push_back({path.string(), indices[i]});
    }
  }
  if (images.empty()) {
    throw Error(ErrorCode::kInvalidInput,
                folder +
                    ": expected pictures (.jpg, .jpeg, .png, .bmp) in a folder for each "
                    "class, found none");
  }
  return images;
}

}  // namespace kinglet
