// The matrix products of LSTM, GRU and RNN: with weights that were packed before running, and with
// weights as they come.
//
// Both classes have
//   OfInput   y[rows, gates] = x[rows, I] W[direction]' + bias[gates]
//   OfState   y[rows, gates of range `part`] = h[rows, H] R[direction, range]', the rows of y being
//             `stride` apart
// where `args` are those of the step, and `scratch` is scratch_bytes() long and 64-byte aligned, as
// the bias is, which is rounded up to a block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/ops/product.h"
#include "engine/ops/recurrent.h"
#include "kernels/gemm/gemm.h"

namespace kinglet {

// Gates whose products with R are taken together.
struct GateRange {
  std::int64_t first, count;  // rows of R
};
// All of them, or two ranges where the second waits for what the gates of the first say.
std::vector<GateRange> StateRanges(const Recurrent& recurrent);

class PackedRecurrentProducts {
 public:
  struct Part {
    const std::byte* weights;
    std::size_t bytes;  // of one direction
    std::int64_t n, k;
  };

  PackedRecurrentProducts(const kernels::GemmVariant& variant, Part input, std::vector<Part> state)
      : variant_(&variant), input_(input), state_(std::move(state)) {}

  void OfInput(const StepArgs&, std::int64_t direction, std::int64_t rows, const float* x,
               const float* bias, float* y, std::byte* scratch) const {
    Multiply(input_, direction, rows, x, bias, y, input_.n, scratch);
  }
  void OfState(const StepArgs&, std::int64_t direction, std::size_t part, std::int64_t rows,
               const float* h, float* y, std::int64_t stride, std::byte* scratch) const {
    Multiply(state_[part], direction, rows, h, nullptr, y, stride, scratch);
  }
  std::size_t scratch_bytes() const;

 private:
  void Multiply(const Part& part, std::int64_t direction, std::int64_t rows, const float* a,
                const float* bias, float* c, std::int64_t stride, std::byte* scratch) const;

  const kernels::GemmVariant* variant_;
  Part input_;
  std::vector<Part> state_;
};

// Packs W and R, which are known before running; they are not read any more.
PackedRecurrentProducts PackRecurrentProducts(PlanContext& context, const Recurrent& recurrent);

// By the definition, for any weights and T.
template <typename T>
class PlainRecurrentProducts {
 public:
  explicit PlainRecurrentProducts(const Recurrent& recurrent)
      : input_(recurrent.input),
        hidden_(recurrent.hidden),
        width_(recurrent.gate_width()),
        ranges_(StateRanges(recurrent)) {}

  void OfInput(const StepArgs& args, std::int64_t direction, std::int64_t rows, const T* x,
               const T* bias, T* y, std::byte*) const {
    const T* w = static_cast<const T*>(args.inputs[1]) + direction * width_ * input_;
    for (std::int64_t row = 0; row < rows; ++row, x += input_, y += width_) {
      ProductRow(x, std::int64_t{1}, w, std::int64_t{1}, input_, width_, input_, y);
      for (std::int64_t j = 0; j < width_; ++j) y[j] += bias[j];
    }
  }
  void OfState(const StepArgs& args, std::int64_t direction, std::size_t part, std::int64_t rows,
               const T* h, T* y, std::int64_t stride, std::byte*) const {
    const GateRange range = ranges_[part];
    const T* r =
        static_cast<const T*>(args.inputs[2]) + (direction * width_ + range.first) * hidden_;
    for (std::int64_t row = 0; row < rows; ++row, h += hidden_, y += stride) {
      ProductRow(h, std::int64_t{1}, r, std::int64_t{1}, hidden_, range.count, hidden_, y);
    }
  }
  std::size_t scratch_bytes() const { return 0; }

 private:
  std::int64_t input_, hidden_, width_;
  std::vector<GateRange> ranges_;
};

}  // namespace kinglet
