#include "converters/common/external_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace kinglet::converters {
namespace {

// The parts of a relative path without "."; throws when it is absolute or goes up.
std::vector<std::string> Components(std::string_view location, const Place& place) {
  const std::string shown = "external data at " + Quoted(location);
  if (location.empty() || location.front() == '/' ||
      location.find('\0') != std::string_view::npos) {
    Invalid(place, shown + ": expected a file name relative to the model's folder");
  }
  std::vector<std::string> parts;
  while (!location.empty()) {
    const std::size_t slash = location.find('/');
    const std::string_view part = location.substr(0, slash);
    if (part == "..") {
      Invalid(place, shown + " is outside the model's folder, which Kinglet does not read");
    }
    if (!part.empty() && part != ".") parts.emplace_back(part);
    if (slash == std::string_view::npos) break;
    location.remove_prefix(slash + 1);
  }
  if (parts.empty()) Invalid(place, shown + ": expected a file name");
  return parts;
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string path;
  for (const std::string& part : parts) path += (path.empty() ? "" : "/") + part;
  return path;
}

// -1 with ENOSYS where the kernel does not have it. Sandboxes answer EPERM to system calls that
// they do not know.
int OpenAt2(int folder, const std::string& path, int flags, unsigned resolve) {
  open_how how{};
  how.flags = static_cast<decltype(how.flags)>(flags);
  how.resolve = resolve;
  const long fd = syscall(SYS_openat2, folder, path.c_str(), &how, sizeof(how));
  if (fd < 0 && errno == EPERM) errno = ENOSYS;
  return static_cast<int>(fd);
}

// Follows no link.
int OpenBeneath(int folder, const std::vector<std::string>& parts) {
  const int fd = OpenAt2(folder, Joined(parts), ReadFlags() | O_NOFOLLOW,
                         RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  return fd < 0 && errno == ENOSYS ? OpenByComponents(folder, parts) : fd;
}

// Where links lead, without opening what is there for more than to look at it.
int OpenToLookAt(int folder, const std::string& path) {
  const int flags = O_PATH | O_CLOEXEC;
  const int fd = OpenAt2(folder, path, flags, RESOLVE_NO_MAGICLINKS);
  return fd < 0 && errno == ENOSYS ? openat(folder, path.c_str(), flags) : fd;
}

std::string InProc(const FileHandle& file) { return "/proc/self/fd/" + std::to_string(file.get()); }

// The path of an open file without links; "" where the system does not tell.
std::string RealPath(const FileHandle& file) {
  std::string path(PATH_MAX, '\0');
  const ssize_t length = readlink(InProc(file).c_str(), path.data(), path.size());
  if (length <= 0 || path.front() != '/') return "";
  path.resize(static_cast<std::size_t>(length));
  return path;
}

bool IsRegular(const FileHandle& file) {
  struct stat info {};
  return fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode) && info.st_nlink > 0;
}

bool IsBeneath(std::string_view path, std::string_view folder) {
  if (folder == "/") return true;
  return !folder.empty() && path.size() > folder.size() && path.starts_with(folder) &&
         path[folder.size()] == '/';
}

// "/a/b" of "/a/b/c"; "/" of "/c".
std::string_view FolderOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// "/store" of "/store/ab/cd/0123...": the folder that spreads files by the first digits of their
// hashes. "" for a path that does not look like that.
std::string_view StoreOf(std::string_view path) {
  constexpr std::size_t kHashDigits = 16;  // of a name, at least
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (name.size() < kHashDigits || !IsHex(name)) return "";
  std::string_view folder = FolderOf(path);
  bool spread = false;
  for (std::string_view digits = folder.substr(folder.rfind('/') + 1);
       digits.size() == 2 && IsHex(digits); digits = folder.substr(folder.rfind('/') + 1)) {
    folder = FolderOf(folder);
    spread = true;
  }
  return spread ? folder : "";
}

}  // namespace

int OpenFolder(const std::string& path) {
  return open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int OpenByComponents(int folder, const std::vector<std::string>& parts) {
  FileHandle walked;
  int at = folder;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    FileHandle next(openat(at, parts[i].c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) return -1;
    walked = std::move(next);
    at = walked.get();
  }
  return openat(at, parts.back().c_str(), ReadFlags() | O_NOFOLLOW);
}

ExternalFiles::ExternalFiles(const std::string& model_path, const FileHandle& model,
                             const std::vector<std::string>& data_folders)
    : real_model_(RealPath(model)) {
  const std::size_t slash = model_path.rfind('/');
  folders_.emplace_back().path = slash == std::string::npos ? "." : model_path.substr(0, slash + 1);
  for (const std::string& path : data_folders) folders_.emplace_back().path = path;
}

void ExternalFiles::OpenFolders(const Place& place) {
  for (Folder& folder : folders_) {
    if (folder.handle.valid()) continue;
    folder.handle = FileHandle(OpenFolder(folder.path));
    if (!folder.handle.valid()) {
      const int error = errno;
      const bool own = &folder == &folders_.front();
      Fail(ErrorCode::kIo, place,
           "cannot open the " + (own ? "model's folder" : "data folder " + Quoted(folder.path)) +
               ErrnoText(error));
    }
    folder.real = RealPath(folder.handle);
  }
}

std::shared_ptr<const MappedFile> ExternalFiles::Open(std::string_view location,
                                                      const Place& place) {
  if (const auto it = files_.find(location); it != files_.end()) return it->second;
  const std::vector<std::string> parts = Components(location, place);
  const std::string shown = "external data at " + Quoted(location);
  OpenFolders(place);
  FileHandle file;
  int error = 0;
  for (const Folder& folder : folders_) {
    file = OpenIn(folder, parts, shown, place);
    if (file.valid()) break;
    if (error == 0) error = errno;
    if (errno != ENOENT && errno != ENOTDIR) break;
  }
  if (!file.valid()) {
    const bool absent = error == ENOENT || error == ENOTDIR || error == ENXIO || error == ELOOP;
    Fail(absent ? ErrorCode::kInvalidModel : ErrorCode::kIo, place,
         shown + " cannot be opened in the model's folder" +
             (folders_.size() > 1 ? " or a data folder" : "") + ErrnoText(error));
  }
  if (!IsRegular(file)) Invalid(place, shown + " is not a regular file");
  auto mapped = MappedFile::Map(file, place);
  files_.emplace(location, mapped);
  return mapped;
}

FileHandle ExternalFiles::OpenIn(const Folder& folder, const std::vector<std::string>& parts,
                                 const std::string& shown, const Place& place) const {
  FileHandle file(OpenBeneath(folder.handle.get(), parts));
  // A link that should be a folder is none to OpenByComponents.
  const bool met_link = !file.valid() && (errno == ELOOP || errno == EXDEV || errno == ENOTDIR);
  return met_link ? FollowLinks(folder, parts, shown, place) : std::move(file);
}

FileHandle ExternalFiles::FollowLinks(const Folder& folder, const std::vector<std::string>& parts,
                                      const std::string& shown, const Place& place) const {
  const FileHandle found(OpenToLookAt(folder.handle.get(), Joined(parts)));
  if (!found.valid()) return {};
  const std::string real = RealPath(found);
  if (!MayBeRead(real)) {
    Invalid(place, shown + " is a link to " + Quoted(real) +
                       ", outside of what is read: the model's folder, that of the file which the "
                       "model is a link to, and data folders (--data-folder DIR, "
                       "ReadOptions::data_folders)");
  }
  if (!IsRegular(found)) Invalid(place, shown + " is a link to what is not a regular file");
  return FileHandle(open(InProc(found).c_str(), ReadFlags()));
}

bool ExternalFiles::MayBeRead(const std::string& real) const {
  if (real.empty()) return false;
  const bool named = std::any_of(folders_.begin(), folders_.end(), [&](const Folder& folder) {
    return IsBeneath(real, folder.real);
  });
  if (named || real_model_.empty()) return named;
  if (IsBeneath(real, FolderOf(real_model_))) return true;
  const std::string_view store = StoreOf(real_model_);
  return !store.empty() && StoreOf(real) == store;
}

}  // namespace kinglet::converters
