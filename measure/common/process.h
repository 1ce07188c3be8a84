// Programs in processes of their own: what one point takes, no other one pays for.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace kinglet::measure {

struct ProcessResult {
  int status = 0;      // exit status, when no signal ended it
  int signal = 0;      // that ended it; 0: none
  std::string output;  // standard output and standard error
};

// A program that runs, and talks by lines. Ends it where it still runs when this goes.
class Child {
 public:
  // `name` is its argument 0. Throws Error(kIo) when it cannot be started.
  Child(const std::string& program, const std::string& name,
        const std::vector<std::string>& arguments);
  // This executable.
  Child(const std::string& name, const std::vector<std::string>& arguments);
  ~Child();
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;

  // To its standard input; a child that is gone reads nothing.
  void Write(const std::string& text);
  // The next line of its standard output and standard error, without its end; false: it has ended
  // all of them.
  bool ReadLine(std::string& line);
  // All that it has not been read of, and its end.
  ProcessResult Wait();

 private:
  pid_t pid_ = -1;
  int input_ = -1, output_ = -1;
  std::string unread_;
};

// Runs the program with these arguments until it ends, with nothing to read; `name` is its argument
// 0. A program without a slash is looked for in PATH. Throws Error(kIo) when it cannot be started.
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
