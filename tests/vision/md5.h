// MD5 (RFC 1321), to compare decoded pictures with the checksums of a manifest.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

namespace kinglet::testing {

inline std::string Md5(std::span<const std::uint8_t> data) {
  constexpr int kShift[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  std::array<std::uint32_t, 64> sines;
  for (unsigned i = 0; i < 64; ++i) {
    sines[i] = static_cast<std::uint32_t>(std::floor(std::abs(std::sin(i + 1.0)) * 4294967296.0));
  }
  std::vector<std::uint8_t> bytes(data.begin(), data.end());
  bytes.push_back(0x80);
  while (bytes.size() % 64 != 56) bytes.push_back(0);
  for (unsigned i = 0; i < 8; ++i) {
    bytes.push_back(static_cast<std::uint8_t>(std::uint64_t{data.size()} * 8 >> (8 * i)));
  }
  std::array<std::uint32_t, 4> state = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u};
  for (std::size_t block = 0; block < bytes.size(); block += 64) {
    std::array<std::uint32_t, 16> words{};
    for (unsigned i = 0; i < 64; ++i)
      words[i / 4] |= std::uint32_t{bytes[block + i]} << (i % 4 * 8);
    auto [a, b, c, d] = state;
    for (unsigned i = 0; i < 64; ++i) {
      const unsigned round = i / 16;
      const std::uint32_t f = round == 0   ? (b & c) | (~b & d)
                              : round == 1 ? (d & b) | (~d & c)
                              : round == 2 ? b ^ c ^ d
                                           : c ^ (b | ~d);
      constexpr unsigned kStep[] = {1, 5, 3, 7}, kStart[] = {0, 1, 5, 0};
      const std::uint32_t sum = a + f + sines[i] + words[(kStart[round] + kStep[round] * i) % 16];
      a = d;
      d = c;
      c = b;
      b += std::rotl(sum, kShift[round][i % 4]);
    }
    state = {state[0] + a, state[1] + b, state[2] + c, state[3] + d};
  }
  std::string text;
  for (const std::uint32_t word : state) {
    for (unsigned i = 0; i < 4; ++i) {
      char hex[3];
      std::snprintf(hex, sizeof(hex), "%02x", word >> (8 * i) & 255);
      text += hex;
    }
  }
  return text;
}

}  // namespace kinglet::testing
