#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <string>

#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::recurrent_test {
namespace {

using Doubles = std::vector<double>;
using Function = std::function<double(double)>;

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// What a node is made of; absent inputs are empty tensors.
struct Net {
  std::string op = "LSTM";
  std::int64_t steps = 5, batch = 2, input = 3, hidden = 4;
  std::string direction = "forward";
  Tensor x, w, r, b, lengths, h0, c0, p;
  double clip = INFINITY;
  bool linear_before_reset = false, input_forget = false;
  // f, g and h of each direction.
  std::vector<Function> functions;

  std::int64_t directions() const { return direction == "bidirectional" ? 2 : 1; }
  std::int64_t gates() const { return op == "LSTM" ? 4 : op == "GRU" ? 3 : 1; }

  void Fill(unsigned seed, bool with_bias = true, bool with_state = true) {
    const std::int64_t d = directions();
    x = Random({steps, batch, input}, seed);
    w = Random({d, gates() * hidden, input}, seed + 1);
    r = Random({d, gates() * hidden, hidden}, seed + 2);
    if (with_bias) b = Random({d, 2 * gates() * hidden}, seed + 3);
    if (with_state) h0 = Random({d, batch, hidden}, seed + 4);
    if (with_state && op == "LSTM") c0 = Random({d, batch, hidden}, seed + 5);
  }
  std::vector<Tensor> Inputs() const {
    std::vector<Tensor> inputs{x, w, r, b, lengths, h0};
    if (op == "LSTM") inputs.insert(inputs.end(), {c0, p});
    return inputs;
  }
};

// The sums of products with W and R, and the biases, of one gate and unit.
struct Sums {
  double w = 0, r = 0, bias_w = 0, bias_r = 0;
  double all() const { return w + r + bias_w + bias_r; }
};

// ONNX's equations for one sequence in one direction, number by number.
class Naive {
 public:
  Naive(const Net& net, std::int64_t direction, std::int64_t image)
      : n_(net), d_(direction), image_(image), h_(Start(net.h0)), c_(Start(net.c0)) {}

  void Step(std::int64_t time) {
    const Doubles before = h_;
    if (n_.op == "RNN") {
      for (std::int64_t j = 0; j < n_.hidden; ++j) h_[At(j)] = F(0, Gate(time, 0, j, before).all());
    } else if (n_.op == "GRU") {
      Gru(time, before);
    } else {
      Lstm(time, before);
    }
  }
  const Doubles& h() const { return h_; }
  const Doubles& c() const { return c_; }

 private:
  static std::size_t At(std::int64_t i) { return static_cast<std::size_t>(i); }

  Doubles Start(const Tensor& state) const {
    Doubles values(At(n_.hidden), 0.0);
    if (!state.defined()) return values;
    for (std::int64_t j = 0; j < n_.hidden; ++j) {
      values[At(j)] = state.data<float>()[(d_ * n_.batch + image_) * n_.hidden + j];
    }
    return values;
  }
  double F(std::size_t which, double x) const {
    x = std::clamp(x, -n_.clip, n_.clip);
    const std::size_t each = n_.op == "LSTM" ? 3 : n_.op == "GRU" ? 2 : 1;
    if (!n_.functions.empty()) return n_.functions[At(d_) * each + which](x);
    return which == 0 && n_.op != "RNN" ? Sigmoid(x) : std::tanh(x);
  }
  Sums Gate(std::int64_t time, std::int64_t gate, std::int64_t unit, const Doubles& h) const {
    const std::int64_t row = (d_ * n_.gates() + gate) * n_.hidden + unit;
    Sums sums;
    for (std::int64_t i = 0; i < n_.input; ++i) {
      sums.w += static_cast<double>(n_.w.data<float>()[row * n_.input + i]) *
                static_cast<double>(n_.x.data<float>()[(time * n_.batch + image_) * n_.input + i]);
    }
    for (std::int64_t i = 0; i < n_.hidden; ++i) {
      sums.r += static_cast<double>(n_.r.data<float>()[row * n_.hidden + i]) * h[At(i)];
    }
    if (n_.b.defined()) {
      const float* bias = n_.b.data<float>() + d_ * 2 * n_.gates() * n_.hidden;
      sums.bias_w = bias[gate * n_.hidden + unit];
      sums.bias_r = bias[(n_.gates() + gate) * n_.hidden + unit];
    }
    return sums;
  }
  double Peephole(std::int64_t gate, std::int64_t unit) const {
    if (!n_.p.defined()) return 0;
    return n_.p.data<float>()[(d_ * 3 + gate) * n_.hidden + unit];
  }

  void Gru(std::int64_t time, const Doubles& before) {
    Doubles reset(before.size()), reset_h(before.size());
    for (std::int64_t j = 0; j < n_.hidden; ++j) {
      reset[At(j)] = F(0, Gate(time, 1, j, before).all());
      reset_h[At(j)] = reset[At(j)] * before[At(j)];
    }
    for (std::int64_t j = 0; j < n_.hidden; ++j) {
      const double z = F(0, Gate(time, 0, j, before).all());
      const Sums linear = Gate(time, 2, j, before);
      const double inner = n_.linear_before_reset ? linear.w + linear.bias_w +
                                                        reset[At(j)] * (linear.r + linear.bias_r)
                                                  : Gate(time, 2, j, reset_h).all();
      h_[At(j)] = (1 - z) * F(1, inner) + z * before[At(j)];
    }
  }

  void Lstm(std::int64_t time, const Doubles& before) {
    for (std::int64_t j = 0; j < n_.hidden; ++j) {
      double& c = c_[At(j)];
      const double in = F(0, Gate(time, 0, j, before).all() + Peephole(0, j) * c);
      double forget = F(0, Gate(time, 2, j, before).all() + Peephole(2, j) * c);
      if (n_.input_forget) forget = 1 - in;
      c = forget * c + in * F(1, Gate(time, 3, j, before).all());
      const double out = F(0, Gate(time, 1, j, before).all() + Peephole(1, j) * c);
      const std::size_t h = 2;
      h_[At(j)] = out * (n_.functions.empty() ? std::tanh(c) : n_.functions[At(d_) * 3 + h](c));
    }
  }

  const Net& n_;
  std::int64_t d_, image_;
  Doubles h_, c_;
};

struct Results {
  Tensor y, h, c;
};

Results Expected(const Net& n) {
  Results results{Tensor(DataType::kFloat32, {n.steps, n.directions(), n.batch, n.hidden}),
                  Tensor(DataType::kFloat32, {n.directions(), n.batch, n.hidden}),
                  Tensor(DataType::kFloat32, {n.directions(), n.batch, n.hidden})};
  std::fill_n(results.y.data<float>(), results.y.size(), 0.0f);
  const auto store = [](const Doubles& from, float* to) {
    for (std::size_t j = 0; j < from.size(); ++j) to[j] = static_cast<float>(from[j]);
  };
  for (std::int64_t d = 0; d < n.directions(); ++d) {
    for (std::int64_t image = 0; image < n.batch; ++image) {
      Naive naive(n, d, image);
      const std::int64_t length =
          n.lengths.defined() ? n.lengths.data<std::int32_t>()[image] : n.steps;
      const bool backwards = n.direction == "reverse" || d == 1;
      for (std::int64_t step = 0; step < length; ++step) {
        const std::int64_t time = backwards ? length - 1 - step : step;
        naive.Step(time);
        store(naive.h(),
              results.y.data<float>() + ((time * n.directions() + d) * n.batch + image) * n.hidden);
      }
      const std::int64_t at = (d * n.batch + image) * n.hidden;
      if (n.lengths.defined() && length == 0) continue;  // zeros
      store(naive.h(), results.h.data<float>() + at);
      store(naive.c(), results.c.data<float>() + at);
    }
  }
  return results;
}

Attributes AttributesOf(const Net& n, AttributeList more = {}) {
  Attributes attributes = MakeAttributes(more);
  attributes.Set("hidden_size", Int(n.hidden));
  attributes.Set("direction", n.direction);
  if (n.clip < INFINITY) attributes.Set("clip", static_cast<float>(n.clip));
  if (n.linear_before_reset) attributes.Set("linear_before_reset", Int(1));
  if (n.input_forget) attributes.Set("input_forget", Int(1));
  return attributes;
}

Tensor As(DataType type, const Tensor& tensor) {
  if (!tensor.defined() || tensor.type() == DataType::kInt32) return tensor;
  return RunOp("Cast", {tensor}, {{"to", Int(type == DataType::kFloat64 ? 11 : 1)}});
}

// The node in float32, whose weights are packed, and in float64, by plain loops.
void ExpectDefinition(const Net& n, AttributeList more = {}, int opset = 14) {
  const Results expected = Expected(n);
  const std::size_t outputs = n.op == "LSTM" ? 3 : 2;
  for (const DataType type : {DataType::kFloat32, DataType::kFloat64}) {
    std::vector<Tensor> inputs = n.Inputs();
    for (Tensor& input : inputs) input = As(type, input);
    const std::vector<Tensor> found =
        EvaluateOp(n.op, inputs, AttributesOf(n, more), opset, outputs);
    const float tolerance = 2e-6f * static_cast<float>(n.steps + n.hidden + n.input);
    ExpectNear(As(DataType::kFloat32, found[0]), expected.y, tolerance);
    ExpectNear(As(DataType::kFloat32, found[1]), expected.h, tolerance);
    if (outputs > 2) ExpectNear(As(DataType::kFloat32, found[2]), expected.c, tolerance);
  }
}

Net Make(const std::string& op, const std::string& direction = "forward") {
  Net net;
  net.op = op;
  net.direction = direction;
  return net;
}

const char* const kOps[] = {"RNN", "GRU", "LSTM"};

TEST(Recurrent, EveryDirectionAndSize) {
  for (const char* op : kOps) {
    for (const char* direction : {"forward", "reverse", "bidirectional"}) {
      for (const auto& [steps, batch, input, hidden] : std::vector<std::array<std::int64_t, 4>>{
               {1, 1, 1, 1}, {7, 3, 5, 4}, {2, 35, 3, 17}, {150, 1, 2, 16}, {40, 7, 33, 20}}) {
        Net net = Make(op, direction);
        net.steps = steps;
        net.batch = batch;
        net.input = input;
        net.hidden = hidden;
        net.Fill(7);
        SCOPED_TRACE(std::string(op) + " " + direction + " " +
                     ShapeToString({steps, batch, input, hidden}));
        ExpectDefinition(net);
      }
    }
  }
}

TEST(Recurrent, WithoutBiasAndStatesInEveryOpset) {
  for (const char* op : kOps) {
    for (const int opset : {1, 7, 14, 22}) {
      Net net = Make(op, "bidirectional");
      net.Fill(11, false, false);
      ExpectDefinition(net, {}, std::min(opset, kMaxOpset));
    }
  }
}

TEST(Recurrent, SequencesOfTheirOwnLengths) {
  for (const char* op : kOps) {
    for (const char* direction : {"forward", "reverse", "bidirectional"}) {
      Net net = Make(op, direction);
      net.batch = 4;
      net.Fill(13);
      net.lengths = Of<std::int32_t>({4}, {5, 2, 0, 4});
      SCOPED_TRACE(std::string(op) + " " + direction);
      ExpectDefinition(net);
    }
  }
}

TEST(Recurrent, GruLinearBeforeReset) {
  for (const bool bias : {false, true}) {
    Net net = Make("GRU", "bidirectional");
    net.linear_before_reset = true;
    net.Fill(17, bias);
    ExpectDefinition(net);
  }
}

TEST(Recurrent, LstmPeepholesAndCoupledGates) {
  for (const bool coupled : {false, true}) {
    for (const bool peepholes : {false, true}) {
      Net net = Make("LSTM", "bidirectional");
      net.input_forget = coupled;
      net.Fill(19);
      if (peepholes) net.p = Random({2, 12}, 23);
      SCOPED_TRACE(std::to_string(coupled) + " " + std::to_string(peepholes));
      ExpectDefinition(net);
    }
  }
}

TEST(Recurrent, ClipsWhatGoesIntoActivations) {
  for (const char* op : kOps) {
    Net net = Make(op);
    net.clip = 0.125;
    net.Fill(29);
    ExpectDefinition(net);
  }
}

TEST(Recurrent, EveryActivation) {
  struct Row {
    const char* name;
    Function function;
  };
  const Row rows[] = {
      {"Affine", [](double x) { return 0.5 * x - 0.25; }},
      {"Relu", [](double x) { return std::max(x, 0.0); }},
      {"leakyrelu", [](double x) { return x < 0 ? 0.5 * x : x; }},
      {"ThresholdedRelu", [](double x) { return x > 0.5 ? x : 0.0; }},
      {"Tanh", [](double x) { return std::tanh(x); }},
      {"ScaledTanh", [](double x) { return 0.5 * std::tanh(-0.25 * x); }},
      {"Sigmoid", Sigmoid},
      {"HardSigmoid", [](double x) { return std::clamp(0.5 * x - 0.25, 0.0, 1.0); }},
      {"Elu", [](double x) { return x < 0 ? 0.5 * std::expm1(x) : x; }},
      {"Softsign", [](double x) { return x / (1 + std::abs(x)); }},
      {"SOFTPLUS", [](double x) { return std::log1p(std::exp(x)); }},
  };
  for (const Row& row : rows) {
    Net net = Make("RNN");
    net.functions = {row.function};
    net.Fill(31);
    SCOPED_TRACE(row.name);
    ExpectDefinition(net, {{"activations", std::vector<std::string>{row.name}},
                           {"activation_alpha", Floats{0.5f}},
                           {"activation_beta", Floats{-0.25f}}});
  }
}

// Those that take none are passed over; what is not given is the operator's default.
TEST(Recurrent, ParametersInTheOrderOfTheActivations) {
  const auto elu = [](double alpha) {
    return [alpha](double x) { return x < 0 ? alpha * std::expm1(x) : x; };
  };
  Net net = Make("LSTM", "bidirectional");
  net.functions = {[](double x) { return std::clamp(0.3 * x + 0.1, 0.0, 1.0); },
                   [](double x) { return std::tanh(x); },
                   elu(0.75),
                   [](double x) { return std::clamp(0.6 * x + 0.5, 0.0, 1.0); },
                   [](double x) { return std::max(x, 0.0); },
                   elu(1.0)};
  net.Fill(37);
  ExpectDefinition(net, {{"activations", std::vector<std::string>{"HardSigmoid", "Tanh", "Elu",
                                                                  "HardSigmoid", "Relu", "Elu"}},
                         {"activation_alpha", Floats{0.3f, 0.75f, 0.6f}},
                         {"activation_beta", Floats{0.1f}}});
}

TEST(Recurrent, BatchFirst) {
  for (const char* op : kOps) {
    Net net = Make(op, "bidirectional");
    net.batch = 3;
    net.Fill(41);
    net.lengths = Of<std::int32_t>({3}, {5, 1, 3});
    const Results expected = Expected(net);
    const auto swapped = [](const Tensor& tensor) {
      return tensor.defined() ? RunOp("Transpose", {tensor}, {{"perm", Ints{1, 0, 2}}}) : tensor;
    };
    std::vector<Tensor> inputs = net.Inputs();
    inputs[0] = swapped(inputs[0]);
    inputs[5] = swapped(inputs[5]);
    if (net.op == "LSTM") inputs[6] = swapped(inputs[6]);
    const std::vector<Tensor> found =
        EvaluateOp(op, inputs, AttributesOf(net, {{"layout", Int(1)}}), 14, 2);
    ExpectNear(found[0], RunOp("Transpose", {expected.y}, {{"perm", Ints{2, 0, 1, 3}}}), 1e-5f);
    ExpectNear(found[1], swapped(expected.h), 1e-5f);
  }
}

// Weights that come with the run are not packed.
TEST(Recurrent, WeightsAsInputsOfTheNetwork) {
  Net net = Make("GRU", "bidirectional");
  net.Fill(43);
  testing::GraphBuilder builder(14);
  const ValueId x = builder.Input("x", net.x.shape());
  const ValueId w = builder.Input("w", net.w.shape());
  const ValueId r = builder.Constant(net.r);
  const ValueId y =
      builder.Op("GRU", {x, w, r, builder.Constant(net.b), kNoValue, builder.Constant(net.h0)},
                 AttributesOf(net));
  builder.Output(y, "y");
  const Model model = Model::Compile(builder.Take(), {.threads = 1});
  const Tensors outputs = model.NewSession().Run({{"x", net.x}, {"w", net.w}});
  ExpectNear(outputs.at("y"), Expected(net).y, 1e-5f);
}

// Outputs that nobody wants are not made, the last ones and the first one.
TEST(Recurrent, SomeOutputs) {
  Net net = Make("LSTM");
  net.Fill(47);
  const Results expected = Expected(net);
  Node node = MakeNode("LSTM", 3, {{"hidden_size", Int(4)}}, 14, 3);
  node.inputs = {0, 1, 2, 3, kNoValue, 4, 5};
  const std::vector<Tensor> values{net.x, net.w, net.r, net.b, net.h0, net.c0};
  std::vector<const Tensor*> inputs;
  for (const ValueId id : node.inputs) {
    inputs.push_back(id == kNoValue ? nullptr : &values[static_cast<std::size_t>(id)]);
  }
  node.outputs[0] = kNoValue;
  const std::vector<Tensor> found = EvaluateNode(node, inputs);
  EXPECT_FALSE(found[0].defined());
  ExpectNear(found[1], expected.h, 1e-5f);
  ExpectNear(found[2], expected.c, 1e-5f);
  node.outputs.resize(2);
  node.outputs[0] = 9;
  ExpectNear(EvaluateNode(node, inputs)[0], expected.y, 1e-5f);
}

TEST(Recurrent, EmptySequencesAndBatches) {
  for (const char* op : kOps) {
    Net net = Make(op);
    net.steps = 0;
    net.Fill(53);
    ExpectDefinition(net);  // the state is the initial one
    net.steps = 3;
    net.batch = 0;
    net.Fill(53);
    ExpectDefinition(net);
  }
}

TEST(Recurrent, ThreadsDoNotChangeTheBits) {
  Net net = Make("LSTM", "bidirectional");
  net.batch = 40;
  net.Fill(59);
  std::vector<Tensor> results;
  for (const int threads : {1, 3}) {
    testing::GraphBuilder builder(14);
    const ValueId x = builder.Input("x", net.x.shape());
    builder.Output(builder.Op("LSTM", {x, builder.Constant(net.w), builder.Constant(net.r)},
                              AttributesOf(net)),
                   "y");
    const Model model = Model::Compile(builder.Take(), {.threads = threads});
    results.push_back(model.NewSession().Run({{"x", net.x}}).at("y"));
  }
  EXPECT_TRUE(testing::SameTensor(results[0], results[1]));
}

TEST(Recurrent, WrongInputs) {
  Net net = Make("LSTM");
  net.Fill(61);
  const auto run = [&](std::size_t input, const Tensor& tensor, AttributeList more = {}) {
    std::vector<Tensor> inputs = net.Inputs();
    if (input < inputs.size()) inputs[input] = tensor;
    return EvaluateOp("LSTM", inputs, AttributesOf(net, more), 14, 3);
  };
  const std::size_t none = 99;
  EXPECT_NO_THROW(run(none, {}));
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == 4 || i == 7) continue;
    ExpectError(ErrorCode::kInvalidModel, [&] { run(i, Random({2, 2}, 1)); });
    ExpectError(ErrorCode::kInvalidModel, [&] { run(i, As(DataType::kFloat64, net.Inputs()[i])); });
  }
  ExpectError(ErrorCode::kInvalidModel, [&] { run(4, Of<std::int32_t>({1}, {3})); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(4, Of<std::int64_t>({2}, {3, 3})); });
  ExpectError(ErrorCode::kInvalidInput, [&] { run(4, Of<std::int32_t>({2}, {3, 6})); });
  ExpectError(ErrorCode::kInvalidInput, [&] { run(4, Of<std::int32_t>({2}, {-1, 3})); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(none, {}, {{"layout", Int(2)}}); });
  const auto names = [](std::vector<std::string> list) { return Attribute(std::move(list)); };
  ExpectError(ErrorCode::kInvalidModel, [&] {
    run(none, {}, {{"activations", names({"Tanh", "Tanh", "Cosine"})}});
  });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    run(none, {}, {{"activations", names({"Tanh", "Tanh"})}});
  });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    std::vector<Tensor> inputs = net.Inputs();
    inputs[0] = Random({5, 2, 0}, 1);
    inputs[1] = Random({1, 16, 0}, 1);
    EvaluateOp("LSTM", inputs, AttributesOf(net));
  });
  net.direction = "sideways";
  ExpectError(ErrorCode::kInvalidModel, [&] { run(none, {}); });
  net.direction = "forward";
  net.hidden = 5;
  ExpectError(ErrorCode::kInvalidModel, [&] { run(none, {}); });
}

}  // namespace
}  // namespace kinglet::test::recurrent_test
