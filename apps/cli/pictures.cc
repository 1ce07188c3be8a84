#include "apps/cli/pictures.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <new>

#include "apps/cli/cli.h"
#include "apps/cli/progress.h"
#include "kinglet/error.h"

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

void PrintPictureError(const std::string& path, const std::string& what, bool limit = false) {
  PrintError((what.find(path) == std::string::npos ? path + ": " + what : what) +
             (limit ? " (--max-pixels N)" : ""));
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

std::size_t ForEachPicture(const std::vector<std::string>& paths, std::int64_t max_pixels,
                           bool progress_bar, const std::function<void(const Picture&)>& body) {
  using Clock = std::chrono::steady_clock;
  std::size_t done = 0;
  Progress progress(paths.size(), progress_bar);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    progress.Show(i, paths[i]);
    try {
      const Clock::time_point start = Clock::now();
      Image image = ReadImage(paths[i], {max_pixels});
      const std::chrono::duration<double, std::milli> decode = Clock::now() - start;
      body({i, paths[i], std::move(image), decode.count()});
      ++done;
    } catch (const Error& error) {
      PrintPictureError(paths[i], error.what(), error.code() == ErrorCode::kResource);
    } catch (const std::bad_alloc&) {
      PrintPictureError(paths[i], "not enough memory");
    }
  }
  return done;
}

}  // namespace kinglet::cli
