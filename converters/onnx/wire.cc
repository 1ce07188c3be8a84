#include "converters/onnx/wire.h"

#include <algorithm>
#include <bit>
#include <string>

namespace kinglet::converters {

static_assert(std::endian::native == std::endian::little, "ONNX stores little-endian numbers");

WireReader::WireReader(std::string_view bytes, const Place& place)
    : place_(place), reader_(bytes.data(), bytes.size()) {
  if (bytes.size() > kMaxMessageBytes) {
    Invalid(place,
            "the file is larger than protobuf's limit of 2 GiB; store the weights as "
            "external data");
  }
}

void WireReader::Damaged(const protozero::exception& error) const {
  const char* what = "the data is damaged";
  if (dynamic_cast<const protozero::end_of_buffer_exception*>(&error) != nullptr) {
    what = "the data ends in the middle of a field";
  } else if (dynamic_cast<const protozero::varint_too_long_exception*>(&error) != nullptr) {
    what = "a number is longer than 10 bytes";
  } else if (dynamic_cast<const protozero::unknown_pbf_wire_type_exception*>(&error) != nullptr) {
    what = "a field has an unknown wire type";
  } else if (dynamic_cast<const protozero::invalid_tag_exception*>(&error) != nullptr) {
    what = "a field has an invalid number";
  }
  Invalid(place_, std::string(what) + ": the file is truncated, damaged or no ONNX model");
}

void WireReader::BadLength() const {
  Invalid(place_, "the length of field " + std::to_string(field()) +
                      " is no multiple of its element size: the file is damaged");
}

void WireReader::Expect(WireType type) {
  if (!Is(type)) {
    Invalid(place_, "field " + std::to_string(field()) + " has wire type " +
                        std::to_string(static_cast<unsigned>(reader_.wire_type())) + ", expected " +
                        std::to_string(static_cast<unsigned>(type)) +
                        ": the file is damaged or no ONNX model");
  }
}

std::uint64_t WireReader::Decode(const char** data, const char* end) const {
  return Guarded([&] { return protozero::decode_varint(data, end); });
}

bool WireReader::Next() {
  if (pending_) {
    if (Is(WireType::length_delimited)) {
      Bytes();
    } else {
      Guarded([&] { reader_.skip(); });
    }
  }
  pending_ = Guarded([&] { return reader_.next(); });
  return pending_;
}

std::uint64_t WireReader::Unsigned() {
  Expect(WireType::varint);
  pending_ = false;
  return Guarded([&] { return reader_.get_uint64(); });
}

std::int64_t WireReader::Int() { return static_cast<std::int64_t>(Unsigned()); }

float WireReader::Float() {
  Expect(WireType::fixed32);
  pending_ = false;
  return Guarded([&] { return reader_.get_float(); });
}

std::string_view WireReader::Bytes() {
  Expect(WireType::length_delimited);
  pending_ = false;
  // The length is checked in 64 bits before protozero cuts it to 32.
  const protozero::data_view rest = reader_.data();
  const char* data = rest.data();
  const char* const end = data + rest.size();
  const std::uint64_t length = Decode(&data, end);
  const auto left = static_cast<std::uint64_t>(end - data);
  if (length > left) {
    Invalid(place_, "field " + std::to_string(field()) + " claims " + std::to_string(length) +
                        " bytes where " + std::to_string(left) +
                        " are left: the file is truncated, damaged or no ONNX model");
  }
  return Guarded([&] {
    const protozero::data_view view = reader_.get_view();
    return std::string_view(view.data(), view.size());
  });
}

std::size_t WireReader::CountVarints() {
  if (!Is(WireType::length_delimited)) {
    Expect(WireType::varint);
    return 1;  // left for Next() to skip
  }
  const std::string_view packed = Bytes();
  // Every number ends with the one byte of it whose high bit is clear.
  return static_cast<std::size_t>(std::count_if(packed.begin(), packed.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0x80u) == 0;
  }));
}

}  // namespace kinglet::converters
