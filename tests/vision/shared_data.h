// The project's shared test data, outside the repository.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/source_dir.h"

namespace kinglet::testing {

inline std::filesystem::path SharedData() { return SharedDataDir(); }

inline std::vector<std::uint8_t> ReadBytes(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream) << path;
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace kinglet::testing

#define KINGLET_NEEDS_SHARED_DATA()                                                      \
  if (!std::filesystem::exists(::kinglet::testing::SharedData()))                        \
  GTEST_SKIP() << "no shared test data in " << ::kinglet::testing::SharedData().string() \
               << " (set KINGLET_SHARED_DATA)"
