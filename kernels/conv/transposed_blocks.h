// Transposed convolution of images in blocks of channels: conv_transpose/blocks_f32 of
// kernels/conv/volume.h. Each phase is a product of GatherGemm over a zero-framed copy of the input
// rows of a strip, whose pixels are stored a stride apart.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/conv/volume.h"
#include "kernels/gemm/gather_gemm.h"

namespace kinglet::kernels {

// Two dimensions, groups (or the one) that fill blocks, and taps that lie near each other.
bool TransposedBlocksSupports(const VolumeShape& s);
Work TransposedBlocksWork(const VolumeShape& s, int threads);
PackedFormat TransposedBlocksFormat(const VolumeShape& s);
size_t TransposedBlocksPackedBytes(const VolumeShape& s);
void TransposedBlocksPack(const VolumeShape& s, const void* weights, void* packed);
int64_t TransposedBlocksUnits(const VolumeShape& s);
size_t TransposedBlocksScratchBytes(const VolumeShape& s);
void TransposedBlocksRun(const VolumeShape& s, GatherGemmFn gemm, const ConvArgs& args,
                         int64_t begin_unit, int64_t end_unit, void* scratch) noexcept;

// TransposedBlocksRun with the active target's product bound.
VolumeRunFn ResolveTransposedBlocks();

}  // namespace kinglet::kernels
