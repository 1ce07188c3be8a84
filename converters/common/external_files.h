// The files with external data of one model, and which of them are read.
//
// A model says a path relative to its own folder. A file there is read. Where links are on the way,
// what they lead to is read when it lies
//   - in the model's folder or below, or
//   - where the model is reached through a link itself: in the folder of the file that this leads
//     to or below, or beside that folder in a store that spreads files by the first digits of their
//     hashes (store/ab/cdef..., store/12/3456...), or
//   - in one of the further folders that the caller names, or below.
// A path that the model's folder does not have is looked for in those further folders too.
// Everything else is refused. What is checked is the file that was opened, not its name.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "converters/common/mapped_file.h"
#include "converters/common/place.h"

namespace kinglet::converters {

// A descriptor of the folder that files are opened beneath; -1 and errno when it fails.
int OpenFolder(const std::string& path);

// Opens folder/parts[0]/parts[1]/... for reading, following no link; -1 and errno when it fails.
// For kernels without openat2.
int OpenByComponents(int folder, const std::vector<std::string>& parts);

class ExternalFiles {
 public:
  // `model` is the file at `model_path`, open while this is made.
  ExternalFiles(const std::string& model_path, const FileHandle& model,
                const std::vector<std::string>& data_folders);

  // `location` is relative to the folder. Throws Error(kInvalidModel) when it leads outside, or to
  // something that is not there or no regular file; Error(kIo) when the file, or one of the
  // folders, cannot be read.
  std::shared_ptr<const MappedFile> Open(std::string_view location, const Place& place);

 private:
  // A folder to look into.
  struct Folder {
    std::string path;
    FileHandle handle;
    std::string real;  // its path without links; "" where the system does not tell
  };

  void OpenFolders(const Place& place);
  // Invalid handles, and errno, where the folder has no such file.
  FileHandle OpenIn(const Folder& folder, const std::vector<std::string>& parts,
                    const std::string& shown, const Place& place) const;
  FileHandle FollowLinks(const Folder& folder, const std::vector<std::string>& parts,
                         const std::string& shown, const Place& place) const;
  bool MayBeRead(const std::string& real) const;

  std::vector<Folder> folders_;  // the model's own first
  std::string real_model_;       // path of its file without links
  std::map<std::string, std::shared_ptr<const MappedFile>, std::less<>> files_;
};

}  // namespace kinglet::converters
