#include "measure/common/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "kinglet/error.h"

extern char** environ;

namespace kinglet::measure {
namespace {

constexpr const char* kThisProgram = "/proc/self/exe";

[[noreturn]] void Fail(const char* what, int error) {
  throw Error(ErrorCode::kIo,
              std::string("a process of its own: ") + what + ": " + std::strerror(error));
}

class Pipe {
 public:
  Pipe() {
    if (pipe2(ends_, O_CLOEXEC) != 0) Fail("no pipe", errno);
  }
  ~Pipe() {
    CloseWriting();
    close(ends_[0]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int writing() const { return ends_[1]; }
  void CloseWriting() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }
  std::string ReadAll() const {
    std::string text;
    char buffer[4096];
    while (true) {
      const ssize_t count = read(ends_[0], buffer, sizeof buffer);
      if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
      if (count == 0 || (count < 0 && errno != EINTR)) return text;
    }
  }

 private:
  int ends_[2] = {-1, -1};
};

pid_t Start(const std::string& program, const std::string& name,
            const std::vector<std::string>& arguments, const Pipe& pipe) {
  std::vector<std::string> words = {name};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  if (const int error = posix_spawn_file_actions_init(&actions)) Fail("cannot be set up", error);
  posix_spawn_file_actions_adddup2(&actions, pipe.writing(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, pipe.writing(), STDERR_FILENO);
  pid_t child = 0;
  const int error = posix_spawnp(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) Fail("cannot be started", error);
  return child;
}

}  // namespace

ProcessResult RunProcess(const std::string& program, const std::string& name,
                         const std::vector<std::string>& arguments) {
  Pipe pipe;
  const pid_t child = Start(program, name, arguments, pipe);
  pipe.CloseWriting();
  ProcessResult result;
  result.output = pipe.ReadAll();
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) Fail("cannot be waited for", errno);
  }
  if (WIFSIGNALED(status)) {
    result.signal = WTERMSIG(status);
  } else {
    result.status = WEXITSTATUS(status);
  }
  return result;
}

ProcessResult RunOwnProcess(const std::string& name, const std::vector<std::string>& arguments) {
  return RunProcess(kThisProgram, name, arguments);
}

std::string LastLine(const ProcessResult& result) {
  std::string text = result.output;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

std::string DescribeEnd(const ProcessResult& result) {
  if (result.signal == 0) {
    return "the process ended with status " + std::to_string(result.status);
  }
  std::string text = "the process was ended by signal " + std::to_string(result.signal) + " (" +
                     strsignal(result.signal) + ")";
  if (result.signal == SIGKILL) text += ": as when memory runs out";
  return text;
}

void EndWithParent() { prctl(PR_SET_PDEATHSIG, SIGKILL); }

}  // namespace kinglet::measure
