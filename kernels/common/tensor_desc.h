// How the elements of a tensor are stored: what two steps must agree on to share one.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/common/element_type.h"

namespace kinglet::kernels {

// kPlain is row-major (NCHW). kBlocked is the layout of kernels/common/blocked.h, of tensors
// {N, C, H, W} alone.
enum class Layout : uint8_t { kPlain, kBlocked };

struct TensorDesc {
  ElementType type = ElementType::kFloat32;
  Layout layout = Layout::kPlain;

  friend constexpr bool operator==(const TensorDesc&, const TensorDesc&) = default;
  constexpr bool blocked() const { return layout == Layout::kBlocked; }
};

// What an operation with constant weights reads and writes.
struct OperandTypes {
  ElementType input = ElementType::kFloat32;
  ElementType weights = ElementType::kFloat32;
  ElementType output = ElementType::kFloat32;

  friend constexpr bool operator==(const OperandTypes&, const OperandTypes&) = default;
};

inline constexpr TensorDesc kPlainF32 = {ElementType::kFloat32, Layout::kPlain};
inline constexpr TensorDesc kBlockedF32 = {ElementType::kFloat32, Layout::kBlocked};
inline constexpr TensorDesc kPlainU8 = {ElementType::kUInt8, Layout::kPlain};
inline constexpr TensorDesc kBlockedU8 = {ElementType::kUInt8, Layout::kBlocked};
inline constexpr TensorDesc kPlainBF16 = {ElementType::kBFloat16, Layout::kPlain};
inline constexpr TensorDesc kBlockedBF16 = {ElementType::kBFloat16, Layout::kBlocked};

// "float32 plain", "bfloat16 blocked".
inline std::string ToString(const TensorDesc& desc) {
  return std::string(ElementName(desc.type)) + (desc.blocked() ? " blocked" : " plain");
}

}  // namespace kinglet::kernels
