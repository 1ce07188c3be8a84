// The parts of gemm/packed_f32 that its register tiles and its table entry share.
#pragma once

#include "kernels/gemm/gather_gemm.h"
#include "kernels/gemm/gemm.h"

namespace kinglet::kernels {

void PackedGemmRun(const GemmShape& s, GatherGemmFn gemm, const GemmArgs& args, int64_t begin,
                   int64_t end, void* scratch) noexcept;

// PackedGemmRun with the active target's product bound: what GemmVariant::run holds.
GemmRunFn ResolvePackedGemm();

// The traffic of operands and result, without arithmetic.
WorkStage GemmTraffic(const GemmShape& s);

}  // namespace kinglet::kernels
