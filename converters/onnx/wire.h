// Protocol buffer fields, read with every mistake turned into an Error that names the place.
#pragma once

#include <cstdint>
#include <cstring>
#include <protozero/pbf_reader.hpp>
#include <string_view>

#include "converters/common/place.h"

namespace kinglet::converters {

// One message. `bytes` and `place` must outlive the reader and the views it gives.
//
//     while (reader.Next()) switch (reader.field()) { case 1: name = reader.Bytes(); break; ... }
//
// A getter that does not fit the field's wire type throws Error(kInvalidModel), as does everything
// that is wrong with the encoding. protozero keeps lengths in 32 bits, so messages must be below
// kMaxMessageBytes, which is protobuf's own limit.
class WireReader {
 public:
  static constexpr std::size_t kMaxMessageBytes = 0x7fffffff;

  WireReader(std::string_view bytes, const Place& place);

  // Moves to the next field, past the current one when nothing has read it.
  bool Next();
  std::uint32_t field() const { return reader_.tag(); }

  std::int64_t Int();
  std::uint64_t Unsigned();
  float Float();
  std::string_view Bytes();

  // Repeated numbers, packed or one in each field.
  std::size_t CountVarints();
  template <typename T>
  std::size_t CountFixed();
  template <typename Fn>
  void EachVarint(Fn fn);
  template <typename T, typename Fn>
  void EachFixed(Fn fn);

 private:
  using WireType = protozero::pbf_wire_type;
  template <typename T>
  static constexpr WireType FixedType() {
    return sizeof(T) == 4 ? WireType::fixed32 : WireType::fixed64;
  }

  bool Is(WireType type) const { return reader_.wire_type() == type; }
  void Expect(WireType type);
  std::uint64_t Decode(const char** data, const char* end) const;
  template <typename Fn>
  auto Guarded(Fn fn) const;
  [[noreturn]] void Damaged(const protozero::exception& error) const;
  [[noreturn]] void BadLength() const;

  const Place& place_;
  protozero::pbf_reader reader_;
  bool pending_ = false;  // the current field has not been read
};

template <typename Fn>
auto WireReader::Guarded(Fn fn) const {
  try {
    return fn();
  } catch (const protozero::exception& error) {
    Damaged(error);
  }
}

template <typename T>
std::size_t WireReader::CountFixed() {
  if (!Is(WireType::length_delimited)) {
    Expect(FixedType<T>());
    return 1;  // left for Next() to skip
  }
  const std::string_view packed = Bytes();
  if (packed.size() % sizeof(T) != 0) BadLength();
  return packed.size() / sizeof(T);
}

template <typename Fn>
void WireReader::EachVarint(Fn fn) {
  if (!Is(WireType::length_delimited)) {
    fn(Unsigned());
    return;
  }
  const std::string_view packed = Bytes();
  const char* data = packed.data();
  const char* const end = data + packed.size();
  while (data != end) fn(Decode(&data, end));
}

template <typename T, typename Fn>
void WireReader::EachFixed(Fn fn) {
  if (!Is(WireType::length_delimited)) {
    Expect(FixedType<T>());
    pending_ = false;
    fn(Guarded([&] {
      if constexpr (sizeof(T) == 4) {
        return static_cast<T>(reader_.get_float());
      } else {
        return static_cast<T>(reader_.get_double());
      }
    }));
    return;
  }
  const std::string_view packed = Bytes();
  if (packed.size() % sizeof(T) != 0) BadLength();
  for (std::size_t i = 0; i < packed.size(); i += sizeof(T)) {
    T value;
    std::memcpy(&value, packed.data() + i, sizeof(T));
    fn(value);
  }
}

}  // namespace kinglet::converters
