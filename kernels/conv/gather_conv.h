// Direct convolution through GatherGemm: an output pixel gathers, for each kernel tap and group of
// input channels, the 16 channels of a blocked pixel (or the one value of a plain plane). Windows
// that reach outside the input read a zero-framed copy of the rows that a strip of output pixels
// needs, so the arithmetic never asks where the border is.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/conv/conv.h"
#include "kernels/conv/input_window.h"
#include "kernels/gemm/gather_gemm.h"

namespace kinglet::kernels {

// Channels that lie together in the input: 16 blocked, 1 plain; or, of pixels that a source writes,
// two. Where the product takes pairs of bfloat16 (kernels/gemm/gather_pairs.h), a shape counts
// pairs of input channels: that of PairsShape(s).
enum class GatherUnit : int64_t { kPlane = 1, kTwo = 2, kBlock16 = 16 };
ConvShape PairsShape(ConvShape s);

size_t GatherPackedBytes(const ConvShape& s);
// Whether two groups share each block, so that its halves have inputs of their own.
bool GatherHalves(const ConvShape& s);
// Multiply-adds of the product for one image, which pads outputs to blocks and multiplies zeros
// where groups share a block otherwise; and the depth of the product.
double GatherMultiplyAdds(const ConvShape& s);
int64_t GatherDepth(const ConvShape& s);
// [oc / 16][ic / unit][KH][KW][unit][16 oc]; the last ic group holds the real channels only.
void GatherPack(const ConvShape& s, GatherUnit unit, const float* oihw, float* packed);
// The same of pairs in blocks: `s` counts channels, no groups share a block.
void GatherPackPairs(const ConvShape& s, const float* oihw, float* packed);
// `stored`: of the output; float32 without it.
int64_t GatherUnits(const ConvShape& s, ElementType stored);
int64_t GatherUnits(const ConvShape& s);
// Parts of the weights that the units go through one after the other; 1 where each image needs all.
int64_t GatherWeightParts(const ConvShape& s, ElementType stored = ElementType::kFloat32);

// Where inputs come from that are no float planes: `copy` writes all channels of a window of image
// n, zeros outside the picture. Of the unit kPlane, without groups.
using CopyWindowFn = void (*)(const void* source, int64_t n, const InputWindow& w, float* to);
struct WindowSource {
  CopyWindowFn copy = nullptr;  // null: args.input
  const void* source = nullptr;
};

// `copies`: windows are copied whether they reach outside the input or not, as a source needs it.
size_t GatherScratchBytes(const ConvShape& s, GatherUnit unit, bool copies = false);
// `scratch` has GatherScratchBytes(s, unit, source.copy != nullptr) bytes at a 64-byte boundary.
// The output is of args.epilogue.type, in pixels of 64 bytes.
void GatherRun(const ConvShape& s, GatherUnit unit, GatherGemmFn gemm, const ConvArgs& args,
               int64_t begin_unit, int64_t end_unit, void* scratch,
               const WindowSource& source = {}) noexcept;

// GatherRun with the unit and the active target's product bound: what ConvVariant::run holds.
ConvRunFn ResolveGatherConv(GatherUnit unit);
// The same of kPlane with outputs of bfloat16.
ConvRunFn ResolveFirstConvBf16();

}  // namespace kinglet::kernels
