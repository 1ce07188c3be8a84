// Reads float32 arrays of NumPy files (version 1, C order).
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/vision/shared_data.h"

namespace kinglet::testing {

struct NpyFloats {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

inline NpyFloats ReadNpy(const std::filesystem::path& path) {
  NpyFloats array;
  const std::vector<std::uint8_t> bytes = ReadBytes(path);
  if (bytes.size() < 10) {
    ADD_FAILURE() << path;
    return array;
  }
  const std::size_t header_bytes = bytes[8] + 256u * bytes[9];
  const std::string header(bytes.begin() + 10,
                           bytes.begin() + 10 + static_cast<std::ptrdiff_t>(header_bytes));
  EXPECT_NE(header.find("'<f4'"), std::string::npos) << header;
  EXPECT_NE(header.find("'fortran_order': False"), std::string::npos) << header;
  std::size_t pos = header.find("'shape': (") + 10;
  std::size_t count = 1;
  while (pos < header.size() && header[pos] != ')') {
    std::size_t used = 0;
    array.shape.push_back(std::stoll(header.substr(pos), &used));
    count *= static_cast<std::size_t>(array.shape.back());
    pos = header.find_first_of("0123456789)", pos + used);
  }
  array.values.resize(count);
  EXPECT_EQ(bytes.size(), 10 + header_bytes + 4 * count) << path;
  std::memcpy(array.values.data(), bytes.data() + 10 + header_bytes, 4 * count);
  return array;
}

}  // namespace kinglet::testing
