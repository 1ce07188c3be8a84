// gemm/blas_f32: OpenBLAS on tiles of C.
#include <algorithm>
#include <cstring>

#include "kernels/common/activate.h"
#include "kernels/common/partition.h"
#include "kernels/gemm/blas.h"
#include "kernels/gemm/packed.h"
#include "kernels/gemm/variants.h"

namespace kinglet::kernels {
namespace {

// The longer side of C is cut.
int64_t UnitCount(const GemmShape& s) {
  return std::clamp<int64_t>(std::max(s.m, s.n) / 64, 1, 32);
}

void RunTile(const GemmShape& s, const GemmArgs& args, const Range& rows, const Range& columns,
             ActivateFn activate) {
  const auto width = static_cast<size_t>(columns.end - columns.begin);
  float* c = static_cast<float*>(args.c) + columns.begin;
  for (int64_t m = rows.begin; m < rows.end && args.bias; ++m) {
    std::memcpy(c + m * args.ldc, args.bias + columns.begin, width * sizeof(float));
  }
  BlasGemm(false, false, rows.end - rows.begin, columns.end - columns.begin, s.k, 1.0f,
           static_cast<const float*>(args.a) + rows.begin * args.lda, args.lda,
           static_cast<const float*>(args.packed) + columns.begin, s.n, args.bias ? 1.0f : 0.0f,
           c + rows.begin * args.ldc, args.ldc);
  for (int64_t m = rows.begin; m < rows.end; ++m) activate(args.epilogue, c + m * args.ldc, width);
}

void Run(const GemmShape& s, const GemmArgs& args, int64_t begin, int64_t end, void*) noexcept {
  const ActivateFn activate = ResolveActivate();
  const int64_t units = UnitCount(s);
  const bool by_rows = s.m >= s.n;
  const int64_t length = by_rows ? s.m : s.n;
  const Range cut = {EvenPart(length, units, begin).begin, EvenPart(length, units, end - 1).end};
  if (begin < end)
    RunTile(s, args, by_rows ? cut : Range{0, s.m}, by_rows ? Range{0, s.n} : cut, activate);
}

size_t PackedBytes(const GemmShape& s) { return static_cast<size_t>(s.k * s.n) * sizeof(float); }

void Pack(const GemmShape& s, const GemmWeights& weights, void* packed) {
  const auto* from = static_cast<const float*>(weights.data);
  auto* to = static_cast<float*>(packed);
  for (int64_t k = 0; k < s.k; ++k) {
    for (int64_t n = 0; n < s.n; ++n) {
      *to++ = from[k * weights.k_stride + n * weights.n_stride];
    }
  }
}

// OpenBLAS runs one call at a time, and packs A and B in each.
Work WorkOf(const GemmShape& s, int) {
  const auto rows = static_cast<double>(s.m);
  const auto columns = static_cast<double>(s.n);
  const auto depth = static_cast<double>(s.k);
  WorkStage stage = GemmTraffic(s);
  stage.Add({.kind = WorkKind::kBlas, .count = 2 * rows * columns * depth});
  stage.Add({.kind = WorkKind::kBlasPack, .count = (rows + columns) * depth});
  return SharedWork(stage, UnitCount(s), 1);
}

bool Supports(const GemmShape& s) {
  constexpr int64_t kMax = int64_t{1} << 30;
  return s.m < kMax && s.n < kMax && s.k < kMax;
}

}  // namespace

GemmVariant BlasGemmF32() {
  PrepareBlas();
  return {.id = "gemm/blas_f32",
          .input = kPlainF32,
          .output = kPlainF32,
          .supports = &Supports,
          .work = &WorkOf,
          .packed_format =
              [](const GemmShape&) { return PackedFormat{.family = "gemm", .variant = "plain"}; },
          .packed_bytes = &PackedBytes,
          .pack = &Pack,
          .units = &UnitCount,
          .scratch_bytes = [](const GemmShape&) -> size_t { return 0; },
          .run = &Run};
}

}  // namespace kinglet::kernels
