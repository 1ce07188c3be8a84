// What the dispatch of kernels/common/dispatch.h reaches, file by file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kinglet::testing {

// A file that is compiled for each target, and the target that its functions run on now.
struct DispatchedFile {
  std::string_view path;  // from the root of the sources
  const char* (*target)() noexcept;
};
const std::vector<DispatchedFile>& DispatchedFiles();

// What a kernel family gives a plan under the active target: the address of a function, or of a
// table of functions, of which each target has its own.
struct EntryPoint {
  std::string name;
  const void* address;
};
std::vector<EntryPoint> EntryPoints();

// Empty where every file runs on `target`, else those that do not, and where it is not active.
std::string FilesOnOtherTargets(std::string_view target);

}  // namespace kinglet::testing
