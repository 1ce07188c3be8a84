// LRN (Krizhevsky et al. 2012) and LpNormalization.
#include <algorithm>
#include <cmath>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

struct Lrn {
  std::int64_t channels = 0;
  std::int64_t map = 0;
  std::int64_t before = 0;  // channels of the window before and after the own one
  std::int64_t after = 0;
  double factor = 0;  // alpha / size
  double beta = 0;
  double bias = 0;
};

void InferLrn(InferContext& context) {
  RequireFloat(context, 0);
  if (context.InputShape(0).size() < 2) {
    context.Invalid("input 0 has shape " + ShapeToString(context.InputShape(0)) +
                    ", expected batch, channels, ...");
  }
  if (context.attributes().Int("size", 0) < 1) {
    context.Invalid("size is " + std::to_string(context.attributes().Int("size", 0)) +
                    ", expected 1 or more");
  }
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
}

// x^-beta; the exponent of every published network needs two square roots only.
template <typename T>
T NegativePower(T x, T beta) {
  if (beta != T{0.75}) return std::pow(x, -beta);
  const T root = std::sqrt(x);
  return T{1} / (root * std::sqrt(root));
}

// Pixels [first, first + length) of one channel of an image.
template <typename T>
void LrnRun(const Lrn& p, const T* image, T* y, std::int64_t c, std::int64_t first,
            std::int64_t length) {
  constexpr std::int64_t kPixels = 256;
  T sums[kPixels];
  const std::int64_t low = std::max<std::int64_t>(0, c - p.before);
  const std::int64_t high = std::min(p.channels - 1, c + p.after);
  for (std::int64_t at = first; at < first + length; at += kPixels) {
    const std::int64_t n = std::min(kPixels, first + length - at);
    std::fill_n(sums, n, T{0});
    for (std::int64_t k = low; k <= high; ++k) {
      const T* x = image + k * p.map + at;
      for (std::int64_t i = 0; i < n; ++i) sums[i] += x[i] * x[i];
    }
    const T* x = image + c * p.map + at;
    T* to = y + c * p.map + at;
    for (std::int64_t i = 0; i < n; ++i) {
      const T base = static_cast<T>(p.bias) + static_cast<T>(p.factor) * sums[i];
      to[i] = x[i] * NegativePower(base, static_cast<T>(p.beta));
    }
  }
}

std::unique_ptr<Step> PlanLrn(PlanContext& context) {
  const Shape& shape = context.InputShape(0);
  const Attributes& attributes = context.attributes();
  const std::int64_t size = attributes.Int("size", 1);
  Lrn p;
  p.channels = shape[1];
  p.map = ElementCount({shape.begin() + 2, shape.end()});
  // More than all channels is all channels.
  p.before = std::min((size - 1) / 2, p.channels);
  p.after = std::min(size - 1 - (size - 1) / 2, p.channels);
  p.factor = static_cast<double>(attributes.Float("alpha", 1e-4f)) / static_cast<double>(size);
  p.beta = attributes.Float("beta", 0.75f);
  p.bias = attributes.Float("bias", 1.0f);
  const PlaneUnits units(shape[0] * p.channels, p.map);
  const double operations = static_cast<double>(p.before + p.after) + (p.beta == 0.75 ? 6.0 : 25.0);
  auto step = DispatchFloat(context.InputType(0), [&]<typename T>() {
    return MakeStep(
        ElementwiseId(context, DataTypeOf<T>::value), units.count(),
        [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
          units.For(begin, end, [&](std::int64_t plane, std::int64_t first, std::int64_t length) {
            const std::int64_t image = plane / p.channels * p.channels * p.map;
            LrnRun(p, static_cast<const T*>(args.inputs[0]) + image,
                   static_cast<T*>(args.outputs[0]) + image, plane % p.channels, first, length);
          });
        });
  });
  return WithLoops(std::move(step), context, operations * OutputElements(context));
}

void InferLpNormalization(InferContext& context) {
  RequireFloat(context, 0);
  const std::int64_t p = context.attributes().Int("p", 2);
  if (p != 1 && p != 2) context.Invalid("p is " + std::to_string(p) + ", expected 1 or 2");
  context.Axis(context.attributes().Int("axis", -1), context.InputShape(0).size());
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
}

// 1 / norm; zeros have no direction and stay zero.
double InverseNorm(double sum, bool squares) {
  const double norm = squares ? std::sqrt(sum) : sum;
  return norm == 0 ? 0 : 1 / norm;
}

// A row whose elements are neighbours.
template <typename T>
void NormalizeRow(const T* x, std::int64_t length, bool squares, T* y) {
  constexpr std::int64_t kLanes = 8;  // several sums are free of dependencies
  double sums[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= length; i += kLanes) {
    for (std::int64_t j = 0; j < kLanes; ++j) {
      const auto v = static_cast<double>(x[i + j]);
      sums[j] += squares ? v * v : std::abs(v);
    }
  }
  for (; i < length; ++i) {
    const auto v = static_cast<double>(x[i]);
    sums[0] += squares ? v * v : std::abs(v);
  }
  double sum = 0;
  for (const double each : sums) sum += each;
  const double factor = InverseNorm(sum, squares);
  for (std::int64_t k = 0; k < length; ++k) {
    y[k] = static_cast<T>(static_cast<double>(x[k]) * factor);
  }
}

constexpr std::int64_t kPiece = 256;  // neighbours of the inner dimension that go together

// `count` <= kPiece rows side by side, whose elements are `inner` apart.
template <typename T>
void NormalizeColumns(const T* x, std::int64_t length, std::int64_t inner, std::int64_t count,
                      bool squares, T* y) {
  double sums[kPiece];
  std::fill_n(sums, count, 0.0);
  for (std::int64_t k = 0; k < length; ++k) {
    for (std::int64_t j = 0; j < count; ++j) {
      const auto v = static_cast<double>(x[k * inner + j]);
      sums[j] += squares ? v * v : std::abs(v);
    }
  }
  for (std::int64_t j = 0; j < count; ++j) sums[j] = InverseNorm(sums[j], squares);
  for (std::int64_t k = 0; k < length; ++k) {
    for (std::int64_t j = 0; j < count; ++j) {
      y[k * inner + j] = static_cast<T>(static_cast<double>(x[k * inner + j]) * sums[j]);
    }
  }
}

std::unique_ptr<Step> PlanLpNormalization(PlanContext& context) {
  const Shape& shape = context.InputShape(0);
  const std::size_t axis = context.Axis(context.attributes().Int("axis", -1), shape.size());
  const auto cut = shape.begin() + static_cast<std::ptrdiff_t>(axis);
  const std::int64_t inner = ElementCount({cut + 1, shape.end()});
  const std::int64_t pieces = CeilDiv(inner, kPiece);
  const std::int64_t items = ElementCount({shape.begin(), cut}) * pieces;
  const std::int64_t length = shape[axis];
  const bool squares = context.attributes().Int("p", 2) == 2;
  context.AllowInPlace(0, 0);
  auto step = DispatchFloat(context.InputType(0), [&]<typename T>() {
    return MakeItemStep("normalize/lp", length == 0 ? 0 : items,
                        std::min(inner, kPiece) * length * static_cast<std::int64_t>(sizeof(T)),
                        [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                          for (std::int64_t k = begin; k < end; ++k) {
                            const std::int64_t first = k % pieces * kPiece;
                            const std::int64_t at = k / pieces * length * inner + first;
                            const auto* x = static_cast<const T*>(args.inputs[0]) + at;
                            auto* y = static_cast<T*>(args.outputs[0]) + at;
                            if (inner == 1) {
                              NormalizeRow(x, length, squares, y);
                            } else {
                              NormalizeColumns(x, length, inner, std::min(kPiece, inner - first),
                                               squares, y);
                            }
                          }
                        });
  });
  return WithLoops(std::move(step), context, 1.5 * OutputElements(context));
}

}  // namespace

const OpDef& OpLRN() {
  static const OpDef op{.name = "LRN",
                        .attributes = "alpha beta bias size",
                        .types = "float32, float64",
                        .infer = InferLrn,
                        .plan = PlanLrn,
                        .batch_wise = EachImage};
  return op;
}

const OpDef& OpLpNormalization() {
  static const OpDef op{.name = "LpNormalization",
                        .attributes = "axis p",
                        .types = "float32, float64",
                        .infer = InferLpNormalization,
                        .plan = PlanLpNormalization,
                        .batch_wise = OffBatchAxis<-1>};
  return op;
}

}  // namespace kinglet
