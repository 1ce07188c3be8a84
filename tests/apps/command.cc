#include "tests/apps/command.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>

namespace kinglet::testing {
namespace {

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

void Redirect(const std::string& path, int flags, int descriptor) {
  const int file = open(path.c_str(), flags, 0600);
  if (file < 0 || dup2(file, descriptor) < 0) _exit(126);
}

}  // namespace

std::vector<std::string> CommandResult::OutLines() const { return Lines(out); }
std::vector<std::string> CommandResult::ErrLines() const { return Lines(err); }

nlohmann::json CommandResult::OutJson() const {
  EXPECT_EQ(OutLines().size(), 1u) << out;
  return nlohmann::json::parse(out, nullptr, false);
}

std::string ReadText(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream) << path;
  return {std::istreambuf_iterator<char>(stream), {}};
}

CommandResult Kinglet(const std::vector<std::string>& arguments, const std::string& stdout_path) {
  const TemporaryFolder folder;
  const std::string out_path = stdout_path.empty() ? folder.Path("out") : stdout_path;
  const std::string err_path = folder.Path("err");
  std::vector<std::string> all = {KINGLET_CLI};
  all.insert(all.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : all) argv.push_back(argument.data());
  argv.push_back(nullptr);

  CommandResult result;
  const pid_t child = fork();
  if (child == 0) {
    Redirect("/dev/null", O_RDONLY, STDIN_FILENO);
    Redirect(out_path, O_WRONLY | O_CREAT, STDOUT_FILENO);
    Redirect(err_path, O_WRONLY | O_CREAT, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  if (child < 0 || wait4(child, &status, 0, &usage) != child) {
    ADD_FAILURE() << "the command could not be started";
    return result;
  }
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  EXPECT_EQ(result.signal, 0) << "ended by a signal";
  if (stdout_path.empty()) result.out = ReadText(out_path);
  result.err = ReadText(err_path);
  result.cpu_seconds = Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
  result.peak_bytes = static_cast<std::size_t>(usage.ru_maxrss) * 1024;
  return result;
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "kinglet-XXXXXX").string();
  const char* made = mkdtemp(pattern.data());
  EXPECT_NE(made, nullptr);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

std::string TemporaryFolder::Path(const std::string& name) const {
  return name.empty() ? path_.string() : (path_ / name).string();
}

std::string TemporaryFolder::Write(const std::string& name, const std::string& content) const {
  std::ofstream(path_ / name, std::ios::binary) << content;
  return Path(name);
}

std::string TemporaryFolder::Copy(const std::filesystem::path& from,
                                  const std::string& name) const {
  std::filesystem::copy_file(from, path_ / name);
  return Path(name);
}

}  // namespace kinglet::testing
