// A file in memory, read at checked positions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace kinglet::vision {

// Reads beyond the end give zeros, so that a forgotten check is a wrong value and never a wrong
// access.
class Bytes {
 public:
  explicit Bytes(std::span<const std::uint8_t> data) : data_(data) {}

  std::size_t size() const { return data_.size(); }
  const std::uint8_t* data() const { return data_.data(); }
  bool Has(std::size_t pos, std::size_t count) const {
    return pos <= data_.size() && count <= data_.size() - pos;
  }
  bool StartsWith(std::size_t pos, std::string_view text) const {
    return Has(pos, text.size()) && std::memcmp(data_.data() + pos, text.data(), text.size()) == 0;
  }
  // At most `count` bytes from `pos`.
  std::span<const std::uint8_t> Part(std::size_t pos, std::size_t count) const {
    if (pos >= data_.size()) return {};
    return data_.subspan(pos, count < data_.size() - pos ? count : data_.size() - pos);
  }

  unsigned U8(std::size_t pos) const { return pos < data_.size() ? data_[pos] : 0u; }
  unsigned U16Be(std::size_t pos) const { return U8(pos) << 8 | U8(pos + 1); }
  unsigned U16Le(std::size_t pos) const { return U8(pos + 1) << 8 | U8(pos); }
  std::uint32_t U32Be(std::size_t pos) const { return U16Be(pos) << 16 | U16Be(pos + 2); }
  std::uint32_t U32Le(std::size_t pos) const { return U16Le(pos + 2) << 16 | U16Le(pos); }

 private:
  std::span<const std::uint8_t> data_;
};

}  // namespace kinglet::vision
