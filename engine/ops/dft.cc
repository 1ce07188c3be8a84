// DFT and STFT: discrete Fourier transforms along an axis, and of frames of signals. Complex
// numbers are pairs along the last dimension, which is 1 where they are real.
#include <algorithm>
#include <cmath>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/views.h"
#include "kernels/fft/fft.h"

namespace kinglet {
namespace {

using kernels::Complex;
using kernels::Fft;

constexpr std::int64_t kMaxLength = std::int64_t{1} << 22;  // the tables of one are 200 MB

std::int64_t OneNumber(const NodeContext& context, std::size_t i, const char* what) {
  const std::vector<std::int64_t> values = context.InputInts(i, what);
  if (values.size() != 1) {
    context.Invalid(std::string(what) + " (input " + std::to_string(i) +
                    ") must be one number, found " + std::to_string(values.size()));
  }
  return values[0];
}

void CheckLength(const NodeContext& context, std::int64_t length) {
  if (length < 1) {
    context.Invalid("a transform of length " + std::to_string(length) + ", expected 1 or more");
  }
  if (length > kMaxLength) {
    context.Unsupported("a transform of length " + std::to_string(length) + ", at most " +
                        std::to_string(kMaxLength));
  }
}

// Signals of `parts` numbers to an element, 1 or 2.
void CheckParts(const NodeContext& context, std::int64_t parts) {
  if (parts == 1 || parts == 2) return;
  context.Invalid("input 0 has shape " + ShapeToString(context.InputShape(0)) +
                  ", expected 1 or 2 as its last size");
}

// Lines along `axis`, `inner` elements apart.
struct Lines {
  std::size_t axis = 0;
  std::int64_t outer = 1, inner = 1;
  std::int64_t size = 0, parts = 1;          // of the input
  std::int64_t length = 0;                   // of the transform
  std::int64_t out_size = 0, out_parts = 2;  // of the output
  bool inverse = false, onesided = false;
};

// An attribute until version 20, an input since.
std::size_t AxisOf(const NodeContext& context, std::size_t rank) {
  std::int64_t axis = context.opset() < 20 ? context.attributes().Int("axis", 1) : -2;
  if (context.opset() >= 20 && context.HasInput(2)) axis = OneNumber(context, 2, "the axis");
  const std::size_t found = context.Axis(axis, rank);
  if (found + 1 == rank)
    context.Invalid("the axis is the last one, that of real and imaginary part");
  return found;
}

Lines LinesOf(const NodeContext& context) {
  const Shape& shape = context.InputShape(0);
  if (shape.size() < 2) {
    context.Invalid("input 0 has shape " + ShapeToString(shape) + ", expected rank 2 or more");
  }
  Lines l;
  l.axis = AxisOf(context, shape.size());
  l.outer = DimsProduct(shape, 0, l.axis);
  l.inner = DimsProduct(shape, l.axis + 1, shape.size() - 1);
  l.size = shape[l.axis];
  l.parts = shape.back();
  CheckParts(context, l.parts);
  l.inverse = context.attributes().Int("inverse", 0) != 0;
  l.onesided = context.attributes().Int("onesided", 0) != 0;
  const bool to_real = l.inverse && l.onesided;
  l.length = to_real ? 2 * (l.size - 1) : l.size;
  if (context.HasInput(1)) l.length = OneNumber(context, 1, "the length");
  CheckLength(context, l.length);
  l.out_size = l.onesided && !l.inverse ? l.length / 2 + 1 : l.length;
  l.out_parts = to_real ? 1 : 2;
  return l;
}

void InferDft(InferContext& context) {
  RequireFloat(context, 0);
  const Lines l = LinesOf(context);
  Shape output = context.InputShape(0);
  output[l.axis] = l.out_size;
  output.back() = l.out_parts;
  context.SetOutput(0, context.InputType(0), std::move(output));
}

template <typename T>
Complex Read(const T* x, std::int64_t parts) {
  return {static_cast<double>(x[0]), parts == 2 ? static_cast<double>(x[1]) : 0.0};
}

// One line of the input as the transform wants it: cut or filled up with zeros, and what a
// one-sided spectrum leaves out made of its mirror image.
template <typename T>
void Load(const Lines& l, const T* x, Complex* work) {
  const bool mirrored = l.inverse && l.onesided;
  const std::int64_t wanted = mirrored ? l.length / 2 + 1 : l.length;
  const std::int64_t given = std::min(wanted, l.size);
  for (std::int64_t k = 0; k < given; ++k) work[k] = Read(x + k * l.inner * l.parts, l.parts);
  for (std::int64_t k = given; k < l.length; ++k) work[k] = {};
  if (!mirrored) return;
  work[0].im = 0;
  for (std::int64_t k = 1; k < wanted; ++k) work[l.length - k] = {work[k].re, -work[k].im};
  if (l.length % 2 == 0) work[l.length / 2].im = 0;
}

template <typename T>
void Store(const Complex* work, std::int64_t count, std::int64_t parts, std::int64_t step, T* y) {
  for (std::int64_t k = 0; k < count; ++k, y += step) {
    y[0] = static_cast<T>(work[k].re);
    if (parts == 2) y[1] = static_cast<T>(work[k].im);
  }
}

std::int64_t LineBytes(const Fft& fft) {
  return fft.work_length() * static_cast<std::int64_t>(sizeof(Complex));
}

// Of one transform, as plain loops count them; two longer ones where the length is no power of two.
double LineOperations(std::int64_t length) {
  const auto n = static_cast<double>(length);
  const double rounds = std::ceil(std::log2(n + 1));
  const bool power = (length & (length - 1)) == 0;
  return power ? 3 * n * rounds + 4 * n : 6 * std::exp2(rounds + 1) * (rounds + 2);
}

// Items are lines.
template <typename T>
std::unique_ptr<Step> MakeDft(const Lines& l) {
  Fft fft(l.length);
  const std::int64_t bytes = LineBytes(fft);
  auto step = MakeItemStep(
      "reference/dft", l.outer * l.inner, bytes,
      [l, fft = std::move(fft)](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        auto* work = reinterpret_cast<Complex*>(args.scratch);
        for (std::int64_t line = begin; line < end; ++line) {
          const std::int64_t outer = line / l.inner, at = line % l.inner;
          Load(l, static_cast<const T*>(args.inputs[0]) + (outer * l.size * l.inner + at) * l.parts,
               work);
          fft.Run(work, l.inverse);
          Store(
              work, l.out_size, l.out_parts, l.inner * l.out_parts,
              static_cast<T*>(args.outputs[0]) + (outer * l.out_size * l.inner + at) * l.out_parts);
        }
      });
  step->scratch_bytes = static_cast<std::size_t>(bytes);
  return step;
}

std::unique_ptr<Step> PlanDft(PlanContext& context) {
  for (std::size_t i = 1; i < context.input_count(); ++i) {
    if (context.HasInput(i)) context.DoNotRead(i);
  }
  const Lines l = LinesOf(context);
  auto step = DispatchFloat(context.InputType(0), [&]<typename T>() { return MakeDft<T>(l); });
  return WithLoops(std::move(step), context,
                   static_cast<double>(l.outer * l.inner) * LineOperations(l.length));
}

bool DftBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  return EachImage(context, inputs) && LinesOf(context).axis != 0;
}

// Signals {batch, size, parts}, of which frames of `length` that begin `step` apart are
// transformed.
struct Frames {
  std::int64_t batch = 0, size = 0, parts = 1;
  std::int64_t step = 1, length = 0, count = 0;
  std::int64_t bins = 0;
  bool windowed = false;
};

Frames FramesOf(const NodeContext& context) {
  const Shape& shape = context.InputShape(0);
  if (shape.size() != 3 && shape.size() != 2) {
    context.Invalid("input 0 has shape " + ShapeToString(shape) +
                    ", expected the batch, the signal's length, and 1 or 2");
  }
  Frames f;
  f.batch = shape[0];
  f.size = shape[1];
  f.parts = shape.size() == 3 ? shape[2] : 1;
  CheckParts(context, f.parts);
  f.step = OneNumber(context, 1, "the step of frames");
  f.windowed = context.HasInput(2);
  if (f.windowed && context.InputShape(2).size() != 1) {
    context.Invalid("the window (input 2) has shape " + ShapeToString(context.InputShape(2)) +
                    ", expected a list");
  }
  if (!f.windowed && !context.HasInput(3)) {
    context.Invalid("neither a window (input 2) nor the length of frames (input 3) is there");
  }
  f.length = context.HasInput(3) ? OneNumber(context, 3, "the length of frames")
                                 : context.InputShape(2)[0];
  CheckLength(context, f.length);
  if (f.windowed && context.InputShape(2)[0] != f.length) {
    context.Invalid("a window of " + std::to_string(context.InputShape(2)[0]) + " for frames of " +
                    std::to_string(f.length));
  }
  if (f.step < 1) {
    context.Invalid("the step of frames is " + std::to_string(f.step) + ", expected 1 or more");
  }
  f.count = f.size < f.length ? 0 : (f.size - f.length) / f.step + 1;
  f.bins = context.attributes().Int("onesided", 1) != 0 ? f.length / 2 + 1 : f.length;
  return f;
}

void InferStft(InferContext& context) {
  RequireFloat(context, 0);
  if (context.HasInput(2)) CheckSameType(context, 0, 2);
  const Frames f = FramesOf(context);
  context.SetOutput(0, context.InputType(0), {f.batch, f.count, f.bins, 2});
}

// Items are frames.
template <typename T>
std::unique_ptr<Step> MakeStft(const Frames& f) {
  Fft fft(f.length);
  const std::int64_t bytes = LineBytes(fft);
  auto step = MakeItemStep(
      "reference/stft", f.batch * f.count, bytes,
      [f, fft = std::move(fft)](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        auto* work = reinterpret_cast<Complex*>(args.scratch);
        const T* window = f.windowed ? static_cast<const T*>(args.inputs[2]) : nullptr;
        for (std::int64_t frame = begin; frame < end; ++frame) {
          const T* x = static_cast<const T*>(args.inputs[0]) +
                       (frame / f.count * f.size + frame % f.count * f.step) * f.parts;
          for (std::int64_t k = 0; k < f.length; ++k) {
            const double weight = window == nullptr ? 1.0 : static_cast<double>(window[k]);
            const Complex value = Read(x + k * f.parts, f.parts);
            work[k] = {value.re * weight, value.im * weight};
          }
          fft.Run(work, false);
          Store(work, f.bins, 2, 2, static_cast<T*>(args.outputs[0]) + frame * f.bins * 2);
        }
      });
  step->scratch_bytes = static_cast<std::size_t>(bytes);
  return step;
}

std::unique_ptr<Step> PlanStft(PlanContext& context) {
  context.DoNotRead(1);
  if (context.HasInput(3)) context.DoNotRead(3);
  const Frames f = FramesOf(context);
  auto step = DispatchFloat(context.InputType(0), [&]<typename T>() { return MakeStft<T>(f); });
  return WithLoops(std::move(step), context,
                   static_cast<double>(f.batch * f.count) * LineOperations(f.length));
}

}  // namespace

const OpDef& OpDFT() {
  static const OpDef def{.name = "DFT",
                         .since = 17,
                         .min_inputs = 1,
                         .max_inputs = 3,
                         .attributes = "axis inverse onesided",
                         .types = "float32, float64",
                         .infer = InferDft,
                         .plan = PlanDft,
                         .batch_wise = DftBatchWise};
  return def;
}

const OpDef& OpSTFT() {
  static const OpDef def{.name = "STFT",
                         .since = 17,
                         .min_inputs = 2,
                         .max_inputs = 4,
                         .attributes = "onesided",
                         .types = "float32, float64",
                         .infer = InferStft,
                         .plan = PlanStft,
                         .batch_wise = EachImage};
  return def;
}

}  // namespace kinglet
