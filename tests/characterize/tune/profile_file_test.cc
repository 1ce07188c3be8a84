// Profiles as files, and what is none.
#include "characterize/tune/profile_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "kinglet/error.h"
#include "tests/characterize/temporary_file.h"

namespace kinglet::characterize::profile_file_test {
namespace {

using ::testing::HasSubstr;

Profile Made() {
  Profile profile;
  profile.network_key = "0123456789abcdef";
  profile.key = {.network = "mobilenet_v1",
                 .precision = "int8",
                 .batch = 8,
                 .threads = 2,
                 .instances = 3,
                 .kind = InstanceKind::kProcesses,
                 .tuning = "t.json"};
  profile.shapes = {"x=Nx3x224x224"};
  profile.descriptor = "d.json";
  profile.bound = {.latency_ms = 50, .percentile = 95, .memory_mb = 500};
  profile.rate = 100;
  profile.latency.p95_ms = 47.25;
  profile.latency.runs = 120;
  profile.images_per_s = 321.5;
  profile.peak_rss_mb = 123.4;
  profile.machine.cpu = "a CPU";
  profile.machine.instruction_set = "avx2";
  profile.machine.kinglet = "0.1.0";
  return profile;
}

TEST(ProfileFile, IsReadAsItWasWritten) {
  const Profile made = Made();
  const Profile read = ParseProfile(ProfileText(made), "p");
  EXPECT_EQ(read.key, made.key);
  EXPECT_EQ(read.network_key, made.network_key);
  EXPECT_EQ(read.shapes, made.shapes);
  EXPECT_EQ(read.descriptor, "d.json");
  EXPECT_EQ(read.bound.Text(), made.bound.Text());
  EXPECT_EQ(read.rate, 100);
  EXPECT_EQ(read.latency.p95_ms, 47.25);
  EXPECT_EQ(read.latency.runs, 120u);
  EXPECT_EQ(read.images_per_s, 321.5);
  EXPECT_EQ(read.machine, made.machine);
  EXPECT_EQ(ProfileText(read), ProfileText(made));
}

TEST(ProfileFile, WhatIsMalformedIsAnErrorThatNamesIt) {
  const std::string text = ProfileText(Made());
  const auto error_of = [](const std::string& changed) -> std::string {
    try {
      ParseProfile(changed, "p.json");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
      return error.what();
    }
    return "none";
  };
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const std::size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return changed.replace(at, from.size(), to);
  };
  EXPECT_THAT(error_of(""), HasSubstr("p.json: expected a profile"));
  EXPECT_THAT(error_of("[]"), HasSubstr("expected a profile"));
  EXPECT_THAT(error_of(with("\"profile\"", "\"tuning\"")), HasSubstr("expected a profile"));
  EXPECT_THAT(error_of(with("\"profile\"", "7")), HasSubstr("expected a profile"));
  EXPECT_THAT(error_of(with("\"format\": 1", "\"format\": 2")), HasSubstr("format 2"));
  EXPECT_THAT(error_of(with("\"batch\": 8", "\"batch\": 0")), HasSubstr("'batch'"));
  EXPECT_THAT(error_of(with("\"batch\": 8", "\"batch\": 1000000")), HasSubstr("'batch'"));
  EXPECT_THAT(error_of(with("\"processes\"", "\"ghosts\"")), HasSubstr("'as'"));
  EXPECT_THAT(error_of(with("\"int8\"", "\"f8\"")), HasSubstr("'precision'"));
  EXPECT_THAT(error_of(with("\"percentile\": 95", "\"percentile\": 42")),
              HasSubstr("'percentile'"));
  EXPECT_THAT(error_of(with("47.25", "-1")), HasSubstr("'p95_ms'"));
  EXPECT_THAT(error_of(with("\"network_key\"", "\"other\"")), HasSubstr("'network_key'"));
  for (std::size_t end = 0; end + 2 < text.size(); end += 7) {
    EXPECT_NE(error_of(text.substr(0, end)), "none");
  }
}

TEST(ProfileFile, FilesAreFoundFromItsFolder) {
  const TemporaryFile kernels("kernels.json", "{}");
  Profile made = Made();
  made.key.tuning = kernels.path();
  made.descriptor = "mobilenet_v1";
  const std::filesystem::path folder =
      std::filesystem::path(kernels.path()).parent_path() / "of_profile";
  std::filesystem::create_directory(folder);
  const std::string path = (folder / "p.json").string();
  WriteProfile(path, made);
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(text, HasSubstr("\"../"));
  const Profile read = ReadProfile(path);
  EXPECT_TRUE(std::filesystem::equivalent(read.key.tuning, kernels.path()));
  EXPECT_EQ(read.descriptor, "mobilenet_v1");
  std::filesystem::remove_all(folder);
}

TEST(ProfileFile, WhatCannotBeReadIsAnError) {
  EXPECT_THROW(ReadProfile("/nowhere/p.json"), Error);
  EXPECT_THROW(ReadProfile("/dev/zero"), Error);
}

}  // namespace
}  // namespace kinglet::characterize::profile_file_test
