// Two-dimensional convolution, as ONNX Conv defines it:
//
//   out[n,o,y,x] = act(bias[o] + residual[n,o,y,x] +
//       sum over c,i,j of weight[o,c,i,j] * in[n, g*ic/groups + c, y*sh - pad_top + i*dh,
//                                              x*sw - pad_left + j*dw])
//
// with g the group of o and zero outside the input. Letters: N images, IC/IH/IW input and
// OC/OH/OW output channels, rows and columns, KH x KW kernel, strides S, dilations D.
//
// Variants that read codes (uint8) compute, exactly and modulo 2^32,
//
//   acc = integer_bias[o] + sum over c,i,j of weight[o,c,i,j] * (in[...] - input_zero_point)
//
// with weights behind their zero points (int16, within [-255, 255]), and write the code of
// float(acc) as the epilogue has it (kernels/common/epilogue.h): they give the same bits, whichever
// runs. They take no residual; those that say so call `written` with what they wrote.
//
// Types and layouts: each variant says of what type its input, weights and output are, and whether
// it reads and writes NCHW or the blocked layout of kernels/common/blocked.h. The residual is
// stored as the output; the bias is float32. What is written is of epilogue.type, which must be
// that of the variant's output. Blocked outputs have zero pad lanes; blocked inputs may hold
// anything there. Alignment: blocked tensors, bias, packed weights and scratch at 64 bytes; plain
// tensors at that of an element. Nothing outside the tensors is read or written. Aliasing:
// `residual` may be the output itself; nothing else may overlap it. Numerical bound: each output is
// within (K + 3) * 2^-24 * (|bias| + sum |weight * in| + |residual|) of the exact sum before the
// activation, K = IC/groups * KH * KW. Variants with an error_factor (Winograd) mix the inputs of a
// tile of outputs: theirs is that factor times (K + 3)
// * 2^-24 * (|bias| + sum |weight| * max |in| + |residual|), the maximum over the tile's inputs.
// Where the input is not finite, outputs whose window holds zero padding may differ in whether they
// are NaN, and those variants spoil the whole tile. Threads: none. A caller hands disjoint ranges
// of work units to its threads, each with its own scratch. Two units of a blocked output never
// share a cache line.
//
// A variant is one file of this folder (or kernels/depthwise) and one line of variants.inc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/common/cpu_features.h"
#include "kernels/common/epilogue.h"
#include "kernels/common/packed_format.h"
#include "kernels/common/tensor_desc.h"
#include "kernels/common/work.h"

namespace kinglet::kernels {

// Pads at the bottom and right follow from oh and ow. All counts are at least 1, pads may be
// negative (a crop), ic and oc are multiples of groups.
struct ConvShape {
  int64_t n = 1, ic = 1, ih = 1, iw = 1, oc = 1, oh = 1, ow = 1;
  int kh = 1, kw = 1, sh = 1, sw = 1, dh = 1, dw = 1, pad_top = 0, pad_left = 0;
  int64_t groups = 1;
};

// What follows a convolution of codes, element by element, while its codes are still in the nearest
// cache: called once for each run of `count` codes, which lie at `codes`, and in a dense output
// would begin at number `at`. It may change them; pad lanes are cleared behind it.
struct WrittenCodes {
  void (*then)(const void* context, uint8_t* codes, int64_t at, int64_t count) noexcept = nullptr;
  const void* context = nullptr;
};

struct ConvArgs {
  const void* input = nullptr;
  const void* packed = nullptr;  // what the variant's pack() wrote
  const float* bias = nullptr;   // OC rounded up to 16, zeros beyond OC; may be null
  // Of variants that read codes, in place of `bias`: OC rounded up to 64, zeros beyond OC; may be
  // null.
  const int32_t* integer_bias = nullptr;
  // Of variants that read codes: what stands for 0, in the padding too.
  int32_t input_zero_point = 0;
  const void* residual = nullptr;  // stored as the output; may be null or the output
  void* output = nullptr;
  // The scratch is as a call for other units with the same arguments has left it.
  bool again = false;
  // Blocked outputs only: elements from one image of the output to the next, where the output is a
  // slice of a wider tensor; 0: the images are dense. The residual is always dense, and may be the
  // output only where that is, too.
  int64_t output_stride = 0;
  Epilogue epilogue;
  WrittenCodes written = {};  // of variants that say `follows`
};

using ConvRunFn = void (*)(const ConvShape&, const ConvArgs&, int64_t begin_unit, int64_t end_unit,
                           void* scratch) noexcept;

struct ConvVariant {
  const char* id;  // "conv/direct_f32"; never names an instruction set
  TensorDesc input, output;
  ElementType weights = ElementType::kFloat32;  // that pack() reads
  // Of the CPU, beside what the compiled target has: without them `run` may not be called. Empty
  // for what Highway compiles for every target. All else works everywhere.
  CpuFeatures needs = {};
  bool (*supports)(const ConvShape&);
  // What it does to the whole batch on `threads` threads.
  Work (*work)(const ConvShape&, int threads);
  // How the weights are packed. It depends neither on N, H, W nor on the instruction set: format
  // and `oihw`, {OC, IC/groups, KH, KW}, tell every byte.
  PackedFormat (*packed_format)(const ConvShape&);
  size_t (*packed_bytes)(const ConvShape&);
  void (*pack)(const ConvShape&, const void* oihw, void* packed);
  // Work units of the whole batch, in the order of the images that they write.
  int64_t (*units)(const ConvShape&);
  size_t (*scratch_bytes)(const ConvShape&);  // for each worker
  // Computes the units [begin_unit, end_unit). Neighbouring units are cheaper in one call.
  ConvRunFn run;
  bool follows = false;     // calls ConvArgs::written where it is there
  double error_factor = 0;  // of the bound above; 0: inputs are not mixed
  // One more whenever the kernel may have become faster or slower: measured times of other
  // revisions are void.
  int revision = 1;
};

inline OperandTypes TypesOf(const ConvVariant& variant) {
  return {variant.input.type, variant.weights, variant.output.type};
}

// The variants in order of variants.inc, `run` resolved for the active target. The span lives as
// long as the program.
std::span<const ConvVariant> ConvVariants();

// The format of weights for convolutions as `variant` lays them out, a block of output channels
// side by side.
PackedFormat ConvFormat(const char* variant, int64_t block, const ConvShape& s);
// {OC, IC/groups, KH, KW} as it is.
PackedFormat PlainConvFormat(const ConvShape& s);

// The variant of that id, or null.
const ConvVariant* FindConvVariant(std::string_view id);

}  // namespace kinglet::kernels
