#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "kinglet/error.h"
#include "kinglet/file.h"
#include "tests/support/op_runner.h"

namespace kinglet::write_file_test {
namespace {

namespace fs = std::filesystem;
using testing::Catch;
using ::testing::HasSubstr;

// A folder that disappears with the test.
class WriteFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "kinglet-file-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ / name; }
  static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  std::ptrdiff_t Files() const {
    return std::distance(fs::directory_iterator(folder_), fs::directory_iterator());
  }

  fs::path folder_;
};

TEST_F(WriteFileTest, PartsFollowOneAnother) {
  const std::string_view parts[] = {"one", "", std::string_view("\0two", 4)};
  WriteFile(Path("a"), parts);
  EXPECT_EQ(Read(Path("a")), std::string("one\0two", 7));
  WriteFile(Path("a"), "");
  EXPECT_EQ(Read(Path("a")), "");
  EXPECT_EQ(Files(), 1);
}

TEST_F(WriteFileTest, NamesMayBeAsLongAsTheFileSystemHasThem) {
  const std::string path = Path(std::string(255, 'n'));
  WriteFile(path, "text");
  EXPECT_EQ(Read(path), "text");
}

TEST_F(WriteFileTest, ReplacesRegularFilesOnly) {
  WriteFile(Path("a"), "first");
  WriteFile(Path("a"), "second");
  EXPECT_EQ(Read(Path("a")), "second");
  const auto error = Catch([&] { WriteFile(folder_, "text"); });
  EXPECT_EQ(error.code, ErrorCode::kIo);
  EXPECT_EQ(error.message,
            folder_.string() + ": exists and is no regular file; it is not replaced");
  EXPECT_THROW(WriteFile("/dev/null", "text"), Error);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(WriteFileTest, SaysWhy) {
  const auto missing = Catch([&] { WriteFile(Path("none/a"), "text"); });
  EXPECT_EQ(missing.code, ErrorCode::kIo);
  EXPECT_EQ(missing.message, Path("none/a") + ": cannot be written: No such file or directory");
  EXPECT_THAT(Catch([&] { WriteFile(Path(std::string("a\0b", 3)), "text"); }).message,
              HasSubstr("NUL"));
  EXPECT_EQ(Files(), 0);
}

// A disk that is full, as far as one can be made up.
TEST_F(WriteFileTest, LeavesTheOldFileWhenTheNewOneCannotBeWritten) {
  WriteFile(Path("a"), "old");
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit little = {1000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &little), 0);
  const auto error = Catch([&] { WriteFile(Path("a"), std::string(5000, 'x')); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(error.message, HasSubstr("cannot be written: File too large"));
  EXPECT_EQ(Read(Path("a")), "old");
  EXPECT_EQ(Files(), 1);
}

TEST_F(WriteFileTest, NothingIsLeftOfAProcessThatEndsMeanwhile) {
  const int nameless = open(folder_.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (nameless < 0) GTEST_SKIP() << "the file system has no files without names";
  close(nameless);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const rlimit little = {1000, 1000};
    setrlimit(RLIMIT_FSIZE, &little);
    std::signal(SIGXFSZ, SIG_DFL);
    WriteFile(Path("a"), std::string(5000, 'x'));
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) << status;
  EXPECT_EQ(Files(), 0);
}

}  // namespace
}  // namespace kinglet::write_file_test
