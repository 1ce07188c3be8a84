// The folder that results go into.
#pragma once

#include <string>

namespace kinglet::characterize {

// Before anything is measured: makes the folder where it is missing, and writes and removes a small
// file in it. Throws Error(kIo) that says why it cannot be used.
void PrepareFolder(const std::string& folder);

// The path of a file in it.
std::string InFolder(const std::string& folder, const std::string& name);

}  // namespace kinglet::characterize
