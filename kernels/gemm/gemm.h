// Matrix product with constant right-hand side (a fully connected layer):
//
//   C[m][n] = act(bias[n] + sum over k of A[m][k] * B[k][n])
//
// Layout: A and C are row-major with row strides lda >= K and ldc >= N; B is packed once by the
// variant. A, B and C are of the types that the variant says, the bias is float32; epilogue.type
// must be the type of C.
// Alignment: packed weights, bias and scratch at 64 bytes, A and C at that of an element.
// Nothing outside the matrices is read or written; between the rows of C nothing is written.
// Aliasing: none. Numerical bound: (K + 3) * 2^-24 * (|bias| + sum |a * b|) before the activation.
// Threads: none; a caller hands disjoint ranges of work units to its threads. Products of two
// activations go to BlasGemm in kernels/gemm/blas.h.
//
// A variant is one file of this folder and one line of variants.inc.
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

struct GemmShape {
  int64_t m = 1, n = 1, k = 1;  // each at least 1
};

struct GemmArgs {
  const void* a = nullptr;
  int64_t lda = 0;
  const void* packed = nullptr;
  const float* bias = nullptr;  // N rounded up to 16; may be null
  void* c = nullptr;
  int64_t ldc = 0;
  Epilogue epilogue;
};

// B(k, n) = data[k * k_stride + n * n_stride]: {K,N} has strides (N, 1), {N,K} has (1, K).
struct GemmWeights {
  const void* data;
  int64_t k_stride, n_stride;
};

using GemmRunFn = void (*)(const GemmShape&, const GemmArgs&, int64_t begin_unit, int64_t end_unit,
                           void* scratch) noexcept;

struct GemmVariant {
  const char* id;                               // "gemm/packed_f32"
  TensorDesc input, output;                     // A and C
  ElementType weights = ElementType::kFloat32;  // B, that pack() reads
  CpuFeatures needs = {};                       // of the CPU, as of a ConvVariant
  bool (*supports)(const GemmShape&);
  Work (*work)(const GemmShape&, int threads);  // what it does on `threads` threads
  // How the weights are packed. It depends neither on M nor on the instruction set: format and
  // weights tell every byte.
  PackedFormat (*packed_format)(const GemmShape&);
  size_t (*packed_bytes)(const GemmShape&);
  void (*pack)(const GemmShape&, const GemmWeights& weights, void* packed);
  int64_t (*units)(const GemmShape&);
  size_t (*scratch_bytes)(const GemmShape&);  // for each worker
  GemmRunFn run;
  int revision = 1;  // as of a ConvVariant
};

inline OperandTypes TypesOf(const GemmVariant& variant) {
  return {variant.input.type, variant.weights, variant.output.type};
}

// The variants in order of variants.inc, `run` resolved for the active target. The span lives as
// long as the program.
std::span<const GemmVariant> GemmVariants();

// The variant of that id, or null.
const GemmVariant* FindGemmVariant(std::string_view id);

}  // namespace kinglet::kernels
