#include "kernels/conv/conv.h"

#include "kernels/common/variant_table.h"
#include "kernels/conv/variants.h"

namespace kinglet::kernels {

std::span<const ConvVariant> ConvVariants() {
  static VariantTable<ConvVariant> table;
  return table.Get(+[]() -> std::vector<ConvVariant> {
    return {
#define KINGLET_CONV_VARIANT(function) function(),
#include "kernels/conv/variants.inc"
#undef KINGLET_CONV_VARIANT
    };
  });
}

PackedFormat ConvFormat(const char* variant, int64_t block, const ConvShape& s) {
  return {.family = "conv", .variant = variant, .block = block, .groups = s.groups};
}

// Groups do not change where an element lies.
PackedFormat PlainConvFormat(const ConvShape&) { return {.family = "conv", .variant = "plain"}; }

const ConvVariant* FindConvVariant(std::string_view id) {
  for (const ConvVariant& variant : ConvVariants()) {
    if (variant.id == id) return &variant;
  }
  return nullptr;
}

}  // namespace kinglet::kernels
