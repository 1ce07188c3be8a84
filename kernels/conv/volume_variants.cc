#include "kernels/common/variant_table.h"
#include "kernels/conv/columns.h"
#include "kernels/conv/transposed_blocks.h"
#include "kernels/conv/volume.h"

namespace kinglet::kernels {
namespace {

VolumeVariant Planes() {
  return {.id = "conv/volume_planes_f32",
          .input = kPlainF32,
          .output = kPlainF32,
          .supports = [](const VolumeShape&) { return true; },
          .work = &VolumeWork,
          .packed_format = &VolumeFormat,
          .packed_bytes = &VolumePackedBytes,
          .pack = &VolumePack,
          .units = &VolumeUnits,
          .scratch_bytes = &VolumeScratchBytes,
          .run = ResolveVolumeRun()};
}

VolumeVariant TransposedBlocks() {
  return {.id = "conv/transposed_blocks_f32",
          .input = kBlockedF32,
          .output = kBlockedF32,
          .supports = &TransposedBlocksSupports,
          .work = &TransposedBlocksWork,
          .packed_format = &TransposedBlocksFormat,
          .packed_bytes = &TransposedBlocksPackedBytes,
          .pack = &TransposedBlocksPack,
          .units = &TransposedBlocksUnits,
          .scratch_bytes = &TransposedBlocksScratchBytes,
          .run = ResolveTransposedBlocks()};
}

VolumeVariant Columns() {
  return {.id = "conv/transposed_columns_f32",
          .input = kPlainF32,
          .output = kPlainF32,
          .supports = &ColumnsSupports,
          .work = &ColumnsWork,
          .packed_format = &ColumnsFormat,
          .packed_bytes = &ColumnsPackedBytes,
          .pack = &ColumnsPack,
          .units = &ColumnsUnits,
          .scratch_bytes = &ColumnsScratchBytes,
          .run = ResolveColumns()};
}

}  // namespace

std::span<const VolumeVariant> VolumeVariants() {
  static VariantTable<VolumeVariant> table;
  return table.Get(+[]() -> std::vector<VolumeVariant> {
    return {Planes(), TransposedBlocks(), Columns()};
  });
}

}  // namespace kinglet::kernels
