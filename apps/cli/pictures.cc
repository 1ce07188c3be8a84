#include "apps/cli/pictures.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <new>
#include <string_view>
#include <utility>

#include "apps/cli/input_file.h"
#include "apps/cli/progress.h"
#include "kinglet/error.h"

namespace kinglet::cli {
namespace {

namespace fs = std::filesystem;

// Endings of pictures that are not read, and of those that only some builds read.
constexpr std::string_view kOthers[] = {".webp", ".gif", ".heic", ".heif", ".avif", ".tif",
                                        ".tiff", ".jp2", ".jxl",  ".ico",  ".tga",  ".psd",
                                        ".svg",  ".raw", ".cr2",  ".cr3",  ".nef",  ".arw",
                                        ".dng",  ".ppm", ".pgm",  ".jfif", ".pdf"};

std::string LowerExtension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return extension;
}

// What folders have beside pictures.
struct PassedOver {
  std::map<std::string, std::size_t> endings;  // how many of each
  std::size_t folders = 0;

  std::string Text() const {
    std::vector<std::pair<std::size_t, std::string>> most;
    for (const auto& [ending, count] : endings) most.emplace_back(count, ending);
    std::sort(most.rbegin(), most.rend());
    std::string text;
    for (const auto& [count, ending] : most) {
      text += (text.empty() ? "" : ", ") + std::to_string(count) + ' ' + ending;
    }
    if (folders > 0) {
      text += (text.empty() ? "" : ", ") + std::to_string(folders) +
              (folders == 1 ? " folder" : " folders") + " (--recursive looks into them)";
    }
    return text;
  }
};

class Lister {
 public:
  explicit Lister(bool recursive) : recursive_(recursive) {}

  void AddArgument(const std::string& argument) {
    std::error_code error;
    if (!fs::is_directory(argument, error)) {
      list_.paths.push_back(argument);
      return;
    }
    const std::size_t before = list_.paths.size() + list_.failures.size();
    AddFolder(argument);
    if (list_.paths.size() + list_.failures.size() > before) return;
    list_.failures.push_back(argument + ": the folder has no pictures (" + ImageExtensions() + ")" +
                             (recursive_ ? " in it or below" : ""));
  }

  PictureList Take() {
    list_.passed_over = passed_over_.Text();
    return std::move(list_);
  }

 private:
  void AddFolder(const std::string& folder) {
    std::vector<std::string> found;
    std::vector<std::string> folders;
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
      AddEntry(*entries, found, folders);
    }
    if (error) {
      list_.failures.push_back(folder + ": the folder cannot be read: " + error.message());
      return;
    }
    std::sort(found.begin(), found.end());
    list_.paths.insert(list_.paths.end(), found.begin(), found.end());
    std::sort(folders.begin(), folders.end());
    for (const std::string& below : folders) AddFolder(below);
  }

  void AddEntry(const fs::directory_entry& entry, std::vector<std::string>& found,
                std::vector<std::string>& folders) {
    std::error_code unknown;
    const std::string path = entry.path().string();
    if (entry.is_directory(unknown)) {
      // A link could lead back to where it is.
      if (entry.is_symlink(unknown)) return;
      if (recursive_) folders.push_back(path);
      passed_over_.folders += recursive_ ? 0 : 1;
      return;
    }
    if (entry.is_fifo(unknown) || entry.is_socket(unknown) || entry.is_character_file(unknown) ||
        entry.is_block_file(unknown)) {
      return;
    }
    if (HasImageExtension(path)) {
      found.push_back(path);
      return;
    }
    const std::string ending = LowerExtension(entry.path());
    if (std::find(std::begin(kOthers), std::end(kOthers), ending) != std::end(kOthers)) {
      ++passed_over_.endings[ending];
    }
  }

  bool recursive_;
  PictureList list_;
  PassedOver passed_over_;
};

// Of a picture that comes through a pipe: more than one of so many pixels has.
std::size_t LargestFile(std::int64_t max_pixels) {
  constexpr std::size_t kMetadata = std::size_t{1} << 25;
  return static_cast<std::size_t>(max_pixels) * 8 + kMetadata;
}

void PrintPictureError(const std::string& path, const std::string& error, bool limit = false) {
  const std::string what = WithShownNames(error);
  if (IsStream(path)) return PrintError(what + (limit ? " (--max-pixels N)" : ""));
  PrintError((what.find(path) == std::string::npos ? path + ": " + what : what) +
             (limit ? " (--max-pixels N)" : ""));
}

}  // namespace

PictureList ListPictures(const std::vector<std::string>& arguments, bool recursive) {
  Lister lister(recursive);
  for (const std::string& argument : arguments) lister.AddArgument(argument);
  return lister.Take();
}

std::size_t ForEachPicture(const std::vector<std::string>& paths, std::int64_t max_pixels,
                           bool progress_bar, const std::function<void(const Picture&)>& body) {
  std::size_t done = 0;
  Progress progress(paths.size(), progress_bar);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    progress.Show(i, paths[i]);
    try {
      const InputFile file(paths[i], LargestFile(max_pixels));
      const Timer decode;
      Image image = ReadImage(file.path(), {max_pixels});
      const double decode_ms = decode.ms();
      body({i, paths[i], std::move(image), decode_ms});
      ++done;
    } catch (const Error& error) {
      PrintPictureError(paths[i], error.what(), error.code() == ErrorCode::kResource);
    } catch (const std::bad_alloc&) {
      PrintPictureError(paths[i], "not enough memory");
    }
  }
  return done;
}

Status ForEachPicture(const PictureOptions& options, const PictureList& list,
                      const CommonOptions& common,
                      const std::function<void(const Picture&)>& body) {
  for (const std::string& failure : list.failures) PrintError(failure);
  const std::size_t done = ForEachPicture(list.paths, options.max_pixels, !common.quiet, body);
  if (!list.passed_over.empty()) {
    PrintNote(common, "note: passed over in folders: " + list.passed_over);
  }
  return done == list.paths.size() && list.failures.empty() ? Status::kDone : Status::kInputFailed;
}

}  // namespace kinglet::cli
