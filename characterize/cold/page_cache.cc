#include "characterize/cold/page_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "kinglet/error.h"

namespace kinglet::characterize {
namespace {

// Pages of an open file that are in memory.
std::size_t PagesInMemory(int fd, std::size_t bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((bytes + page - 1) / page);
  void* mapped = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return pages.size();
  if (mincore(mapped, bytes, pages.data()) != 0) std::fill(pages.begin(), pages.end(), 1);
  munmap(mapped, bytes);
  return static_cast<std::size_t>(
      std::count_if(pages.begin(), pages.end(), [](unsigned char p) { return (p & 1) != 0; }));
}

void DropFile(int fd, const std::string& file) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) return;
  fsync(fd);  // what was not written yet stays
  const int error = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  const std::size_t pages = PagesInMemory(fd, static_cast<std::size_t>(status.st_size));
  if (error == 0 && pages == 0) return;
  throw Error(ErrorCode::kIo,
              file + ": stays in memory (" + std::to_string(pages) +
                  " pages): another program has it mapped, or its file system keeps it there; "
                  "leave --drop-cache out");
}

}  // namespace

void DropFromMemory(const std::vector<std::string>& files) {
  for (const std::string& file : files) {
    const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    try {
      DropFile(fd, file);
    } catch (...) {
      close(fd);
      throw;
    }
    close(fd);
  }
}

}  // namespace kinglet::characterize
