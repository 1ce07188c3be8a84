// Col2Im: blocks of an image, laid out as columns, added up where they overlap.
#include <algorithm>
#include <array>
#include <type_traits>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/views.h"
#include "kernels/eltwise/rows.h"

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

// One channel of one image. Where blocks are more than one element apart along the last dimension,
// and not too far, the image comes to be in phases: [rows][last stride][elements of a phase], which
// are put together at the end.
template <typename T>
class Channel {
 public:
  explicit Channel(const Blocks& b) : b_(b), last_(b.image.size() - 1) {
    columns_[last_] = elements_[last_] = 1;
    for (std::size_t k = last_; k-- > 0;) {
      columns_[k] = columns_[k + 1] * b.counts[k + 1];
      elements_[k] = elements_[k + 1] * (k == last_ - 1 ? RowElements(b) : b.image[k + 1]);
    }
  }

  static std::int64_t ScratchElements(const Blocks& b) {
    if (Phases(b) == 1) return 0;
    return RowElements(b) * DimsProduct(b.image, 0, b.image.size() - 1);
  }

  // Tap after tap. `y` is the image; `scratch` has ScratchElements.
  void Run(const T* x, T* scratch, T* y) {
    const std::int64_t width = b_.image[last_];
    const std::int64_t rows = DimsProduct(b_.image, 0, last_);
    T* sums = Phases(b_) == 1 ? y : scratch;
    std::fill_n(sums, rows * RowElements(b_), T{0});
    for (std::int64_t tap = 0; tap < b_.taps; ++tap, x += b_.columns) {
      TakeTap(tap);
      AddDim(0, x, sums);
    }
    if constexpr (std::is_same_v<T, float>) {
      if (sums == y) return;
      const std::int64_t phases = Phases(b_), length = RowElements(b_) / phases;
      for (std::int64_t r = 0; r < rows; ++r, sums += RowElements(b_), y += width) {
        table_.interleave(sums, phases, length, width / phases, y);
        for (std::int64_t i = width / phases * phases; i < width; ++i) {
          y[i] = sums[i % phases * length + i / phases];
        }
      }
    }
  }

 private:
  static std::int64_t Phases(const Blocks& b) {
    constexpr std::int64_t kMost = 4;
    const std::int64_t stride = b.strides.back();
    return std::is_same_v<T, float> && stride <= kMost ? stride : 1;
  }
  static std::int64_t RowElements(const Blocks& b) {
    return CeilDiv(b.image.back(), Phases(b)) * Phases(b);
  }

  void TakeTap(std::int64_t tap) {
    for (std::size_t k = last_ + 1; k-- > 0; tap /= b_.kernel[k]) {
      const std::int64_t shift = tap % b_.kernel[k] * b_.dilations[k] - b_.pads_begin[k];
      const std::int64_t step = b_.strides[k];
      begin_[k] = CeilDiv(std::max<std::int64_t>(-shift, 0), step);
      end_[k] =
          std::min(CeilDiv(std::max<std::int64_t>(b_.image[k] - shift, 0), step), b_.counts[k]);
      first_[k] = begin_[k] * step + shift;
    }
  }

  // The columns of the tap along dimensions [k, ...) whose element lies inside.
  void AddDim(std::size_t k, const T* x, T* y) const {
    if (k == last_) return AddRows(x, 0, 1, y, 0);
    const std::int64_t count = end_[k] - begin_[k], step = b_.strides[k] * elements_[k];
    if (count <= 0) return;
    x += begin_[k] * columns_[k];
    y += first_[k] * elements_[k];
    if (k + 1 == last_) return AddRows(x, columns_[k], count, y, step);
    for (std::int64_t i = 0; i < count; ++i) AddDim(k + 1, x + i * columns_[k], y + i * step);
  }

  // The same of `rows` rows along the last dimension.
  void AddRows(const T* x, std::int64_t x_stride, std::int64_t rows, T* y,
               std::int64_t y_stride) const {
    const std::int64_t count = end_[last_] - begin_[last_];
    if (count <= 0) return;
    const std::int64_t phases = Phases(b_), first = first_[last_];
    const std::int64_t step = b_.strides[last_] / phases;
    x += begin_[last_];
    y += first % phases * (RowElements(b_) / phases) + first / phases;
    if constexpr (std::is_same_v<T, float>) {
      if (step == 1) return table_.add(x, x_stride, rows, count, y, y_stride);
    }
    for (std::int64_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
      for (std::int64_t i = 0; i < count; ++i) y[i * step] = Sum(y[i * step], x[i]);
    }
  }

  const Blocks& b_;
  const std::size_t last_;
  const kernels::RowsTable& table_ = kernels::GetRowsTable();
  // Columns, and elements of the sums, that one step along a dimension passes.
  std::array<std::int64_t, kMaxRank> columns_{}, elements_{};
  // Of the tap: which positions of the block have its element inside, and where that of the first
  // of them lies.
  std::array<std::int64_t, kMaxRank> begin_{}, end_{}, first_{};
};

// Items are the channels of all images.
template <typename T>
std::unique_ptr<Step> MakeCol2Im(const Blocks& b, std::int64_t elements) {
  const std::int64_t bytes = b.taps * b.columns * static_cast<std::int64_t>(sizeof(T));
  auto step =
      MakeItemStep("reference/col2im", b.images * b.channels, bytes,
                   [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                     Channel<T> channel(b);
                     for (std::int64_t k = begin; k < end; ++k) {
                       channel.Run(static_cast<const T*>(args.inputs[0]) + k * b.taps * b.columns,
                                   reinterpret_cast<T*>(args.scratch),
                                   static_cast<T*>(args.outputs[0]) + k * elements);
                     }
                   });
  step->scratch_bytes = static_cast<std::size_t>(Channel<T>::ScratchElements(b)) * sizeof(T);
  return step;
}

// Blocks side by side that fill the image: every element has one term.
bool IsCopy(const Blocks& b) {
  if (1 + 2 * static_cast<int>(b.image.size()) > kernels::kMaxCopyRank) return false;
  for (std::size_t k = 0; k < b.image.size(); ++k) {
    if (b.pads_begin[k] != 0 || b.strides[k] != b.kernel[k]) return false;
    if (b.kernel[k] > 1 && b.dilations[k] != 1) return false;
    if (b.counts[k] * b.kernel[k] != b.image[k]) return false;
  }
  return true;
}

// Such blocks as DepthToSpace would move them.
std::unique_ptr<Step> MakeBlockCopy(const Blocks& b, std::size_t element_bytes) {
  const auto rank = static_cast<int>(b.image.size());
  kernels::StridedView view{.rank = 1 + 2 * rank};
  view.dims[0] = b.images * b.channels;
  view.src_strides[0] = b.taps * b.columns;
  view.dst_strides[0] = ElementCount(b.image);
  std::int64_t tap = b.columns, column = 1, element = 1;
  for (int k = rank; k-- > 0;) {
    const auto axis = static_cast<std::size_t>(k);
    const int block = 1 + 2 * k, within = block + 1;
    view.dims[block] = b.counts[axis];
    view.src_strides[block] = column;
    view.dst_strides[block] = element * b.kernel[axis];
    view.dims[within] = b.kernel[axis];
    view.src_strides[within] = tap;
    view.dst_strides[within] = element;
    column *= b.counts[axis];
    tap *= b.kernel[axis];
    element *= b.image[axis];
  }
  std::vector<CopyPart> parts(1);
  parts[0].copy = kernels::StridedCopy(view, element_bytes);
  return MakeCopyStep("layout/col2im", std::move(parts));
}

std::unique_ptr<Step> PlanCol2Im(PlanContext& context) {
  context.DoNotRead(1);
  context.DoNotRead(2);
  const Blocks b = BlocksOf(context);
  if (IsCopy(b)) return MakeBlockCopy(b, DataTypeSize(context.InputType(0)));
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
