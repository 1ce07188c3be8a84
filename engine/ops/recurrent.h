// LSTM, GRU and RNN: what a node says, read and checked once.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "engine/op/op.h"
#include "kernels/eltwise/unary.h"

namespace kinglet {

enum class RecurrentCell : std::uint8_t { kRnn, kGru, kLstm };

// The activation of a gate, for arrays of float32 and for one number.
struct GateFunction {
  kernels::UnaryFn array = nullptr;
  double (*scalar)(double x, double alpha, double beta) = nullptr;
  float alpha = 0;
  float beta = 0;

  void Apply(float* x, std::int64_t count) const {
    array(x, x, static_cast<std::size_t>(count), alpha, beta);
  }
  void Apply(double* x, std::int64_t count) const {
    for (std::int64_t i = 0; i < count; ++i) {
      x[i] = scalar(x[i], static_cast<double>(alpha), static_cast<double>(beta));
    }
  }
};

// Inputs: X, W (directions x gates H x I), R (directions x gates H x H), B (directions x 2 gates
// H), sequence_lens, initial_h, and of an LSTM initial_c and P (directions x 3 H); outputs: Y, Y_h,
// and of an LSTM Y_c.
struct Recurrent {
  RecurrentCell cell = RecurrentCell::kRnn;
  std::int64_t steps = 0;
  std::int64_t batch = 0;
  std::int64_t input = 0;   // I
  std::int64_t hidden = 0;  // H, at least 1
  std::int64_t directions = 1;
  std::int64_t gates = 1;  // of the cell: RNN 1, GRU 3 (z, r, h), LSTM 4 (i, o, f, c)
  bool reverse = false;    // the only direction is backwards
  bool batch_first = false;
  bool input_forget = false;
  bool linear_before_reset = false;
  float clip = std::numeric_limits<float>::infinity();  // of what goes into an activation
  std::vector<GateFunction> functions;                  // those of direction 0 first
  std::size_t input_count = 0;                          // of the node
  std::size_t output_count = 0;

  std::int64_t gate_width() const { return gates * hidden; }
  const GateFunction* FunctionsOf(std::int64_t direction) const {
    return functions.data() + functions.size() / static_cast<std::size_t>(directions) *
                                  static_cast<std::size_t>(direction);
  }
  bool IsBackwards(std::int64_t direction) const { return reverse || direction == 1; }

  // Where the rows of X and Y and those of the states lie, in elements.
  std::int64_t XRow(std::int64_t step, std::int64_t image) const {
    return (batch_first ? image * steps + step : step * batch + image) * input;
  }
  std::int64_t YRow(std::int64_t step, std::int64_t direction, std::int64_t image) const {
    return (batch_first ? (image * steps + step) * directions + direction
                        : (step * directions + direction) * batch + image) *
           hidden;
  }
  std::int64_t StateRow(std::int64_t direction, std::int64_t image) const {
    return (batch_first ? image * directions + direction : direction * batch + image) * hidden;
  }

  Shape YShape() const;
  Shape StateShape() const;
};

// Throws Error(kInvalidModel) where an input or an attribute does not fit.
Recurrent ReadRecurrent(const NodeContext& context);

// The step of the node, of float32 or float64.
std::unique_ptr<Step> PlanRecurrent(PlanContext& context);

}  // namespace kinglet
