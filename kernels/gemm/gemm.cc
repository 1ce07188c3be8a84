#include "kernels/gemm/gemm.h"

#include "kernels/common/variant_table.h"
#include "kernels/gemm/variants.h"

namespace kinglet::kernels {

std::span<const GemmVariant> GemmVariants() {
  static VariantTable<GemmVariant> table;
  return table.Get(+[]() -> std::vector<GemmVariant> {
    return {
#define KINGLET_GEMM_VARIANT(function) function(),
#include "kernels/gemm/variants.inc"
#undef KINGLET_GEMM_VARIANT
    };
  });
}

const GemmVariant* FindGemmVariant(std::string_view id) {
  for (const GemmVariant& variant : GemmVariants()) {
    if (variant.id == id) return &variant;
  }
  return nullptr;
}

}  // namespace kinglet::kernels
