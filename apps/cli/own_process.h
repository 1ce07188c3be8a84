// Running this program again, in a process of its own.
#pragma once

#include <string>
#include <vector>

namespace kinglet::cli {

struct ProcessResult {
  int status = 0;      // exit status, when no signal ended it
  int signal = 0;      // that ended it; 0: none
  std::string output;  // standard output and standard error
};

// Runs this executable with these arguments until it ends. Throws Error(kIo) when it cannot be
// started.
ProcessResult RunOwnProcess(const std::vector<std::string>& arguments);

}  // namespace kinglet::cli
