// Files that a descriptor names.
#pragma once

#include <string>

#include "kinglet/descriptor.h"

namespace kinglet {

// Where the file is. It must be in the descriptor's folder or below, as it is written and after
// links are followed. Throws Error(kInvalidInput) "descriptor '<name>': <key>: '<file>' ..."
// otherwise; `builtin` says what is wrong where the descriptor has no folder, `option` is the one
// of the command line that names any file.
std::string PathInFolder(const Descriptor& descriptor, const std::string& file, const char* key,
                         const char* builtin, const char* option);

}  // namespace kinglet
