// A kernel variant with a shape and memory of its own, ready to run again and again.
#pragma once

#include <cstdint>

#include "kernels/chain/chain.h"
#include "kernels/common/aligned.h"
#include "kernels/conv/conv.h"
#include "kernels/gemm/gemm.h"

namespace kinglet::benchmarks {

// Floats in a buffer that all hold `value`.
kernels::AlignedBuffer<float> Filled(int64_t count, float value = 0.5f);

// Clip and bias are part of the run, as in most networks.
class ConvRun {
 public:
  // Reads `input`, which is in the variant's layout; null: memory of its own.
  ConvRun(const kernels::ConvVariant& variant, const kernels::ConvShape& shape,
          const float* input = nullptr);

  int64_t units() const { return variant_.units(shape_); }
  size_t scratch_bytes() const { return variant_.scratch_bytes(shape_); }
  const float* output() const { return output_.data(); }
  void Run(int64_t begin, int64_t end, void* scratch) const noexcept {
    variant_.run(shape_, args_, begin, end, scratch);
  }

 private:
  kernels::ConvVariant variant_;
  kernels::ConvShape shape_;
  kernels::AlignedBuffer<float> input_, output_, bias_;
  kernels::AlignedBuffer<char> packed_;
  kernels::ConvArgs args_;
};

class ChainRun {
 public:
  explicit ChainRun(const kernels::ChainPlan& plan);

  int64_t units() const { return plan_.units(); }
  size_t scratch_bytes() const { return kernels::ChainScratchBytes(plan_); }
  void Run(int64_t begin, int64_t end, void* scratch) const noexcept {
    kernels::RunChain(plan_, args_, begin, end, scratch);
  }

 private:
  kernels::ChainPlan plan_;
  kernels::AlignedBuffer<float> input_, output_;
  kernels::AlignedBuffer<char> packed_[3];
  kernels::ChainArgs args_;
};

class GemmRun {
 public:
  GemmRun(const kernels::GemmVariant& variant, const kernels::GemmShape& shape);

  int64_t units() const { return variant_.units(shape_); }
  size_t scratch_bytes() const { return variant_.scratch_bytes(shape_); }
  void Run(int64_t begin, int64_t end, void* scratch) const noexcept {
    variant_.run(shape_, args_, begin, end, scratch);
  }

 private:
  kernels::GemmVariant variant_;
  kernels::GemmShape shape_;
  kernels::AlignedBuffer<float> a_, c_, bias_;
  kernels::AlignedBuffer<char> packed_;
  kernels::GemmArgs args_;
};

}  // namespace kinglet::benchmarks
