#include "tests/support/source_dir.h"

#include <cstdlib>

namespace kinglet::testing {

std::filesystem::path SourceDir() { return KINGLET_SOURCE_DIR; }

std::filesystem::path SharedDataDir() {
  const char* given = std::getenv("KINGLET_SHARED_DATA");
  return given != nullptr ? std::filesystem::path(given) : SourceDir() / ".." / "shared" / "data";
}

}  // namespace kinglet::testing
