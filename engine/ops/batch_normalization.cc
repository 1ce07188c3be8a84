// BatchNormalization for inference: y = scale (x - mean) / sqrt(variance + epsilon) + bias for each
// channel (Ioffe and Szegedy 2015, arXiv:1502.03167).
#include <cmath>
#include <memory>
#include <vector>

#include "engine/ops/batch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"
#include "kernels/eltwise/channel.h"

namespace kinglet {
namespace {

void CheckBatchNormalization(const Node& node, std::vector<std::string>& unsupported) {
  std::size_t outputs = 0;
  for (const ValueId id : node.outputs) outputs += id != kNoValue ? 1u : 0u;
  if (outputs > 1) unsupported.push_back("outputs of training (only the first one is)");
  if (node.attributes.Int("training_mode", 0) != 0) unsupported.push_back("training_mode 1");
  if (node.attributes.Int("spatial", 1) == 0) unsupported.push_back("spatial 0");
}

void InferBatchNormalization(InferContext& context) {
  RequireFloat(context, 0);
  RequireEqualTypes(context, 5);
  const Shape& shape = context.InputShape(0);
  if (shape.size() < 2) {
    context.Invalid("input 0 has shape " + ShapeToString(shape) +
                    ", expected rank 2 or more: batch, channels, ...");
  }
  constexpr const char* kNames[] = {"", "scale", "bias", "mean", "variance"};
  for (std::size_t i = 1; i < 5; ++i) {
    if (context.InputShape(i) != Shape{shape[1]}) {
      context.Invalid(std::string(kNames[i]) + " has shape " +
                      ShapeToString(context.InputShape(i)) + ", expected " +
                      std::to_string(shape[1]) + ", one for each channel");
    }
  }
  context.SetOutput(0, context.InputType(0), shape);
}

// The affine function of one channel.
template <typename T>
struct Affine {
  T scale;
  T shift;
};

template <typename T>
Affine<T> ChannelAffine(const void* const* inputs, std::int64_t c, T epsilon) {
  const auto value = [&](std::size_t i) { return static_cast<const T*>(inputs[i])[c]; };
  const T scale = value(1) / std::sqrt(value(4) + epsilon);
  return {scale, value(2) - value(3) * scale};
}

// The functions of all channels, scales and then shifts: made with the plan where all inputs are
// known, else once by each worker, in its scratch.
template <typename T>
class ChannelFunctions {
 public:
  ChannelFunctions(PlanContext& context, T epsilon)
      : channels_(context.OutputShape(0)[1]), epsilon_(epsilon) {
    const void* inputs[5] = {};
    for (std::size_t i = 1; i < 5; ++i) {
      const Tensor* value = context.InputValue(i);
      if (value == nullptr) return;
      inputs[i] = value->raw();
    }
    auto values = std::make_shared<std::vector<T>>(static_cast<std::size_t>(2 * channels_));
    Fill(inputs, values->data());
    known_ = std::move(values);
    for (std::size_t i = 1; i < 5; ++i) context.DoNotRead(i);
  }

  std::size_t scratch_bytes() const {
    return known_ != nullptr ? 0 : static_cast<std::size_t>(2 * channels_) * sizeof(T);
  }
  const T* Get(const StepArgs& args) const {
    if (known_ != nullptr) return known_->data();
    auto* values = reinterpret_cast<T*>(args.scratch);
    if (!args.again) Fill(args.inputs, values);
    return values;
  }

 private:
  void Fill(const void* const* inputs, T* values) const {
    for (std::int64_t c = 0; c < channels_; ++c) {
      const Affine<T> f = ChannelAffine<T>(inputs, c, epsilon_);
      values[c] = f.scale;
      values[channels_ + c] = f.shift;
    }
  }

  std::int64_t channels_;
  T epsilon_;
  std::shared_ptr<const std::vector<T>> known_;
};

// Maps of one element, a row of channels for each image.
template <typename T>
std::unique_ptr<Step> PlanRows(PlanContext& context, T epsilon) {
  const std::int64_t rows = context.OutputShape(0)[0];
  const std::int64_t channels = context.OutputShape(0)[1];
  const ChannelFunctions<T> functions(context, epsilon);
  auto step =
      MakeItemStep(ElementwiseId(context, DataTypeOf<T>::value), channels == 0 ? 0 : rows,
                   2 * channels * static_cast<std::int64_t>(sizeof(T)),
                   [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                     const T* scale = functions.Get(args);
                     const T* shift = scale + channels;
                     for (std::int64_t at = begin * channels; at < end * channels; at += channels) {
                       const T* x = static_cast<const T*>(args.inputs[0]) + at;
                       T* y = static_cast<T*>(args.outputs[0]) + at;
                       for (std::int64_t c = 0; c < channels; ++c)
                         y[c] = x[c] * scale[c] + shift[c];
                     }
                   });
  step->scratch_bytes = functions.scratch_bytes();
  return step;
}

template <typename T>
std::unique_ptr<Step> PlanPlain(PlanContext& context, T epsilon) {
  const Shape& shape = context.OutputShape(0);
  const std::int64_t channels = shape[1];
  const std::int64_t map = ElementCount({shape.begin() + 2, shape.end()});
  if (map == 1) return PlanRows<T>(context, epsilon);
  const PlaneUnits units(shape[0] * channels, map);
  const ChannelFunctions<T> functions(context, epsilon);
  auto step = MakeStep(
      ElementwiseId(context, DataTypeOf<T>::value), units.count(),
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const T* affine = functions.Get(args);
        const auto* x = static_cast<const T*>(args.inputs[0]);
        auto* y = static_cast<T*>(args.outputs[0]);
        units.For(begin, end, [&](std::int64_t plane, std::int64_t first, std::int64_t length) {
          const T scale = affine[plane % channels], shift = affine[channels + plane % channels];
          const std::int64_t at = plane * map + first;
          for (std::int64_t i = at; i < at + length; ++i) y[i] = x[i] * scale + shift;
        });
      });
  step->scratch_bytes = functions.scratch_bytes();
  return step;
}

std::unique_ptr<Step> PlanBlocked(PlanContext& context, float epsilon) {
  context.ReadAs(0, Layout::kBlocked);
  context.WriteAs(0, Layout::kBlocked);
  const BlockedPlanes planes(context.OutputShape(0));
  const auto affine = kernels::GetChannelTable().affine_blocked;
  const PlaneUnits units = planes.Units();
  return MakeStep(
      ElementwiseId(context, DataType::kFloat32), units.count(),
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const auto* x = static_cast<const float*>(args.inputs[0]);
        auto* y = static_cast<float*>(args.outputs[0]);
        units.For(begin, end, [&](std::int64_t plane, std::int64_t first, std::int64_t length) {
          float scale[kernels::kBlock] = {};
          float shift[kernels::kBlock] = {};
          const std::int64_t channel = plane % planes.blocks * kernels::kBlock;
          for (std::int64_t lane = 0; lane < planes.ValidLanes(plane); ++lane) {
            const Affine<float> f = ChannelAffine<float>(args.inputs, channel + lane, epsilon);
            scale[lane] = f.scale;
            shift[lane] = f.shift;
          }
          const std::int64_t at = plane * planes.elements + first;
          affine(x + at, scale, shift, y + at, static_cast<std::size_t>(length / kernels::kBlock),
                 {});
        });
      });
}

std::unique_ptr<Step> PlanBatchNormalization(PlanContext& context) {
  context.AllowInPlace(0, 0);
  const float epsilon = context.attributes().Float("epsilon", 1e-5f);
  if (UsesBlocked(context, 0)) return PlanBlocked(context, epsilon);
  if (context.InputType(0) == DataType::kFloat64) return PlanPlain<double>(context, epsilon);
  return PlanPlain<float>(context, epsilon);
}

}  // namespace

const OpDef& OpBatchNormalization() {
  static const OpDef op{.name = "BatchNormalization",
                        .min_inputs = 5,
                        .max_inputs = 5,
                        .max_outputs = 5,
                        .attributes = "epsilon momentum spatial training_mode",
                        .types = "float32, float64",
                        .check = CheckBatchNormalization,
                        .infer = InferBatchNormalization,
                        .plan = PlanBatchNormalization,
                        .batch_wise = EachImage};
  return op;
}

}  // namespace kinglet
