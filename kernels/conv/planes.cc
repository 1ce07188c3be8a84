// conv/planes_f32: plain in and out, any groups, vectors along the rows (kernels/conv/volume.h). It
// serves where blocks of channels do not: few outputs, groups that do not fill blocks, one row.
#include <cstddef>

#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/variants.h"
#include "kernels/conv/volume.h"

namespace kinglet::kernels {
namespace {

bool Supports(const ConvShape& s) {
  const int64_t ic = s.ic / s.groups;
  const int64_t oc = s.oc / s.groups;
  const bool row = s.ih == 1 && s.oh == 1 && s.kh == 1;
  const bool depthwise = s.groups == s.ic && s.ic == s.oc;
  if (depthwise) return row || s.ic < kBlock;
  const bool fills = s.groups == 1 || (ic % kBlock == 0 && oc % kBlock == 0);
  return row || oc < kBlock || !fills;
}

}  // namespace

ConvVariant PlanesConvF32() {
  return {.id = "conv/planes_f32",
          .input = kPlainF32,
          .output = kPlainF32,
          .supports = &Supports,
          .work = [](const ConvShape& s, int threads) { return VolumeWork(VolumeOf(s), threads); },
          .packed_format = [](const ConvShape& s) { return VolumeFormat(VolumeOf(s)); },
          .packed_bytes = [](const ConvShape& s) { return VolumePackedBytes(VolumeOf(s)); },
          .pack = [](const ConvShape& s, const void* oihw,
                     void* packed) { VolumePack(VolumeOf(s), oihw, packed); },
          .units = [](const ConvShape& s) { return VolumeUnits(VolumeOf(s)); },
          .scratch_bytes = [](const ConvShape& s) { return VolumeScratchBytes(VolumeOf(s)); },
          .run = ResolvePlanesConv()};
}

}  // namespace kinglet::kernels
