#include "apps/cli/own_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kinglet/error.h"

extern char** environ;

namespace kinglet::cli {
namespace {

constexpr const char* kThisProgram = "/proc/self/exe";

[[noreturn]] void Fail(const char* what, int error) {
  throw Error(ErrorCode::kIo, std::string("a process of its own for each point: ") + what + ": " +
                                  std::strerror(error));
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

pid_t Start(const std::vector<std::string>& arguments, const Pipe& pipe) {
  std::vector<std::string> words = {"kinglet"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  if (const int error = posix_spawn_file_actions_init(&actions)) Fail("cannot be set up", error);
  posix_spawn_file_actions_adddup2(&actions, pipe.writing(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, pipe.writing(), STDERR_FILENO);
  pid_t child = 0;
  const int error = posix_spawn(&child, kThisProgram, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) Fail("cannot be started", error);
  return child;
}

}  // namespace

ProcessResult RunOwnProcess(const std::vector<std::string>& arguments) {
  Pipe pipe;
  const pid_t child = Start(arguments, pipe);
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

}  // namespace kinglet::cli
