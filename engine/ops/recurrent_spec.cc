// What an LSTM, GRU or RNN says: sizes, directions, activations.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <string>
#include <string_view>

#include "engine/ops/elementwise.h"
#include "engine/ops/recurrent.h"
#include "engine/ops/unary_functions.h"
#include "engine/ops/views.h"
#include "kernels/math/math.h"

namespace kinglet {
namespace {

template <typename F>
double Scalar(double x, double alpha, double beta) {
  return F::template Of<double>(x, {alpha, beta});
}

double AffineScalar(double x, double alpha, double beta) { return alpha * x + beta; }
double ScaledTanhScalar(double x, double alpha, double beta) { return alpha * std::tanh(beta * x); }

void AffineArray(const float* x, float* y, std::size_t n, float a, float b) noexcept {
  for (std::size_t i = 0; i < n; ++i) y[i] = a * x[i] + b;
}

void ScaledTanhArray(const float* x, float* y, std::size_t n, float a, float b) noexcept {
  for (std::size_t i = 0; i < n; ++i) y[i] = b * x[i];
  kernels::GetMathTable().tanh(y, y, n, 0, 0);
  for (std::size_t i = 0; i < n; ++i) y[i] *= a;
}

// The activations that ONNX names, in small letters, and the parameters that they take, with the
// values that count where the node gives none.
struct NamedFunction {
  std::string_view name;
  kernels::UnaryOp op;  // that computes arrays; kNone: `array` does
  kernels::UnaryFn array;
  double (*scalar)(double x, double alpha, double beta);
  int parameters;
  float alpha, beta;
};

using kernels::UnaryOp;

constexpr NamedFunction kFunctions[] = {
    {"affine", UnaryOp::kNone, AffineArray, AffineScalar, 2, 1.0f, 0.0f},
    {"elu", UnaryOp::kElu, nullptr, Scalar<unary::Elu>, 1, 1.0f, 0.0f},
    {"hardsigmoid", UnaryOp::kHardSigmoid, nullptr, Scalar<unary::HardSigmoid>, 2, 0.2f, 0.5f},
    {"leakyrelu", UnaryOp::kLeakyRelu, nullptr, Scalar<unary::LeakyRelu>, 1, 0.01f, 0.0f},
    {"relu", UnaryOp::kRelu, nullptr, Scalar<unary::Relu>, 0, 0.0f, 0.0f},
    {"scaledtanh", UnaryOp::kNone, ScaledTanhArray, ScaledTanhScalar, 2, 1.0f, 1.0f},
    {"sigmoid", UnaryOp::kSigmoid, nullptr, Scalar<unary::Sigmoid>, 0, 0.0f, 0.0f},
    {"softplus", UnaryOp::kSoftplus, nullptr, Scalar<unary::Softplus>, 0, 0.0f, 0.0f},
    {"softsign", UnaryOp::kSoftsign, nullptr, Scalar<unary::Softsign>, 0, 0.0f, 0.0f},
    {"tanh", UnaryOp::kTanh, nullptr, Scalar<unary::Tanh>, 0, 0.0f, 0.0f},
    {"thresholdedrelu", UnaryOp::kThresholdedRelu, nullptr, Scalar<unary::ThresholdedRelu>, 1, 1.0f,
     0.0f},
};

// Runtimes take the names in capital and in small letters.
const NamedFunction& FindFunction(const NodeContext& context, const std::string& name) {
  std::string small = name;
  std::transform(small.begin(), small.end(), small.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const NamedFunction& known : kFunctions) {
    if (known.name == small) return known;
  }
  context.Invalid("activation '" + name +
                  "', expected one of Affine, Elu, HardSigmoid, LeakyRelu, Relu, ScaledTanh, "
                  "Sigmoid, Softplus, Softsign, Tanh, ThresholdedRelu");
}

std::vector<std::string> DefaultFunctions(RecurrentCell cell) {
  switch (cell) {
    case RecurrentCell::kRnn:
      return {"Tanh"};
    case RecurrentCell::kGru:
      return {"Sigmoid", "Tanh"};
    case RecurrentCell::kLstm:
      break;
  }
  return {"Sigmoid", "Tanh", "Tanh"};
}

// Parameters are handed out in the order of the activations that take some.
std::vector<GateFunction> ReadFunctions(const NodeContext& context, const Recurrent& r) {
  const std::vector<std::string> defaults = DefaultFunctions(r.cell);
  std::vector<std::string> names = context.attributes().Strings("activations");
  if (names.empty()) {
    for (std::int64_t d = 0; d < r.directions; ++d) {
      names.insert(names.end(), defaults.begin(), defaults.end());
    }
  }
  const std::size_t wanted = defaults.size() * static_cast<std::size_t>(r.directions);
  // ONNX's default of an RNN names two, also where there is one direction.
  if (names.size() < wanted || (names.size() > wanted && r.cell != RecurrentCell::kRnn)) {
    context.Invalid("attribute 'activations' names " + std::to_string(names.size()) +
                    ", expected " + std::to_string(wanted));
  }
  const std::vector<float> alphas = context.attributes().Floats("activation_alpha");
  const std::vector<float> betas = context.attributes().Floats("activation_beta");
  std::size_t alpha = 0;
  std::size_t beta = 0;
  std::vector<GateFunction> functions;
  for (std::size_t i = 0; i < wanted; ++i) {
    const NamedFunction& known = FindFunction(context, names[i]);
    GateFunction function{known.array != nullptr ? known.array : kernels::GetUnary(known.op),
                          known.scalar, known.alpha, known.beta};
    if (known.parameters > 0 && alpha < alphas.size()) function.alpha = alphas[alpha++];
    if (known.parameters > 1 && beta < betas.size()) function.beta = betas[beta++];
    functions.push_back(function);
  }
  return functions;
}

void CheckShape(const NodeContext& context, std::size_t i, const char* name,
                const Shape& expected) {
  if (!context.HasInput(i) || context.InputShape(i) == expected) return;
  context.Invalid("input " + std::to_string(i) + " (" + name + ") has shape " +
                  ShapeToString(context.InputShape(i)) + ", expected " + ShapeToString(expected));
}

void CheckTypes(const NodeContext& context) {
  RequireFloat(context, 0);
  for (std::size_t i = 1; i < context.input_count(); ++i) {
    if (!context.HasInput(i)) continue;
    RequireType(context, i, i == 4 ? DataType::kInt32 : context.InputType(0));
  }
}

void ReadDirection(const NodeContext& context, Recurrent& r) {
  const std::string direction = context.attributes().String("direction", "forward");
  if (direction == "bidirectional") {
    r.directions = 2;
  } else if (direction == "reverse") {
    r.reverse = true;
  } else if (direction != "forward") {
    context.Invalid("direction '" + direction + "', expected forward, reverse or bidirectional");
  }
}

// The hidden size is that of R; the attribute, where present, says the same.
void ReadSizes(const NodeContext& context, Recurrent& r) {
  const Shape& x = context.InputShape(0);
  const Shape& weights = context.InputShape(2);
  if (x.size() != 3 || weights.size() != 3) {
    context.Invalid("X and R have shapes " + ShapeToString(x) + " and " + ShapeToString(weights) +
                    ", expected three dimensions each");
  }
  r.steps = x[r.batch_first ? 1 : 0];
  r.batch = x[r.batch_first ? 0 : 1];
  r.input = x[2];
  r.hidden = weights[2];
  if (r.input < 1) context.Invalid("X of shape " + ShapeToString(x) + " holds nothing");
  const std::int64_t declared = context.attributes().Int("hidden_size", r.hidden);
  if (r.hidden < 1 || declared != r.hidden) {
    context.Invalid("hidden_size is " + std::to_string(declared) + ", R of shape " +
                    ShapeToString(weights) + " is for " + std::to_string(r.hidden));
  }
}

// What is computed of the sizes later does not overflow.
void CheckSizes(const NodeContext& context, const Recurrent& r) {
  const std::int64_t depth = AddSizes(context, r.input, r.hidden);
  const std::int64_t gates =
      MultiplySizes(context, r.steps * r.batch, r.directions * r.gate_width());
  MultiplySizes(context, gates, depth);
  MultiplySizes(context, AddSizes(context, depth, r.gate_width()), 4096);  // working memory
}

bool Flag(const NodeContext& context, std::string_view name) {
  const std::int64_t value = context.attributes().Int(name, 0);
  if (value != 0 && value != 1) {
    context.Invalid("attribute '" + std::string(name) + "' is " + std::to_string(value) +
                    ", expected 0 or 1");
  }
  return value == 1;
}

float ReadClip(const NodeContext& context) {
  const float clip = context.attributes().Float("clip", std::numeric_limits<float>::infinity());
  if (!(clip >= 0)) context.Invalid("attribute 'clip' is " + std::to_string(clip));
  return clip;
}

}  // namespace

Shape Recurrent::YShape() const {
  return batch_first ? Shape{batch, steps, directions, hidden}
                     : Shape{steps, directions, batch, hidden};
}

Shape Recurrent::StateShape() const {
  return batch_first ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden};
}

Recurrent ReadRecurrent(const NodeContext& context) {
  Recurrent r;
  const std::string& op = context.node().op;
  r.cell = op == "LSTM"  ? RecurrentCell::kLstm
           : op == "GRU" ? RecurrentCell::kGru
                         : RecurrentCell::kRnn;
  r.gates = r.cell == RecurrentCell::kLstm ? 4 : r.cell == RecurrentCell::kGru ? 3 : 1;
  CheckTypes(context);
  ReadDirection(context, r);
  r.batch_first = Flag(context, "layout");
  r.input_forget = Flag(context, "input_forget");
  r.linear_before_reset = Flag(context, "linear_before_reset");
  r.clip = ReadClip(context);
  ReadSizes(context, r);
  const std::int64_t width = r.gate_width();
  CheckShape(context, 1, "W", {r.directions, width, r.input});
  CheckShape(context, 2, "R", {r.directions, width, r.hidden});
  CheckShape(context, 3, "B", {r.directions, 2 * width});
  CheckShape(context, 4, "sequence_lens", {r.batch});
  CheckShape(context, 5, "initial_h", r.StateShape());
  CheckShape(context, 6, "initial_c", r.StateShape());
  CheckShape(context, 7, "P", {r.directions, 3 * r.hidden});
  CheckSizes(context, r);
  r.functions = ReadFunctions(context, r);
  r.input_count = context.input_count();
  r.output_count = context.output_count();
  return r;
}

}  // namespace kinglet
