// LSTM, GRU and RNN (Hochreiter and Schmidhuber 1997; Cho et al. 2014, arXiv:1406.1078). A unit of
// work is some images of the batch in one direction: the products of many time steps with W are one
// matrix product, those with R are small ones, step by step.
#include "engine/ops/recurrent.h"

#include <algorithm>
#include <utility>

#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/recurrent_products.h"
#include "engine/ops/views.h"
#include "kernels/common/blocked.h"
#include "kernels/common/partition.h"

namespace kinglet {
namespace {

constexpr std::int64_t kImages = 16;  // of a unit
constexpr std::int64_t kRows = 128;   // of the product with W, about

std::int64_t ImageParts(const Recurrent& r) { return CeilDiv(r.batch, kImages); }
std::int64_t ImagesAtOnce(const Recurrent& r) { return std::min(r.batch, kImages); }
std::int64_t StepsAtOnce(const Recurrent& r) {
  return std::clamp<std::int64_t>(kRows / std::max<std::int64_t>(ImagesAtOnce(r), 1), 1,
                                  std::max<std::int64_t>(r.steps, 1));
}

// Working memory of a unit. Rows of states are H wide, those of gates as wide as all gates.
template <typename T>
struct Memory {
  T* bias = nullptr;        // of all gates, from W and R
  T* reset_bias = nullptr;  // H: of R alone, for the gate h of a GRU that is linear before reset
  T* x = nullptr;           // steps x images x I
  T* projected = nullptr;   // steps x images x gates: x W' + bias
  T* gates = nullptr;       // images x gates
  T* h = nullptr;           // images x H
  T* c = nullptr;           // images x H: the cell of an LSTM, r * h of a GRU
  T* activated = nullptr;   // H
  std::byte* products = nullptr;

  // Places everything behind `base`, which may be null: then only the size matters. Returns bytes.
  std::size_t Place(const Recurrent& r, std::byte* base) {
    const std::int64_t images = ImagesAtOnce(r);
    const std::int64_t rows = StepsAtOnce(r) * images;
    std::size_t bytes = 0;
    const auto take = [&](T*& part, std::int64_t count) {
      if (base != nullptr) part = reinterpret_cast<T*>(base + bytes);
      bytes += (static_cast<std::size_t>(count) * sizeof(T) + 63) / 64 * 64;
    };
    take(bias, kernels::RoundUpToBlock(r.gate_width()));
    take(reset_bias, r.hidden);
    take(x, rows * r.input);
    take(projected, rows * r.gate_width());
    take(gates, images * r.gate_width());
    take(h, images * r.hidden);
    take(c, images * r.hidden);
    take(activated, r.hidden);
    if (base != nullptr) products = base + bytes;
    return bytes;
  }
};

template <typename T>
void AddTo(T* y, const T* x, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] += x[i];
}

template <typename T>
void AddProductTo(T* y, const T* a, const T* b, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] += a[i] * b[i];
}

// Some images in one direction.
template <typename T, typename Products>
class Unit {
 public:
  Unit(const Recurrent& recurrent, const Products& products, const StepArgs& args,
       std::int64_t direction, kernels::Range images)
      : r_(recurrent),
        products_(products),
        args_(args),
        direction_(direction),
        first_(images.begin),
        images_(images.end - images.begin),
        functions_(recurrent.FunctionsOf(direction)) {
    m_.Place(recurrent, args.scratch);
    if (const T* p = Input(7)) peepholes_ = p + direction * 3 * r_.hidden;
  }

  void Run() {
    ReadBias();
    ReadState(5, m_.h);
    ReadState(6, m_.c);
    std::int64_t longest = 0;
    for (std::int64_t b = 0; b < images_; ++b) longest = std::max(longest, Length(b));
    const std::int64_t at_once = StepsAtOnce(r_);
    for (std::int64_t step = 0; step < longest; step += at_once) {
      const std::int64_t count = std::min(at_once, longest - step);
      GatherX(step, count);
      products_.OfInput(args_, direction_, count * images_, m_.x, m_.bias, m_.projected,
                        m_.products);
      for (std::int64_t s = 0; s < count; ++s) {
        Advance(step + s, m_.projected + s * images_ * r_.gate_width());
        WriteY(step + s);
      }
    }
    ClearY();
    WriteState(1, m_.h);
    WriteState(2, m_.c);
  }

 private:
  const T* Input(std::size_t i) const {
    return i < r_.input_count ? static_cast<const T*>(args_.inputs[i]) : nullptr;
  }
  T* Output(std::size_t i) const {
    return i < r_.output_count ? static_cast<T*>(args_.outputs[i]) : nullptr;
  }

  bool HasLengths() const { return r_.input_count > 4 && args_.inputs[4] != nullptr; }
  std::int64_t Length(std::int64_t image) const {
    if (!HasLengths()) return r_.steps;
    return static_cast<const std::int32_t*>(args_.inputs[4])[first_ + image];
  }
  // The time that the direction comes to at step `step`.
  std::int64_t Time(std::int64_t step, std::int64_t image) const {
    return r_.IsBackwards(direction_) ? Length(image) - 1 - step : step;
  }

  // The bias of R goes where that of W goes, unless something happens to R's product first.
  void ReadBias() {
    const std::int64_t width = r_.gate_width();
    std::fill_n(m_.bias, kernels::RoundUpToBlock(width), T{});
    std::fill_n(m_.reset_bias, r_.hidden, T{});
    const T* of_w = Input(3);
    if (of_w == nullptr) return;
    of_w += direction_ * 2 * width;
    const T* of_r = of_w + width;
    std::copy_n(of_w, width, m_.bias);
    if (!r_.linear_before_reset) {
      AddTo(m_.bias, of_r, width);
      return;
    }
    AddTo(m_.bias, of_r, 2 * r_.hidden);
    std::copy_n(of_r + 2 * r_.hidden, r_.hidden, m_.reset_bias);
  }

  void ReadState(std::size_t input, T* to) const {
    const T* from = Input(input);
    for (std::int64_t b = 0; b < images_; ++b, to += r_.hidden) {
      if (from == nullptr) {
        std::fill_n(to, r_.hidden, T{});
      } else {
        std::copy_n(from + r_.StateRow(direction_, first_ + b), r_.hidden, to);
      }
    }
  }
  // Of a sequence without steps, which ONNX leaves open, zeros as in ONNX Runtime.
  void WriteState(std::size_t output, const T* from) const {
    T* to = Output(output);
    if (to == nullptr) return;
    for (std::int64_t b = 0; b < images_; ++b, from += r_.hidden) {
      T* row = to + r_.StateRow(direction_, first_ + b);
      if (HasLengths() && Length(b) == 0) {
        std::fill_n(row, r_.hidden, T{});
      } else {
        std::copy_n(from, r_.hidden, row);
      }
    }
  }

  // Zeros where a sequence has ended.
  void GatherX(std::int64_t step, std::int64_t count) {
    const T* x = Input(0);
    T* to = m_.x;
    for (std::int64_t s = step; s < step + count; ++s) {
      for (std::int64_t b = 0; b < images_; ++b, to += r_.input) {
        if (s < Length(b)) {
          std::copy_n(x + r_.XRow(Time(s, b), first_ + b), r_.input, to);
        } else {
          std::fill_n(to, r_.input, T{});
        }
      }
    }
  }

  void WriteY(std::int64_t step) const {
    T* y = Output(0);
    if (y == nullptr) return;
    for (std::int64_t b = 0; b < images_; ++b) {
      if (step >= Length(b)) continue;
      std::copy_n(m_.h + b * r_.hidden, r_.hidden,
                  y + r_.YRow(Time(step, b), direction_, first_ + b));
    }
  }
  // Behind the end of the sequences.
  void ClearY() const {
    T* y = Output(0);
    if (y == nullptr) return;
    for (std::int64_t b = 0; b < images_; ++b) {
      for (std::int64_t time = Length(b); time < r_.steps; ++time) {
        std::fill_n(y + r_.YRow(time, direction_, first_ + b), r_.hidden, T{});
      }
    }
  }

  void Clip(T* x, std::int64_t count) const {
    const auto bound = static_cast<T>(r_.clip);
    if (bound == std::numeric_limits<T>::infinity()) return;
    for (std::int64_t i = 0; i < count; ++i) x[i] = kernels::Clamped(x[i], -bound, bound);
  }
  void Activate(std::size_t function, T* x, std::int64_t count) const {
    Clip(x, count);
    functions_[function].Apply(x, count);
  }

  void Multiply(std::size_t part, const T* h, T* to) const {
    products_.OfState(args_, direction_, part, images_, h, to, r_.gate_width(), m_.products);
  }

  void Advance(std::int64_t step, const T* projected) {
    switch (r_.cell) {
      case RecurrentCell::kRnn:
        return AdvanceRnn(step, projected);
      case RecurrentCell::kGru:
        return r_.linear_before_reset ? AdvanceLinearGru(step, projected)
                                      : AdvanceGru(step, projected);
      case RecurrentCell::kLstm:
        return AdvanceLstm(step, projected);
    }
  }

  // Calls f(row of the gates, row of the projected input, image) for the images that go on.
  template <typename F>
  void ForImages(std::int64_t step, const T* projected, F&& f) {
    const std::int64_t width = r_.gate_width();
    for (std::int64_t b = 0; b < images_; ++b) {
      if (step < Length(b)) f(m_.gates + b * width, projected + b * width, b);
    }
  }

  void AdvanceRnn(std::int64_t step, const T* projected) {
    Multiply(0, m_.h, m_.gates);
    ForImages(step, projected, [&](T* gates, const T* x, std::int64_t b) {
      AddTo(gates, x, r_.hidden);
      Activate(0, gates, r_.hidden);
      std::copy_n(gates, r_.hidden, m_.h + b * r_.hidden);
    });
  }

  // h = (1 - z) n + z h
  void Mix(const T* z, const T* n, T* h) const {
    for (std::int64_t i = 0; i < r_.hidden; ++i) h[i] = (T{1} - z[i]) * n[i] + z[i] * h[i];
  }

  // n = g(x W' + (r h) R' + bias)
  void AdvanceGru(std::int64_t step, const T* projected) {
    const std::int64_t hidden = r_.hidden;
    Multiply(0, m_.h, m_.gates);
    ForImages(step, projected, [&](T* gates, const T* x, std::int64_t b) {
      AddTo(gates, x, 2 * hidden);
      Activate(0, gates, 2 * hidden);
      const T* reset = gates + hidden;
      const T* h = m_.h + b * hidden;
      T* reset_h = m_.c + b * hidden;
      for (std::int64_t i = 0; i < hidden; ++i) reset_h[i] = reset[i] * h[i];
    });
    Multiply(1, m_.c, m_.gates + 2 * hidden);
    ForImages(step, projected, [&](T* gates, const T* x, std::int64_t b) {
      T* n = gates + 2 * hidden;
      AddTo(n, x + 2 * hidden, hidden);
      Activate(1, n, hidden);
      Mix(gates, n, m_.h + b * hidden);
    });
  }

  // n = g(x W' + bias + r (h R' + bias of R))
  void AdvanceLinearGru(std::int64_t step, const T* projected) {
    const std::int64_t hidden = r_.hidden;
    Multiply(0, m_.h, m_.gates);
    ForImages(step, projected, [&](T* gates, const T* x, std::int64_t b) {
      AddTo(gates, x, 2 * hidden);
      Activate(0, gates, 2 * hidden);
      const T* reset = gates + hidden;
      T* n = gates + 2 * hidden;
      for (std::int64_t i = 0; i < hidden; ++i) {
        n[i] = x[2 * hidden + i] + reset[i] * (n[i] + m_.reset_bias[i]);
      }
      Activate(1, n, hidden);
      Mix(gates, n, m_.h + b * hidden);
    });
  }

  void AdvanceLstm(std::int64_t step, const T* projected) {
    Multiply(0, m_.h, m_.gates);
    ForImages(step, projected, [&](T* gates, const T* x, std::int64_t b) {
      AddTo(gates, x, r_.gate_width());
      UpdateLstm(gates, m_.h + b * r_.hidden, m_.c + b * r_.hidden);
    });
  }

  // The gates lie as i, o, f, c; the peepholes as i, o, f.
  void UpdateLstm(T* gates, T* h, T* c) {
    const std::int64_t hidden = r_.hidden;
    T* in = gates;
    T* out = gates + hidden;
    T* forget = gates + 2 * hidden;
    T* cell = gates + 3 * hidden;
    if (peepholes_ == nullptr) {
      Activate(0, gates, 3 * hidden);
    } else {
      AddProductTo(in, peepholes_, c, hidden);
      AddProductTo(forget, peepholes_ + 2 * hidden, c, hidden);
      Activate(0, in, hidden);
      Activate(0, forget, hidden);
    }
    if (r_.input_forget) {
      for (std::int64_t i = 0; i < hidden; ++i) forget[i] = T{1} - in[i];
    }
    Activate(1, cell, hidden);
    for (std::int64_t i = 0; i < hidden; ++i) c[i] = forget[i] * c[i] + in[i] * cell[i];
    if (peepholes_ != nullptr) {
      AddProductTo(out, peepholes_ + hidden, c, hidden);
      Activate(0, out, hidden);
    }
    std::copy_n(c, hidden, m_.activated);
    functions_[2].Apply(m_.activated, hidden);
    for (std::int64_t i = 0; i < hidden; ++i) h[i] = out[i] * m_.activated[i];
  }

  const Recurrent& r_;
  const Products& products_;
  const StepArgs& args_;
  std::int64_t direction_, first_, images_;
  const GateFunction* functions_;
  const T* peepholes_ = nullptr;
  Memory<T> m_;
};

// False, and said so, where a length is none.
bool LengthsFit(const Recurrent& r, const StepArgs& args, bool has_lengths) {
  if (!has_lengths) return true;
  const auto* lengths = static_cast<const std::int32_t*>(args.inputs[4]);
  for (std::int64_t b = 0; b < r.batch; ++b) {
    if (lengths[b] >= 0 && lengths[b] <= r.steps) continue;
    args.status->Fail("sequence_lens[%lld] is %d, expected 0 to %lld", static_cast<long long>(b),
                      static_cast<int>(lengths[b]), static_cast<long long>(r.steps));
    return false;
  }
  return true;
}

template <typename T, typename Products>
std::unique_ptr<Step> MakeRecurrentStep(std::string kernel, const PlanContext& context,
                                        const Recurrent& r, Products products) {
  const std::int64_t parts = ImageParts(r);
  const bool has_lengths = context.HasInput(4);
  const std::size_t scratch = Memory<T>().Place(r, nullptr) + products.scratch_bytes();
  auto step = MakeStep(std::move(kernel), r.directions * parts,
                       [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                         if (!LengthsFit(r, args, has_lengths)) return;
                         for (std::int64_t unit = begin; unit < end; ++unit) {
                           Unit<T, Products>(r, products, args, unit / parts,
                                             kernels::EvenPart(r.batch, parts, unit % parts))
                               .Run();
                         }
                       });
  step->scratch_bytes = scratch;
  step->single_units = true;
  return step;
}

// The product with W goes through it once for each `kRows` rows, that with R at each step.
kernels::Work WorkOf(const Recurrent& r, std::int64_t units, int threads) {
  const auto rows = static_cast<double>(r.steps * r.batch * r.directions);
  const auto width = static_cast<double>(kernels::RoundUpToBlock(r.gate_width()));
  const auto hidden = static_cast<double>(r.hidden);
  const auto input = static_cast<double>(r.input);
  kernels::WorkStage stage;
  stage.Add({.kind = kernels::WorkKind::kTile, .count = 2 * rows * width * (input + hidden)});
  // Sums, activations and products of the gates, and the calls of each step.
  constexpr double kStep = 200;
  stage.Add({.kind = kernels::WorkKind::kScalar,
             .count = rows * (kStep + hidden * 4 * (1 + static_cast<double>(r.gates)))});
  stage.read_bytes = 4 * rows * input;
  stage.write_bytes = 4 * rows * hidden;
  stage.weight_bytes = 4 * static_cast<double>(r.directions) * width * (input + hidden);
  kernels::Work work = kernels::SharedWork(stage, units, threads);
  work.weight_parts = r.directions;
  work.weight_passes = static_cast<double>(r.steps * ImageParts(r)) * hidden / (input + hidden);
  return work;
}

}  // namespace

std::unique_ptr<Step> PlanRecurrent(PlanContext& context) {
  const Recurrent r = ReadRecurrent(context);
  const std::string cell = r.cell == RecurrentCell::kLstm  ? "lstm"
                           : r.cell == RecurrentCell::kGru ? "gru"
                                                           : "rnn";
  const bool packed =
      context.InputType(0) == DataType::kFloat32 && context.IsKnown(1) && context.IsKnown(2);
  std::unique_ptr<Step> step;
  if (packed) {
    step = MakeRecurrentStep<float>("recurrent/" + cell + "_f32", context, r,
                                    PackRecurrentProducts(context, r));
    step->work = WorkOf(r, step->units, context.threads());
  } else {
    step = DispatchFloat(context.InputType(0), [&]<typename T>() {
      return MakeRecurrentStep<T>(
          "recurrent/reference_" + std::string(DataTypeName(context.InputType(0))), context, r,
          PlainRecurrentProducts<T>(r));
    });
  }
  step->macs = r.steps * r.batch * r.directions * r.gate_width() * (r.input + r.hidden);
  if (step->work.empty()) {
    step->work = kernels::LoopWork(2 * static_cast<double>(step->macs), context.threads());
  }
  return step;
}

namespace {

void InferRecurrent(InferContext& context) {
  const Recurrent r = ReadRecurrent(context);
  context.SetOutput(0, context.InputType(0), r.YShape());
  context.SetOutput(1, context.InputType(0), r.StateShape());
  context.SetOutput(2, context.InputType(0), r.StateShape());
}

// Where the batch comes first; lengths and states belong to images.
bool RecurrentBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  if (context.attributes().Int("layout", 0) != 1) return false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!context.HasInput(i)) continue;
    const bool of_images = i == 0 || (i >= 4 && i <= 6);
    if (inputs[i] != (of_images ? BatchUse::kImages : BatchUse::kFree)) return false;
  }
  return true;
}

}  // namespace

// Before opset 7 an attribute said whether anybody reads Y.
#define KINGLET_RECURRENT(Name, inputs, outputs, more)                                       \
  const OpDef& Op##Name() {                                                                  \
    static const OpDef op{.name = #Name,                                                     \
                          .since = 1,                                                        \
                          .min_inputs = 3,                                                   \
                          .max_inputs = inputs,                                              \
                          .min_outputs = 0,                                                  \
                          .max_outputs = outputs,                                            \
                          .attributes =                                                      \
                              "activation_alpha activation_beta activations clip direction " \
                              "hidden_size layout output_sequence" more,                     \
                          .types = "float32, float64",                                       \
                          .infer = InferRecurrent,                                           \
                          .plan = PlanRecurrent,                                             \
                          .batch_wise = RecurrentBatchWise};                                 \
    return op;                                                                               \
  }
KINGLET_RECURRENT(RNN, 6, 2, "")
KINGLET_RECURRENT(GRU, 6, 2, " linear_before_reset")
KINGLET_RECURRENT(LSTM, 8, 3, " input_forget")
#undef KINGLET_RECURRENT

}  // namespace kinglet
