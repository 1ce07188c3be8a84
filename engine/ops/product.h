// Matrix products as steps: what MatMul and Gemm share.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "engine/op/op.h"
#include "kernels/common/epilogue.h"

namespace kinglet {

// Y[m, n] = act(alpha A[m, k] B[k, n] + bias[n]), A the step's input 0, B the known value of input
// 1 (float32, {k, n}, or {n, k} when transposed), packed once.
struct WeightedProduct {
  std::int64_t m = 0, n = 0, k = 0;
  bool transposed = false;
  float alpha = 1;
  std::vector<float> bias{};  // empty or n values
  kernels::Epilogue epilogue{};
};
std::unique_ptr<Step> PlanWeightedProduct(PlanContext& context, const WeightedProduct& product);

// One float32 product of two activations. Rows of A and B as they are stored, {m, k} and {k, n} or
// the other way round where they are transposed, are `lda` and `ldb` elements apart.
struct FloatProduct {
  std::int64_t m = 0, n = 0, k = 0;
  bool trans_a = false, trans_b = false;
  std::int64_t lda = 0, ldb = 0;
  float alpha = 1;
};
// Y[i] = alpha A B for a stack of products of inputs 0 and 1, where A and B of product i begin at
// the elements a_offsets[i] and b_offsets[i]. `threads`: of the plan, for what the step says of its
// work.
std::unique_ptr<Step> PlanFloatProducts(const FloatProduct& product,
                                        std::vector<std::int64_t> a_offsets,
                                        std::vector<std::int64_t> b_offsets, int threads);

// y[j] = sum over i < k of a[i * a_stride] * b[i * b_row + j * b_column], j < n. Integers wrap
// around, as ONNX leaves overflow open.
template <typename T>
void ProductRow(const T* a, std::int64_t a_stride, const T* b, std::int64_t b_row,
                std::int64_t b_column, std::int64_t n, std::int64_t k, T* y) {
  for (std::int64_t j = 0; j < n; ++j) {
    if constexpr (std::is_floating_point_v<T>) {
      double sum = 0;
      for (std::int64_t i = 0; i < k; ++i) {
        sum +=
            static_cast<double>(a[i * a_stride]) * static_cast<double>(b[i * b_row + j * b_column]);
      }
      y[j] = static_cast<T>(sum);
    } else {
      std::uint64_t sum = 0;
      for (std::int64_t i = 0; i < k; ++i) {
        sum += static_cast<std::uint64_t>(a[i * a_stride]) *
               static_cast<std::uint64_t>(b[i * b_row + j * b_column]);
      }
      y[j] = static_cast<T>(sum);
    }
  }
}

}  // namespace kinglet
