// Direct convolution of codes through GatherDots: windows of the input are copied, behind their
// zero point, in the form that the product reads, zero-framed, for a strip of output pixels whose
// window stays in the second-level cache; all output channels of a unit read the copy.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/conv/conv.h"
#include "kernels/conv/gather_dots.h"

namespace kinglet::kernels {

// How inputs and weights lie.
struct DotForm {
  bool planes;  // the input: plain planes of few channels, or blocks of 64 channels
  // Of copied inputs and of weights: 2, pairs of int16 behind the zero point, or 1, quads of codes
  // as they are; bias and frame make up for the zero point then.
  int64_t element_bytes;
};

// Pairs of int16, which every target multiplies.
inline constexpr DotForm kPairBlocks = {.planes = false, .element_bytes = 2};
inline constexpr DotForm kPairPlanes = {.planes = true, .element_bytes = 2};
// Quads of bytes, for CPUs that multiply those.
inline constexpr DotForm kQuadBlocks = {.planes = false, .element_bytes = 1};
inline constexpr DotForm kQuadPlanes = {.planes = true, .element_bytes = 1};

// Whether the window of a few outputs fits into sensible memory.
bool DotSupports(const ConvShape& s, const DotForm& form);
// 32-bit groups of weights, zeros included, of all outputs; and the multiply-adds of an image.
int64_t DotGroups(const ConvShape& s, const DotForm& form);
double DotMultiplyAdds(const ConvShape& s, const DotForm& form);
size_t DotPackedBytes(const ConvShape& s, const DotForm& form);
// [oc / 16][blocks of 64 input channels that they read][KH][KW][group][16 oc]; of planes,
// [oc / 16][KH][group of the channels of a kernel row][16 oc]. `oihw` is int16. Behind quads, which
// hold what fits int8 of each weight, lie the sums of all weights of each output, and the rest as
// GatherDots has it.
void DotPack(const ConvShape& s, const DotForm& form, const int16_t* oihw, int32_t* packed);
int64_t DotUnits(const ConvShape& s);
int64_t DotWeightParts(const ConvShape& s);
size_t DotScratchBytes(const ConvShape& s, const DotForm& form);
void DotRun(const ConvShape& s, const DotForm& form, const DotKernels& kernels,
            const ConvArgs& args, int64_t begin_unit, int64_t end_unit, void* scratch) noexcept;
// DotRun of kPairPlanes or kPairBlocks with the active target's kernels bound.
ConvRunFn ResolveDotConv(bool planes);
// DotKernels::interleave of bytes as they are, of the active target.
InterleaveFn ResolveInterleaveBytes();

// Traffic of codes and of weights of `weight_bytes` each, without arithmetic.
WorkStage CodeTraffic(const ConvShape& s, double weight_bytes);

}  // namespace kinglet::kernels
