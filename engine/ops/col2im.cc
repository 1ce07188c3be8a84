// Col2Im: blocks of an image, laid out as columns, added up where they overlap.
#include <algorithm>
#include <array>
#include <type_traits>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/views.h"
#include "kernels/eltwise/binary.h"

namespace kinglet {
namespace {

// Input {N, C * taps, columns}, output {N, C, image sizes...}; one entry for each image dimension.
struct Blocks {
  std::vector<std::int64_t> image, kernel, strides, dilations, pads_begin;
  std::vector<std::int64_t> counts;  // of positions of the block
  std::int64_t images = 0, channels = 0, taps = 1, columns = 1;
};

std::vector<std::int64_t> AttributeOr(const NodeContext& context, const char* name,
                                      std::size_t count, std::int64_t fallback) {
  std::vector<std::int64_t> values = context.attributes().Ints(name);
  if (values.empty()) values.assign(count, fallback);
  if (values.size() != count) {
    context.Invalid(std::string(name) + " has " + std::to_string(values.size()) +
                    " values, expected " + std::to_string(count));
  }
  return values;
}

void CheckPositive(const NodeContext& context, const char* what,
                   const std::vector<std::int64_t>& values) {
  constexpr std::int64_t kLimit = std::int64_t{1}
                                  << 31;  // so that sums and products do not overflow
  for (const std::int64_t value : values) {
    if (value < 1 || value >= kLimit) {
      context.Invalid(std::string(what) + " holds " + std::to_string(value) +
                      ", expected 1 to 2^31 - 1");
    }
  }
}

Blocks BlocksOf(const NodeContext& context) {
  Blocks b;
  b.image = context.InputInts(1, "the image's shape");
  b.kernel = context.InputInts(2, "the block's shape");
  const std::size_t rank = b.image.size();
  if (rank < 1 || rank > kMaxRank - 2 || b.kernel.size() != rank) {
    context.Invalid("an image of " + std::to_string(rank) + " dimensions and blocks of " +
                    std::to_string(b.kernel.size()) + ", expected the same number, 1 to " +
                    std::to_string(kMaxRank - 2));
  }
  b.strides = AttributeOr(context, "strides", rank, 1);
  b.dilations = AttributeOr(context, "dilations", rank, 1);
  const std::vector<std::int64_t> pads = AttributeOr(context, "pads", 2 * rank, 0);
  CheckPositive(context, "the image's shape", b.image);
  CheckPositive(context, "the block's shape", b.kernel);
  CheckPositive(context, "strides", b.strides);
  CheckPositive(context, "dilations", b.dilations);
  b.pads_begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(rank));
  for (const std::int64_t pad : pads) {
    if (pad < 0 || pad >= std::int64_t{1} << 31) {
      context.Invalid("pads hold " + std::to_string(pad) + ", expected 0 to 2^31 - 1");
    }
  }
  for (std::size_t k = 0; k < rank; ++k) {
    const std::int64_t room = b.image[k] + pads[k] + pads[rank + k] -
                              AddSizes(context, (b.kernel[k] - 1) * b.dilations[k], 1);
    if (room < 0)
      context.Invalid("the block does not fit the padded image in dimension " + std::to_string(k));
    b.counts.push_back(room / b.strides[k] + 1);
    b.taps = MultiplySizes(context, b.taps, b.kernel[k]);
    b.columns = MultiplySizes(context, b.columns, b.counts[k]);
  }
  const Shape& x = context.InputShape(0);
  if (x.size() != 3 || x[1] % b.taps != 0 || x[2] != b.columns) {
    context.Invalid("input 0 has shape " + ShapeToString(x) +
                    ", expected the batch, a multiple of " + std::to_string(b.taps) + " and " +
                    std::to_string(b.columns));
  }
  b.images = x[0];
  b.channels = x[1] / b.taps;
  return b;
}

void InferCol2Im(InferContext& context) {
  DispatchNumeric(context.InputType(0), []<typename T>() {});
  const Blocks b = BlocksOf(context);
  Shape output{b.images, b.channels};
  output.insert(output.end(), b.image.begin(), b.image.end());
  context.SetOutput(0, context.InputType(0), std::move(output));
}

template <typename T>
T Sum(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  } else {
    return a + b;
  }
}

// to[i * step] += x[i], i < count.
template <typename T>
void AddRun(const kernels::BinaryFns& add, const T* x, std::int64_t count, std::int64_t step,
            T* to) {
  if constexpr (std::is_same_v<T, float>) {
    if (step == 1) return add.arrays(to, x, to, static_cast<std::size_t>(count));
  }
  for (std::int64_t i = 0; i < count; ++i, to += step) *to = Sum(*to, x[i]);
}

// One channel of one image.
template <typename T>
class Channel {
 public:
  explicit Channel(const Blocks& b) : b_(b), last_(b.image.size() - 1) {
    columns_[last_] = elements_[last_] = 1;
    for (std::size_t k = last_; k-- > 0;) {
      columns_[k] = columns_[k + 1] * b.counts[k + 1];
      elements_[k] = elements_[k + 1] * b.image[k + 1];
    }
  }

  // Tap after tap.
  void Add(const T* x, T* y) {
    for (std::int64_t tap = 0; tap < b_.taps; ++tap, x += b_.columns) {
      std::int64_t rest = tap;
      for (std::size_t k = last_ + 1; k-- > 0; rest /= b_.kernel[k]) {
        const std::int64_t shift = rest % b_.kernel[k] * b_.dilations[k] - b_.pads_begin[k];
        const std::int64_t step = b_.strides[k];
        shift_[k] = shift;
        begin_[k] = CeilDiv(std::max<std::int64_t>(-shift, 0), step);
        end_[k] =
            std::min(CeilDiv(std::max<std::int64_t>(b_.image[k] - shift, 0), step), b_.counts[k]);
      }
      AddDim(0, x, y);
    }
  }

 private:
  // The columns of the tap along dimensions [k, ...) whose element lies inside.
  void AddDim(std::size_t k, const T* x, T* y) const {
    const std::int64_t begin = begin_[k], end = end_[k], step = b_.strides[k];
    if (begin >= end) return;
    if (k == last_) return AddRun(add_, x + begin, end - begin, step, y + begin * step + shift_[k]);
    for (std::int64_t i = begin; i < end; ++i) {
      AddDim(k + 1, x + i * columns_[k], y + (i * step + shift_[k]) * elements_[k]);
    }
  }

  const Blocks& b_;
  const std::size_t last_;
  const kernels::BinaryFns& add_ = kernels::GetBinary(kernels::BinaryOp::kAdd);
  // Columns, and elements of the image, that one step along a dimension passes.
  std::array<std::int64_t, kMaxRank> columns_{}, elements_{};
  // Of the tap: where its elements lie, and which positions of the block have them inside.
  std::array<std::int64_t, kMaxRank> shift_{}, begin_{}, end_{};
};

// Items are the channels of all images.
template <typename T>
std::unique_ptr<Step> MakeCol2Im(const Blocks& b, std::int64_t elements) {
  const std::int64_t bytes = b.taps * b.columns * static_cast<std::int64_t>(sizeof(T));
  return MakeItemStep("reference/col2im", b.images * b.channels, bytes,
                      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        Channel<T> channel(b);
                        for (std::int64_t k = begin; k < end; ++k) {
                          T* y = static_cast<T*>(args.outputs[0]) + k * elements;
                          std::fill_n(y, elements, T{0});
                          channel.Add(
                              static_cast<const T*>(args.inputs[0]) + k * b.taps * b.columns, y);
                        }
                      });
}

std::unique_ptr<Step> PlanCol2Im(PlanContext& context) {
  context.DoNotRead(1);
  context.DoNotRead(2);
  const Blocks b = BlocksOf(context);
  const std::int64_t elements = ElementCount(b.image);
  auto step = DispatchNumeric(context.InputType(0),
                              [&]<typename T>() { return MakeCol2Im<T>(b, elements); });
  return WithLoops(std::move(step), context, ElementsOf(context.InputShape(0)));
}

}  // namespace

const OpDef& OpCol2Im() {
  static const OpDef def{.name = "Col2Im",
                         .since = 18,
                         .min_inputs = 3,
                         .max_inputs = 3,
                         .attributes = "dilations pads strides",
                         .types = "float32, float64, integers",
                         .infer = InferCol2Im,
                         .plan = PlanCol2Im,
                         .batch_wise = EachImage};
  return def;
}

}  // namespace kinglet
