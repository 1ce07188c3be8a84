// Two or three convolutions in one pass, what lies between them in scratch that stays in the
// second-level cache:
//
//   conv/chain_dw_pw_f32              out = project(depthwise(in))
//   conv/chain_expand_dw_project_f32  out = project(depthwise(expand(in)))
//
// and the same of bfloat16 where the CPU multiplies pairs of that (avx512_bf16).
// each of them a convolution of kernels/conv/conv.h with its own bias and epilogue; the residual is
// added by `project`. `expand` and `project` are 1x1 with stride 1, no padding and one group;
// `depthwise` is any with a filter of its own for each channel. Its padding stands around the
// expanded map: zeros, not what `expand` makes of zeros.
//
// Layout: input, residual and output are blocked, with the guarantees of conv.h, and so is what
// lies between. The packed weights are those of conv/direct_f32 (expand, project) and
// conv/depthwise_f32, or of conv/pairs_bf16 and conv/depthwise3_bf16, which give the same bits
// one by one. Aliasing: output may be the residual, where that is not the input as well: strips of
// rows are read by their neighbours. Nothing else may overlap the output. Numerical bound: that of
// conv.h for each of the three.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/common/machine_model.h"
#include "kernels/conv/conv.h"
#include "kernels/depthwise/rows.h"
#include "kernels/gemm/gather_gemm.h"

namespace kinglet::kernels {

struct ConvChain {
  bool expands = false;
  ConvShape expand;  // where `expands`
  ConvShape depthwise;
  ConvShape project;
  ElementType stored = ElementType::kFloat32;  // all but the weights
};

// Whether the shapes are of the kinds above and each takes what the one before it gives, and there
// are kernels for what is stored.
bool IsChain(const ConvChain& chain) noexcept;
// What the CPU must have.
CpuFeatures ChainNeeds(const ConvChain& chain) noexcept;
// The variants whose weights it has.
const char* PointwiseOfChain(const ConvChain& chain) noexcept;
const char* DepthwiseOfChain(const ConvChain& chain) noexcept;

// A chain and how it is cut: units are parts of the output rows of an image, each computed strip by
// strip with the expanded rows that neighbouring strips share in a ring. Where a unit begins, the
// rows that it shares with the one before are expanded again.
struct ChainPlan {
  ConvChain chain;
  int64_t units_per_image = 1;
  int64_t strip_rows = 1;
  int64_t ring_rows = 0;  // expanded
  GatherGemmFn gemm = nullptr;
  DepthwiseRowsFn depthwise_rows = nullptr;

  const char* id() const;
  // Of input, residual and output.
  TensorDesc desc() const { return {chain.stored, Layout::kBlocked}; }
  int64_t units() const { return chain.project.n * units_per_image; }
};

// For the active target, whose CPU need not have what the chain needs until it runs.
ChainPlan PlanChain(const ConvChain& chain, int threads, const MachineModel& machine);
size_t ChainScratchBytes(const ChainPlan& plan);  // for each worker
// What it does to the whole batch: the operations of the three with the rows that are expanded
// twice, the traffic of input, output and weights, and scratch and weights that every strip goes
// through.
Work ChainWork(const ChainPlan& plan, int threads);
// What the convolutions take one by one, each by its best blocked variant, everything between them
// written and read.
double SeparateSeconds(const ConvChain& chain, int threads, const MachineModel& machine);

struct ChainStage {
  const void* packed = nullptr;
  const float* bias = nullptr;  // as in ConvArgs
  Epilogue epilogue;
};

struct ChainArgs {
  const void* input = nullptr;  // each stored as the chain's description says
  ChainStage expand, depthwise, project;
  const void* residual = nullptr;
  void* output = nullptr;
  int64_t output_stride = 0;  // as in ConvArgs
};

// Computes the units [begin, end). Neighbouring units in one call expand nothing twice.
void RunChain(const ChainPlan& plan, const ChainArgs& args, int64_t begin, int64_t end,
              void* scratch) noexcept;

}  // namespace kinglet::kernels
