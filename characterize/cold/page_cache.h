// Files in the memory of the operating system.
#pragma once

#include <string>
#include <vector>

namespace kinglet::characterize {

// Lets the system forget what it keeps of these files, so that who reads them next reads them from
// the disk. Names that are no files are skipped. Throws Error(kIo) where a file stays in memory:
// another program has it mapped, or its file system keeps everything there.
void DropFromMemory(const std::vector<std::string>& files);

}  // namespace kinglet::characterize
