// The layers of the networks that Kinglet can build, found by walking their graphs, so that no
// list of shapes can drift from the networks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/chain/chain.h"
#include "kernels/conv/conv.h"
#include "kernels/gemm/gemm.h"
#include "kernels/pool/pool.h"

namespace kinglet::measure {

// Channels, rows and columns of a tensor.
struct Volume {
  int64_t c = 1, h = 1, w = 1;
};

struct PoolLayer {
  kernels::Pool pool;
  bool is_max = false;
};

struct ConcatLayer {
  std::vector<int64_t> channels;  // of the inputs
  Volume output;
};

// What a network runs on one image: each shape once, in the order of the graph. Convolutions and
// products as they are before and after the engine's passes.
struct NetworkLayers {
  std::string network;
  Volume input;
  std::vector<kernels::ConvShape> convs;
  std::vector<kernels::ConvChain> chains;  // of convolutions, the longest
  std::vector<kernels::GemmShape> products;
  std::vector<PoolLayer> pools;
  std::vector<kernels::GlobalPool> global_pools;
  std::vector<ConcatLayer> concats;
  std::vector<Volume> sums;  // residual additions
  int64_t classes = 0;       // 0: the output is no row of scores
};

// All descriptors that have an architecture.
const std::vector<NetworkLayers>& AllNetworkLayers();

// "64x56x56_128x56x56_k1x1": input, output, kernel, and what is not 1 or 0 of strides (s),
// dilations (d), pads before (p) and groups (g).
std::string NameOf(const kernels::ConvShape& shape);
// "32x28x28_192_32x28x28_k3x3": input, channels between, output, depthwise kernel and strides.
std::string NameOf(const kernels::ConvChain& chain);
std::string NameOf(const kernels::GemmShape& shape);  // "1000x1024": N and K
std::string NameOf(const Volume& volume);             // "64x56x56"

// Convolutions in which each channel has a filter of its own.
inline bool IsDepthwise(const kernels::ConvShape& s) { return s.groups > 1 && s.groups == s.ic; }

// Operations for the whole batch, two for each multiply-add.
double Operations(const kernels::ConvShape& shape);
double Operations(const kernels::ConvChain& chain);
double Operations(const kernels::GemmShape& shape);
// Bytes of input, output and weights, each moved once.
double TrafficBytes(const kernels::ConvShape& shape);
double TrafficBytes(const kernels::ConvChain& chain);  // nothing between the convolutions
double TrafficBytes(const kernels::GemmShape& shape);

// The same layer for a batch of n images.
kernels::ConvShape WithBatch(kernels::ConvShape shape, int64_t n);
kernels::ConvChain WithBatch(kernels::ConvChain chain, int64_t n);
kernels::GemmShape WithBatch(kernels::GemmShape shape, int64_t n);

}  // namespace kinglet::measure
