// conv/transposed_columns_f32 of kernels/conv/volume.h: transposed convolution as one product of
// the input with all taps, whose results are then added where they belong (im2col the other way
// round). It serves where phases do not: few outputs with many taps, strides as large as the
// kernel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/conv/volume.h"

namespace kinglet::kernels {

bool ColumnsSupports(const VolumeShape& s);
Work ColumnsWork(const VolumeShape& s, int threads);
PackedFormat ColumnsFormat(const VolumeShape& s);
size_t ColumnsPackedBytes(const VolumeShape& s);
void ColumnsPack(const VolumeShape& s, const void* weights, void* packed);
int64_t ColumnsUnits(const VolumeShape& s);
size_t ColumnsScratchBytes(const VolumeShape& s);
void ColumnsRun(const VolumeShape& s, RowProductFn product, const ConvArgs& args,
                int64_t begin_unit, int64_t end_unit, void* scratch) noexcept;

// ColumnsRun with the active target's product bound.
VolumeRunFn ResolveColumns();

}  // namespace kinglet::kernels
