// Programs in processes of their own: what one point takes, no other one pays for.
#pragma once

#include <string>
#include <vector>

namespace kinglet::measure {

struct ProcessResult {
  int status = 0;      // exit status, when no signal ended it
  int signal = 0;      // that ended it; 0: none
  std::string output;  // standard output and standard error
};

// Runs the program with these arguments until it ends; `name` is its argument 0. A program without
// a slash is looked for in PATH. Throws Error(kIo) when it cannot be started.
ProcessResult RunProcess(const std::string& program, const std::string& name,
                         const std::vector<std::string>& arguments);

// The same for this executable.
ProcessResult RunOwnProcess(const std::string& name, const std::vector<std::string>& arguments);

// The last line of its output.
std::string LastLine(const ProcessResult& result);

// "the process was ended by signal 9 (Killed): as when memory runs out", or its exit status.
std::string DescribeEnd(const ProcessResult& result);

// Ends this process when the one that started it ends: nobody reads what it measures then.
void EndWithParent();

}  // namespace kinglet::measure
