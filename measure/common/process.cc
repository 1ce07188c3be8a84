#include "measure/common/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

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
    for (const int end : ends_) {
      if (end >= 0) close(end);
    }
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int reading() const { return ends_[0]; }
  int writing() const { return ends_[1]; }
  int TakeReading() { return std::exchange(ends_[0], -1); }
  int TakeWriting() { return std::exchange(ends_[1], -1); }

 private:
  int ends_[2] = {-1, -1};
};

pid_t Start(const std::string& program, const std::string& name,
            const std::vector<std::string>& arguments, const Pipe& input, const Pipe& output) {
  std::vector<std::string> words = {name};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  if (const int error = posix_spawn_file_actions_init(&actions)) Fail("cannot be set up", error);
  posix_spawn_file_actions_adddup2(&actions, input.reading(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output.writing(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output.writing(), STDERR_FILENO);
  pid_t child = 0;
  const int error = posix_spawnp(&child, program.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) Fail("cannot be started", error);
  return child;
}

// More of what the other end writes; false: there is none.
bool ReadMore(int file, std::string& text) {
  char buffer[4096];
  while (true) {
    const ssize_t count = read(file, buffer, sizeof buffer);
    if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
    if (count > 0) return true;
    if (count == 0 || errno != EINTR) return false;
  }
}

}  // namespace

Child::Child(const std::string& program, const std::string& name,
             const std::vector<std::string>& arguments) {
  Pipe input;
  Pipe output;
  pid_ = Start(program, name, arguments, input, output);
  input_ = input.TakeWriting();
  output_ = output.TakeReading();
}

Child::Child(const std::string& name, const std::vector<std::string>& arguments)
    : Child(kThisProgram, name, arguments) {}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      input_(std::exchange(other.input_, -1)),
      output_(std::exchange(other.output_, -1)),
      unread_(std::move(other.unread_)) {}

Child::~Child() {
  if (input_ >= 0) close(input_);
  if (output_ >= 0) close(output_);
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void Child::Write(const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = write(input_, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    done += static_cast<std::size_t>(count);
  }
}

bool Child::ReadLine(std::string& line) {
  std::size_t end = 0;
  while ((end = unread_.find('\n')) == unread_.npos) {
    if (!ReadMore(output_, unread_)) return false;
  }
  line = unread_.substr(0, end);
  unread_.erase(0, end + 1);
  return true;
}

ProcessResult Child::Wait() {
  close(std::exchange(input_, -1));
  while (ReadMore(output_, unread_)) {
  }
  ProcessResult result;
  result.output = std::move(unread_);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) Fail("cannot be waited for", errno);
  }
  pid_ = -1;
  if (WIFSIGNALED(status)) {
    result.signal = WTERMSIG(status);
  } else {
    result.status = WEXITSTATUS(status);
  }
  return result;
}

ProcessResult RunProcess(const std::string& program, const std::string& name,
                         const std::vector<std::string>& arguments) {
  return Child(program, name, arguments).Wait();
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
