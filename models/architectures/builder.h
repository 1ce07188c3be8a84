// Builds a network node by node as an exporter writes it, with seeded random weights.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/graph/ir.h"
#include "kinglet/descriptor.h"
#include "kinglet/graph.h"

namespace kinglet {

enum class Act : std::uint8_t { kNone, kRelu, kRelu6, kHardSwish, kSilu };

// A feature map {N, channels, height, width} in the graph.
struct Feature {
  ValueId id = kNoValue;
  int channels = 0;
  int height = 0;
  int width = 0;
};

struct ConvSpec {
  int channels = 0;
  int kernel_h = 1;
  int kernel_w = 1;
  int stride = 1;
  int pad_h = 0;
  int pad_w = 0;
  int groups = 1;
  int dilation = 1;
  Act act = Act::kRelu;
  double gain = 1.0;  // multiplies the weights, where a branch must not dominate
};

// A k x k convolution that keeps the size at stride 1 and halves it, rounded up, at stride 2.
ConvSpec Square(int channels, int kernel, int stride = 1);
ConvSpec Pointwise(int channels);
// One filter for each channel of x.
ConvSpec Depthwise(const Feature& x, int kernel, int stride);
// The same as `spec` with another activation.
ConvSpec With(ConvSpec spec, Act act);

// The multiple of 8 that is nearest to `channels`, at least 8 and at least 90 % of it.
int MakeDivisible(double channels);

struct PoolSpec {
  int kernel = 3;
  int stride = 2;
  int pad = 0;
  bool ceil = false;
};

// Weights are uniform in +-sqrt(3 * variance) with variance 2 / fan_in before a ReLU (He et al.
// 2015, arXiv:1502.01852) and 1 / fan_in elsewhere, so the mean square of the activations stays
// what it is at the input; biases are uniform in +-0.1.
class NetBuilder {
 public:
  // `input_range` is about the largest value of the input: the first layer divides it out.
  NetBuilder(const Architecture& architecture, const BuildOptions& options, double input_range = 1);

  Feature input() const { return input_; }
  Feature Conv(const std::string& name, const Feature& x, const ConvSpec& spec);
  Feature MaxPool(const std::string& name, const Feature& x, const PoolSpec& spec);
  // Padding does not count in the mean.
  Feature AveragePool(const std::string& name, const Feature& x, const PoolSpec& spec);
  Feature GlobalAveragePool(const std::string& name, const Feature& x);
  Feature Flatten(const std::string& name, const Feature& x);
  Feature Gemm(const std::string& name, const Feature& x, int outputs, Act act = Act::kNone);
  Feature Concat(const std::string& name, const std::vector<Feature>& parts);
  Feature Add(const std::string& name, const Feature& a, const Feature& b);
  // Those of x from `begin` on, up to `end`.
  Feature Channels(const std::string& name, const Feature& x, int begin, int end);
  // The channels of `groups` groups in turns (Zhang et al. 2017, arXiv:1707.01083).
  Feature Shuffle(const std::string& name, const Feature& x, int groups);
  Feature Activate(const std::string& name, const Feature& x, Act act);
  // x * min(max(x / 6 + 1/2, 0), 1) of Howard et al. 2019 (arXiv:1905.02244) without the first x.
  Feature HardSigmoid(const std::string& name, const Feature& x);
  Feature Mul(const std::string& name, const Feature& a, const Feature& b);
  // Every position's channels divided by their Euclidean norm, times a factor for each channel.
  Feature L2Normalize(const std::string& name, const Feature& x);
  // Over the last axis of rows.
  Feature Softmax(const std::string& name, const Feature& x);
  // {N, rows, size}: the channels of each position, in rows of `size`, positions in order. The rows
  // are the result's channels.
  Feature Rows(const std::string& name, const Feature& x, int size);

  // Any operator with one output, for what is no feature map. Names of values are those of nodes.
  ValueId Op(const std::string& name, const char* op, std::vector<ValueId> inputs,
             Attributes attributes = {});
  // The same with several.
  std::vector<ValueId> Ops(const std::string& name, const char* op, std::vector<ValueId> inputs,
                           Attributes attributes, int outputs);
  ValueId Constant(const std::string& name, Tensor tensor);
  // From here on the network takes one picture at a time.
  void FixBatch();

  // Global average pooling and a fully connected layer to the classes.
  Graph FinishWithClassifier(const Feature& x);
  // The classifier's output is x, a {N, classes} value.
  Graph Finish(const Feature& x);
  struct Output {
    const char* name;
    Feature x;
    std::vector<std::int64_t> sizes;  // but the batch
  };
  Graph Finish(const std::vector<Output>& outputs);

  int classes() const { return classes_; }

 private:
  Feature Emit(const std::string& name, const char* op, std::vector<ValueId> inputs,
               Attributes attributes, const Feature& shape);
  Feature Pool(const char* op, const std::string& name, const Feature& x, const PoolSpec& spec);
  ValueId RandomConstant(const std::string& name, Shape shape, double limit);

  std::unique_ptr<GraphIr> graph_;
  Feature input_;
  BuildOptions options_;
  double input_range_;
  int classes_;
  bool fixed_batch_ = false;
};

// A float32 tensor of zeros whose pages take no memory before somebody writes to them.
Tensor LazyZeros(Shape shape);
// Values uniform in +-limit, the same on every machine for the same seed and name.
void FillUniform(Tensor& tensor, std::uint64_t seed, const std::string& name, double limit);

}  // namespace kinglet
