// HannWindow, HammingWindow, BlackmanWindow and MelWeightMatrix: tables of signal processing, known
// from their sizes.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/ops/dispatch.h"
#include "engine/ops/element_types.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

DataType TypeOf(const NodeContext& context) {
  const DataType type = ElementTypeAttribute(context, "output_datatype", DataType::kFloat32);
  DispatchNumeric(type, []<typename T>() {});
  return type;
}

void CheckType(const Node& node, std::vector<std::string>& unsupported) {
  CheckElementTypeAttribute(node, "output_datatype", unsupported);
}

std::int64_t OneInt(const NodeContext& context, std::size_t i, const char* what) {
  const std::vector<std::int64_t> values = context.InputInts(i, what);
  if (values.size() != 1 || values[0] < 0) {
    context.Invalid(std::string(what) + " (input " + std::to_string(i) +
                    ") must be one number, 0 or more");
  }
  return values[0];
}

// w[n] = weights[0] + weights[1] cos(2 pi n / N) + weights[2] cos(4 pi n / N)
struct CosineSum {
  double weights[3];
};

CosineSum SumOf(const std::string& op) {
  if (op == "HannWindow") return {{0.5, -0.5, 0}};
  if (op == "HammingWindow") return {{25.0 / 46, -21.0 / 46, 0}};
  return {{0.42, -0.5, 0.08}};
}

void InferWindow(InferContext& context) {
  context.SetOutput(0, TypeOf(context), {OneInt(context, 0, "the size")});
}

// N is the size of a periodic window, and one less of a symmetric one.
std::unique_ptr<Step> PlanWindow(PlanContext& context) {
  context.DoNotRead(0);
  const std::int64_t size = context.OutputShape(0)[0];
  const CosineSum sum = SumOf(context.node().op);
  const bool periodic = context.attributes().Int("periodic", 1) != 0;
  const double period = static_cast<double>(std::max<std::int64_t>(periodic ? size : size - 1, 1));
  return DispatchNumeric(context.OutputType(0), [&]<typename T>() {
    return MakeItemStep("reference/window", size, sizeof(T),
                        [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                          for (std::int64_t n = begin; n < end; ++n) {
                            const double angle =
                                2 * std::numbers::pi * static_cast<double>(n) / period;
                            const double w = sum.weights[0] + sum.weights[1] * std::cos(angle) +
                                             sum.weights[2] * std::cos(2 * angle);
                            static_cast<T*>(args.outputs[0])[n] = static_cast<T>(w);
                          }
                        });
  });
}

// Triangles over the bins of a spectrum, evenly spaced in mel.
struct Mel {
  std::int64_t bands = 0, bins = 0;
  std::vector<std::int64_t>
      edges;  // bins: of band b its low end b, its peak b + 1, its high end b + 2
};

double OneFloat(const NodeContext& context, std::size_t i, const char* what) {
  const std::vector<float> values = context.InputFloats(i, what);
  if (values.size() != 1 || !(values[0] >= 0) || !std::isfinite(values[0])) {
    context.Invalid(std::string(what) + " (input " + std::to_string(i) +
                    ") must be one number, 0 or more");
  }
  return static_cast<double>(values[0]);
}

Mel MelOf(const NodeContext& context) {
  Mel mel;
  mel.bands = OneInt(context, 0, "the number of bands");
  const std::int64_t length = OneInt(context, 1, "the transform's length");
  const auto rate = static_cast<double>(OneInt(context, 2, "the sample rate"));
  const double low = OneFloat(context, 3, "the lowest frequency");
  const double high = OneFloat(context, 4, "the highest frequency");
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  if (mel.bands > kMost || length > kMost) {
    context.Unsupported("more than 2^24 bands or a transform longer than that");
  }
  if (rate < 1 || high < low) context.Invalid("the sample rate is 0 or the frequencies descend");
  mel.bins = length / 2 + 1;
  const auto to_mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const auto to_hertz = [](double m) { return 700 * (std::pow(10, m / 2595) - 1); };
  const double step = (to_mel(high) - to_mel(low)) / static_cast<double>(mel.bands + 2);
  for (std::int64_t b = 0; b < mel.bands + 2; ++b) {
    const double hertz = to_hertz(static_cast<double>(b) * step + to_mel(low));
    const double bin = std::floor(static_cast<double>(length + 1) * hertz / rate);
    if (!(bin < static_cast<double>(mel.bins))) {
      context.Invalid("a band reaches beyond half the sample rate");
    }
    mel.edges.push_back(static_cast<std::int64_t>(std::max(bin, 0.0)));
  }
  return mel;
}

void InferMel(InferContext& context) {
  const Mel mel = MelOf(context);
  context.SetOutput(0, TypeOf(context), {mel.bins, mel.bands});
}

template <typename T>
void FillMel(const Mel& mel, T* y) {
  std::fill_n(y, mel.bins * mel.bands, T{0});
  for (std::int64_t band = 0; band < mel.bands; ++band) {
    const std::int64_t* edge = mel.edges.data() + band;
    const auto set = [&](std::int64_t bin, double value) {
      y[bin * mel.bands + band] = static_cast<T>(value);
    };
    const auto rise = static_cast<double>(edge[1] - edge[0]);
    const auto fall = static_cast<double>(edge[2] - edge[1]);
    if (edge[1] == edge[0]) set(edge[1], 1);
    for (std::int64_t bin = edge[0]; bin <= edge[1] && rise > 0; ++bin) {
      set(bin, static_cast<double>(bin - edge[0]) / rise);
    }
    for (std::int64_t bin = edge[1]; bin < edge[2]; ++bin) {
      set(bin, static_cast<double>(edge[2] - bin) / fall);
    }
  }
}

std::unique_ptr<Step> PlanMel(PlanContext& context) {
  for (std::size_t i = 0; i < 5; ++i) context.DoNotRead(i);
  const Mel mel = MelOf(context);
  return DispatchNumeric(context.OutputType(0), [&]<typename T>() {
    return MakeStep("reference/mel", mel.bands == 0 ? 0 : 1,
                    [mel](const StepArgs& args, std::int64_t, std::int64_t) {
                      FillMel(mel, static_cast<T*>(args.outputs[0]));
                    });
  });
}

constexpr std::string_view kTypes = "float32, float64, integers";

}  // namespace

#define KINGLET_WINDOW(Name)                                         \
  const OpDef& Op##Name() {                                          \
    static const OpDef def{.name = #Name,                            \
                           .since = 17,                              \
                           .attributes = "output_datatype periodic", \
                           .types = kTypes,                          \
                           .check = CheckType,                       \
                           .infer = InferWindow,                     \
                           .plan = PlanWindow};                      \
    return def;                                                      \
  }
KINGLET_WINDOW(BlackmanWindow)
KINGLET_WINDOW(HammingWindow)
KINGLET_WINDOW(HannWindow)
#undef KINGLET_WINDOW

const OpDef& OpMelWeightMatrix() {
  static const OpDef def{.name = "MelWeightMatrix",
                         .since = 17,
                         .min_inputs = 5,
                         .max_inputs = 5,
                         .attributes = "output_datatype",
                         .types = kTypes,
                         .check = CheckType,
                         .infer = InferMel,
                         .plan = PlanMel};
  return def;
}

}  // namespace kinglet
