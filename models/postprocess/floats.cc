#include "models/postprocess/floats.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

#include "kinglet/error.h"

namespace kinglet {
namespace {

// IEEE 754 binary16, value by value.
float HalfToFloat(std::uint16_t half) {
  const int exponent = half >> 10 & 31;
  const int mantissa = half & 1023;
  float magnitude = 0;
  if (exponent == 31) {
    magnitude = mantissa == 0 ? HUGE_VALF : std::nanf("");
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(mantissa), -24);
  } else {
    magnitude = std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  }
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

}  // namespace

std::vector<float> ToFloats(const Tensor& tensor, const char* what) {
  const auto count = static_cast<std::size_t>(tensor.size());
  std::vector<float> values(count);
  switch (tensor.type()) {
    case DataType::kFloat32:
      if (count != 0) std::memcpy(values.data(), tensor.raw(), tensor.bytes());
      return values;
    case DataType::kFloat64:
      std::transform(tensor.data<double>(), tensor.data<double>() + count, values.begin(),
                     [](double value) { return static_cast<float>(value); });
      return values;
    case DataType::kFloat16: {
      const auto* halves = static_cast<const std::uint16_t*>(tensor.raw());
      std::transform(halves, halves + count, values.begin(), HalfToFloat);
      return values;
    }
    default:
      CheckFloats(tensor.type(), what);
      return values;
  }
}

void CheckFloats(DataType type, const char* what) {
  if (type == DataType::kFloat32 || type == DataType::kFloat64 || type == DataType::kFloat16) {
    return;
  }
  throw Error(ErrorCode::kInvalidModel, std::string("expected ") + what +
                                            " in floating point, found a tensor of " +
                                            DataTypeName(type));
}

}  // namespace kinglet
