// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss: how far scores are from labels.
#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <optional>

#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/indices.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

enum class Reduction { kNone, kSum, kMean };

// Scores {images, classes, places} and a label of each place.
struct Losses {
  std::int64_t images = 0, classes = 0, places = 1;
  Reduction reduction = Reduction::kMean;
  std::optional<std::int64_t> ignored;
  bool weighted = false;
  Shape labels;
};

Losses LossesOf(const NodeContext& context) {
  const Shape& x = context.InputShape(0);
  if (x.size() < 2) {
    context.Invalid("input 0 has shape " + ShapeToString(x) + ", expected batch, classes and more");
  }
  Losses l;
  l.images = x[0];
  l.classes = x[1];
  l.places = DimsProduct(x, 2, x.size());
  l.labels = x;
  l.labels.erase(l.labels.begin() + 1);
  l.weighted = context.HasInput(2);
  if (context.InputShape(1) != l.labels) {
    context.Invalid("the labels (input 1) have shape " + ShapeToString(context.InputShape(1)) +
                    ", expected " + ShapeToString(l.labels));
  }
  if (l.weighted && context.InputShape(2) != Shape{l.classes}) {
    context.Invalid("the weights (input 2) have shape " + ShapeToString(context.InputShape(2)) +
                    ", expected " + std::to_string(l.classes));
  }
  const std::string reduction = context.attributes().String("reduction", "mean");
  if (reduction != "none" && reduction != "sum" && reduction != "mean") {
    context.Invalid("reduction '" + reduction + "', expected none, sum or mean");
  }
  if (reduction != "mean") {
    l.reduction = reduction == "sum" ? Reduction::kSum : Reduction::kNone;
  }
  if (context.attributes().Has("ignore_index")) {
    l.ignored = context.attributes().Int("ignore_index", 0);
  }
  return l;
}

void InferLoss(InferContext& context) {
  RequireFloat(context, 0);
  CheckIndexType(context, 1);
  if (context.HasInput(2)) CheckSameType(context, 0, 2);
  const Losses l = LossesOf(context);
  const DataType type = context.InputType(0);
  context.SetOutput(0, type, l.reduction == Reduction::kNone ? l.labels : Shape{});
  if (context.HasOutput(1)) context.SetOutput(1, type, context.InputShape(0));
}

// Logarithms of the softmax of one place, whose classes lie `places` apart.
template <typename T>
struct LogSoftmax {
  LogSoftmax(const T* x, const Losses& l) {
    T largest = x[0];
    for (std::int64_t c = 1; c < l.classes; ++c) largest = std::max(largest, x[c * l.places]);
    double sum = 0;
    for (std::int64_t c = 0; c < l.classes; ++c) {
      sum += std::exp(static_cast<double>(x[c * l.places]) - static_cast<double>(largest));
    }
    shift = static_cast<double>(largest) + std::log(sum);
  }
  double shift;  // that is subtracted from each score
};

// One unit: sums go over all places.
template <typename T, typename Index>
std::unique_ptr<Step> MakeLoss(const PlanContext& context, const Losses& l) {
  const bool softmax = context.node().op == "SoftmaxCrossEntropyLoss";
  const bool has_log = context.HasOutput(1), has_loss = context.HasOutput(0);
  return MakeStep("reference/loss", 1, [=](const StepArgs& args, std::int64_t, std::int64_t) {
    const T* scores = static_cast<const T*>(args.inputs[0]);
    const auto* labels = static_cast<const Index*>(args.inputs[1]);
    const T* weights = l.weighted ? static_cast<const T*>(args.inputs[2]) : nullptr;
    double sum = 0, total = 0;
    for (std::int64_t i = 0; i < l.images * l.places; ++i) {
      const std::int64_t at = i / l.places * l.classes * l.places + i % l.places;
      const T* x = scores + at;
      const double shift = softmax && l.classes > 0 ? LogSoftmax<T>(x, l).shift : 0.0;
      for (std::int64_t c = 0; has_log && c < l.classes; ++c) {
        static_cast<T*>(args.outputs[1])[at + c * l.places] =
            static_cast<T>(static_cast<double>(x[c * l.places]) - shift);
      }
      const auto label = static_cast<std::int64_t>(labels[i]);
      double loss = 0;
      if (label != l.ignored) {
        if (label < 0 || label >= l.classes) {
          args.status->Fail("label %" PRId64 " of %" PRId64 " classes", label, l.classes);
          return;
        }
        const double weight = weights == nullptr ? 1.0 : static_cast<double>(weights[label]);
        loss = (shift - static_cast<double>(x[label * l.places])) * weight;
        sum += loss;
        total += weight;
      }
      if (has_loss && l.reduction == Reduction::kNone) {
        static_cast<T*>(args.outputs[0])[i] = static_cast<T>(loss);
      }
    }
    if (has_loss && l.reduction != Reduction::kNone) {
      *static_cast<T*>(args.outputs[0]) =
          static_cast<T>(l.reduction == Reduction::kMean ? sum / total : sum);
    }
  });
}

std::unique_ptr<Step> PlanLoss(PlanContext& context) {
  const Losses l = LossesOf(context);
  return DispatchFloat(context.InputType(0), [&]<typename T>() {
    return DispatchIndex(context.InputType(1),
                         [&]<typename Index>() { return MakeLoss<T, Index>(context, l); });
  });
}

}  // namespace

const OpDef& OpNegativeLogLikelihoodLoss() {
  static const OpDef def{.name = "NegativeLogLikelihoodLoss",
                         .since = 12,
                         .min_inputs = 2,
                         .max_inputs = 3,
                         .attributes = "ignore_index reduction",
                         .types = "float32, float64",
                         .infer = InferLoss,
                         .plan = PlanLoss};
  return def;
}

const OpDef& OpSoftmaxCrossEntropyLoss() {
  static const OpDef def{.name = "SoftmaxCrossEntropyLoss",
                         .since = 12,
                         .min_inputs = 2,
                         .max_inputs = 3,
                         .max_outputs = 2,
                         .attributes = "ignore_index reduction",
                         .types = "float32, float64",
                         .infer = InferLoss,
                         .plan = PlanLoss};
  return def;
}

}  // namespace kinglet
