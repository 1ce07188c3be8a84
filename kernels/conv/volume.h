// Convolutions and transposed convolutions of one to three dimensions on plain tensors, any groups.
//
// A convolution is the formula of kernels/conv/conv.h with one more dimension. A transposed one is
// its adjoint: input element i of an axis adds its product with tap k to output element
// i * stride + k * dilation - pad. The outputs of an axis that are a stride apart form a phase:
// what a phase reads is an ordinary convolution with stride 1, of every m-th tap, m = stride /
// gcd(stride, dilation).
//
// Work goes strip by strip: a strip is some rows (or a piece of a row) of one output plane; of
// everything that it reads there is a zero-framed copy in scratch, in which neighbouring outputs
// read neighbouring elements whatever the stride: an axis is cut into its strides' remainders, or
// into a window of its own for each tap. Then RowProduct goes over it once for each phase.
//
// Types, alignment, aliasing, bounds, threads: see kernels/conv/conv.h; everything is plain.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/conv/conv.h"
#include "kernels/conv/row_product.h"

namespace kinglet::kernels {

// All sizes are at least 1 and fit 31 bits; `pad` lies before the first element and may be
// negative, that at the end follows from `out`.
struct VolumeAxis {
  int64_t in = 1, out = 1, kernel = 1, stride = 1, dilation = 1, pad = 0;
};

// Weights are {OC, IC / groups, KZ, KY, KX}, or {IC, OC / groups, KZ, KY, KX} where transposed.
struct VolumeShape {
  int64_t n = 1, ic = 1, oc = 1, groups = 1;
  bool transposed = false;
  std::array<VolumeAxis, 3> axes{};  // z, y, x
};

VolumeShape VolumeOf(const ConvShape& s);

// Multiply-adds of the batch; those of a transposed one whose output is cropped are counted too.
double MultiplyAdds(const VolumeShape& s);

PackedFormat VolumeFormat(const VolumeShape& s);
size_t VolumePackedBytes(const VolumeShape& s);
void VolumePack(const VolumeShape& s, const void* weights, void* packed);
int64_t VolumeUnits(const VolumeShape& s);
size_t VolumeScratchBytes(const VolumeShape& s);
Work VolumeWork(const VolumeShape& s, int threads);

// `scratch` has VolumeScratchBytes(s) bytes at a 64-byte boundary.
void VolumeRun(const VolumeShape& s, RowProductFn product, const ConvArgs& args, int64_t begin_unit,
               int64_t end_unit, void* scratch) noexcept;

using VolumeRunFn = void (*)(const VolumeShape&, const ConvArgs&, int64_t begin_unit,
                             int64_t end_unit, void* scratch) noexcept;
// VolumeRun with the active target's product bound, and the same for ConvVariant::run.
VolumeRunFn ResolveVolumeRun();
ConvRunFn ResolvePlanesConv();

// What computes such a convolution; members as those of ConvVariant.
struct VolumeVariant {
  const char* id;
  TensorDesc input, output;
  bool (*supports)(const VolumeShape&);
  Work (*work)(const VolumeShape&, int threads);
  PackedFormat (*packed_format)(const VolumeShape&);
  size_t (*packed_bytes)(const VolumeShape&);
  void (*pack)(const VolumeShape&, const void* weights, void* packed);
  int64_t (*units)(const VolumeShape&);
  size_t (*scratch_bytes)(const VolumeShape&);
  VolumeRunFn run;
  int revision = 1;
};

// For the active target; the first one takes every shape. The span lives as long as the program.
std::span<const VolumeVariant> VolumeVariants();

}  // namespace kinglet::kernels
