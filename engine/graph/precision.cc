#include "kinglet/precision.h"

#include <array>
#include <utility>

namespace kinglet {
namespace {

constexpr std::array<std::pair<Precision, std::string_view>, 5> kNames = {
    {{Precision::kModel, "model"},
     {Precision::kFloat32, "f32"},
     {Precision::kBFloat16, "bf16"},
     {Precision::kInt8, "int8"},
     {Precision::kAuto, "auto"}}};

}  // namespace

std::string_view PrecisionName(Precision precision) {
  for (const auto& [value, name] : kNames) {
    if (value == precision) return name;
  }
  return "";
}

std::optional<Precision> PrecisionOf(std::string_view name) {
  for (const auto& [value, text] : kNames) {
    if (text == name) return value;
  }
  return std::nullopt;
}

}  // namespace kinglet
