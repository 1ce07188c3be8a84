// Making an 8-bit network of one in float32: post-training quantisation.
//
//     kinglet::Quantizer quantizer("mobilenet_v1.onnx",
//                                  {.pipeline = {.descriptor = "mobilenet_v1"}});
//     for (const std::string& file : files) quantizer.Add(kinglet::ReadImage(file));
//     kinglet::QuantizedModel quantized = quantizer.Quantize();
//     if (quantized.report.within_budget) quantized.Write("mobilenet_v1_int8.onnx");
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kinglet/agreement.h"
#include "kinglet/graph.h"
#include "kinglet/image.h"
#include "kinglet/pipeline.h"

namespace kinglet {

// How the range that 256 codes stand for is found from what is seen of a value.
enum class RangeRule : std::uint8_t {
  kMinMax,      // all of it
  kPercentile,  // without the largest and the least 0.01 %
  kMse,         // the least squares of what the codes change, with at least 99.8 % inside
  kEntropy,     // the least divergence (Kullback and Leibler) of what the codes keep
};
// "minmax", "percentile", "mse", "entropy".
std::string_view RangeRuleName(RangeRule rule);
std::optional<RangeRule> RangeRuleOf(std::string_view name);  // none for another text

struct QuantizeOptions {
  PipelineOptions pipeline{};  // descriptor, anchors, threads, read, compile
  RangeRule range = RangeRule::kMse;
  // The share of the answers that may differ (Agreement::Within). Of photos, some percent have two
  // classes that are nearly the same to a small network.
  double budget = 0.03;
  // Weights of 7 bits: for engines whose products of codes saturate in 16 bits.
  bool reduce_range = false;
  // Called with what is being done ("ranges", "layers", ...), and how far it is.
  std::function<void(const std::string& what, std::size_t done, std::size_t total)> progress{};
};

// A signal without noise, in decibels.
inline constexpr double kPerfectSignal = 120;

// An operator that is, or was to be, computed on codes.
struct QuantizedLayer {
  std::string name, op;
  std::int64_t macs = 0;  // for one picture
  // The power of its results divided by that of what codes change, in decibels: of a layer with
  // weights by codes of its input and its weights; of another operator by those of its results.
  double signal_to_noise = kPerfectSignal;
  double low = 0, high = 0;     // what the codes of its results stand for
  bool float32 = false;         // given back
  bool bias_corrected = false;  // by what codes change of the mean
};

struct QuantizeReport {
  std::size_t calibrated = 0;       // pictures
  std::size_t held_out = 0;         // others, that `agreement` is about
  std::uint64_t pictures_hash = 0;  // of all, as the network takes them
  RangeRule range = RangeRule::kMse;
  double budget = 0;
  Agreement agreement;  // of the quantised network with that in float32
  bool within_budget = false;
  double float32_share = 0;  // of the multiply-adds that were to be on codes
  std::vector<QuantizedLayer> layers;
  std::vector<std::string> notes;
};

struct QuantizedModel {
  Graph graph;  // with QuantizeLinear and DequantizeLinear, operator set 13 or later
  QuantizeReport report;

  // As ONNX, with how it was made in the metadata. Throws as WriteOnnx does.
  void Write(const std::string& path) const;
};

class Quantizer {
 public:
  // `model` is an ONNX file, or the name of a demo network. Throws Error as Classifier and Detector
  // do, and Error(kUnsupported) for a model that is quantised already.
  Quantizer(const std::string& model, const QuantizeOptions& options = {});
  Quantizer(Quantizer&&) noexcept;
  Quantizer& operator=(Quantizer&&) noexcept;
  ~Quantizer();

  // Every other picture, beginning with the second one, is held out to check the result. Keeps what
  // the network takes of it in memory. Throws Error(kResource) for too many.
  void Add(const Image& picture);

  // Throws Error(kInvalidInput) for fewer than two pictures, Error(kInvalidModel) where weights, or
  // a value that was to have codes, are not finite, Error(kUnsupported) for a model that has
  // nothing to quantise, and for operators that have no form in operator set 13. Where the budget
  // cannot be kept with at most 10 % of the multiply-adds in float32, the report says so.
  QuantizedModel Quantize();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kinglet
