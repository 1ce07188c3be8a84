// Graphs whose shapes depend on data, run as users run them.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kinglet/error.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/subgraph.h"

namespace kinglet::dynamic_run_test {
namespace {

using testing::CaptureOf;
using testing::GraphBuilder;
using testing::RandomTensor;
using testing::RelativeDifference;
using testing::Subgraph;

Tensor Int(std::int64_t value) { return Tensor::From<std::int64_t>({1}, {value}); }

std::vector<float> FloatsOf(const Tensor& tensor) {
  return {tensor.data<float>(), tensor.data<float>() + tensor.size()};
}

std::string MessageOf(ErrorCode code, Session& session, const Tensors& inputs) {
  try {
    session.Run(inputs);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return {};
}

// y = relu(x)[0 : n] + 1, with n an input; z = relu(x).
Graph SliceByData() {
  GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 2});
  const ValueId n = b.Input("n", {1}, DataType::kInt64);
  const ValueId z = b.Op("Relu", {x});
  const ValueId part = b.Op("Slice", {z, b.Ints({0}), n, b.Ints({0})});
  b.Output(b.Op("Add", {part, b.Floats({1}, {1})}), "y");
  b.Output(z, "z");
  return b.Take();
}

TEST(DynamicRun, SizesComeFromValues) {
  for (const bool optimize : {false, true}) {
    const Model model = Model::Compile(SliceByData(), {.threads = 1, .optimize = optimize});
    Session session = model.NewSession();
    const Tensor x = Tensor::From<float>({3, 2}, {1, -2, 3, -4, 5, -6});
    for (const std::int64_t n : {2, 2, 0, 3, 1, -1}) {
      const Tensors& outputs = session.Run({{"x", x}, {"n", Int(n)}});
      const std::int64_t rows = n < 0 ? 3 + n : n;
      EXPECT_EQ(outputs.at("y").shape(), (Shape{rows, 2}));
      const std::vector<float> all = {2, 1, 4, 1, 6, 1};
      EXPECT_EQ(FloatsOf(outputs.at("y")), std::vector<float>(all.begin(), all.begin() + 2 * rows));
      EXPECT_EQ(FloatsOf(outputs.at("z")), (std::vector<float>{1, 0, 3, 0, 5, 0}));
    }
  }
}

TEST(DynamicRun, OtherInputShapesShareTheProgram) {
  const Model model = Model::Compile(SliceByData(), {.threads = 1});
  Session session = model.NewSession();
  for (const std::int64_t rows : {4, 1, 4, 7}) {
    const Tensors& outputs = session.Run({{"x", RandomTensor({rows, 2})}, {"n", Int(rows)}});
    EXPECT_EQ(outputs.at("y").shape(), (Shape{rows, 2}));
  }
}

TEST(DynamicRun, DescribeSaysWhatWaits) {
  const Model model = Model::Compile(SliceByData(), {.threads = 1});
  const PlanInfo info = model.Describe({{"x", {3, 2}}, {"n", {1}}});
  std::vector<std::string> waiting;
  for (const StepInfo& step : info.steps) {
    if (step.waits) waiting.push_back(step.op);
  }
  EXPECT_EQ(waiting, (std::vector<std::string>{"Slice", "Add"}));
  EXPECT_FALSE(info.outputs[0].has_shape);
  EXPECT_EQ(info.outputs[1].shape, (Shape{3, 2}));
  Session session = model.NewSession();
  const std::vector<double> seconds = session.Profile({{"x", RandomTensor({3, 2})}, {"n", Int(1)}});
  ASSERT_EQ(seconds.size(), info.steps.size());
  EXPECT_GT(seconds.back(), 0);
}

TEST(DynamicRun, WrongDataNamesTheNodeAndTheSessionGoesOn) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {4});
  const ValueId shape = b.Input("shape", {2}, DataType::kInt64);
  b.Output(b.Op("Relu", {b.Op("Reshape", {x, shape})}), "y");
  const Model model = Model::Compile(b.Take(), {.threads = 1});
  Session session = model.NewSession();
  const auto inputs = [](std::int64_t h, std::int64_t w) {
    return Tensors{{"x", RandomTensor({4})}, {"shape", Tensor::From<std::int64_t>({2}, {h, w})}};
  };
  EXPECT_EQ(session.Run(inputs(2, 2)).at("y").shape(), (Shape{2, 2}));
  EXPECT_NE(MessageOf(ErrorCode::kInvalidInput, session, inputs(3, 2)).find("'Reshape0'"),
            std::string::npos);
  EXPECT_NE(MessageOf(ErrorCode::kInvalidInput, session, inputs(-7, 2)).find("'Reshape0'"),
            std::string::npos);
  EXPECT_EQ(session.Run(inputs(1, 4)).at("y").shape(), (Shape{1, 4}));
}

TEST(DynamicRun, ScratchIsBounded) {
  GraphBuilder b;
  const ValueId shape = b.Input("shape", {1}, DataType::kInt64);
  b.Output(b.Op("Relu", {b.Op("ConstantOfShape", {shape})}), "y");
  const Model model =
      Model::Compile(b.Take(), {.threads = 1, .max_scratch_bytes = std::size_t{1} << 20});
  Session session = model.NewSession();
  EXPECT_EQ(session.Run({{"shape", Int(1000)}}).at("y").size(), 1000);
  const std::string message =
      MessageOf(ErrorCode::kResource, session, {{"shape", Int(10'000'000)}});
  EXPECT_NE(message.find("'ConstantOfShape0'"), std::string::npos) << message;
  EXPECT_EQ(session.Run({{"shape", Int(7)}}).at("y").size(), 7);
}

// Convolutions on as many images as data says.
TEST(DynamicRun, ConvolutionsOfARunTimeBatchEqualPlannedOnes) {
  Attributes same;
  same.Set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  const auto build = [&](bool dynamic) {
    GraphBuilder b;
    ValueId x = b.Input("x", {-1, 20, 9, 9});
    if (dynamic) {
      const ValueId n = b.Input("n", {1}, DataType::kInt64);
      x = b.Op("Slice", {x, b.Ints({0}), n, b.Ints({0})});
    }
    const ValueId w = b.Constant(RandomTensor({20, 20, 3, 3}, 2));
    const ValueId y = b.Op("Relu", {b.Op("Conv", {x, w}, same)});
    const ValueId z = b.Op("Conv",
                           {b.Op("MaxPool", {y},
                                 [] {
                                   Attributes a;
                                   a.Set("kernel_shape", std::vector<std::int64_t>{2, 2});
                                   return a;
                                 }()),
                            w},
                           same);
    b.Output(b.Op("Add", {z, z}), "y");
    b.Output(b.Op("Flatten", {b.Op("GlobalAveragePool", {z})}), "pooled");
    return b.Take();
  };
  const Model fixed = Model::Compile(build(false), {.threads = 1});
  Session expected = fixed.NewSession();
  for (const int threads : {1, 2}) {
    const Model model = Model::Compile(build(true), {.threads = threads});
    Session session = model.NewSession();
    const Tensor all = RandomTensor({9, 20, 9, 9});
    for (const std::int64_t n : {1, 4, 9, 0, 3, 9}) {
      const Tensor part = Tensor::From<float>(
          {n, 20, 9, 9}, std::vector<float>(all.data<float>(), all.data<float>() + n * 1620));
      const Tensors& wanted = expected.Run({{"x", part}});
      const Tensors& outputs = session.Run({{"x", all}, {"n", Int(n)}});
      for (const char* name : {"y", "pooled"}) {
        EXPECT_LE(RelativeDifference(outputs.at(name), wanted.at(name)), 1e-5) << name << n;
      }
    }
  }
}

// cond ? x + y : x, of captured values.
Graph Branches() {
  GraphBuilder b;
  const ValueId cond = b.Input("cond", {}, DataType::kBool);
  const ValueId x = b.Input("x", {-1});
  const ValueId y = b.Op("Relu", {x});
  GraphBuilder yes, no;
  yes.Output(yes.Op("Add", {CaptureOf(yes, b, x), CaptureOf(yes, b, y)}));
  no.Output(CaptureOf(no, b, x));
  Attributes branches;
  branches.Set("then_branch", Subgraph(yes));
  branches.Set("else_branch", Subgraph(no));
  b.Output(b.Op("Neg", {b.Op("If", {cond}, branches)}), "z");
  return b.Take();
}

TEST(DynamicRun, IfTakesTheBranchThatTheDataSays) {
  for (const bool optimize : {false, true}) {
    const Model model = Model::Compile(Branches(), {.threads = 1, .optimize = optimize});
    Session session = model.NewSession();
    const Tensor x = Tensor::From<float>({2}, {1, -3});
    Tensor cond(DataType::kBool, {});
    cond.data<bool>()[0] = true;
    EXPECT_EQ(FloatsOf(session.Run({{"cond", cond}, {"x", x}}).at("z")),
              (std::vector<float>{-2, 3}));
    cond.data<bool>()[0] = false;
    EXPECT_EQ(FloatsOf(session.Run({{"cond", cond}, {"x", x}}).at("z")),
              (std::vector<float>{-1, 3}));
  }
}

// Adds x (captured) to a sum until it is `stop` or more, at most `trips` times; what the sum was
// before each step is a scan output.
Graph Adding() {
  GraphBuilder b;
  const ValueId trips = b.Input("trips", {}, DataType::kInt64);
  const ValueId cond = b.Input("cond", {}, DataType::kBool);
  const ValueId x = b.Input("x", {1});
  const ValueId stop = b.Input("stop", {1});
  GraphBuilder body;
  body.Input("i", {}, DataType::kInt64);
  body.Input("go", {}, DataType::kBool);
  const ValueId sum = body.Input("sum", {1});
  const ValueId next = body.Op("Add", {sum, CaptureOf(body, b, x)});
  body.Output(body.Op("Squeeze", {body.Op("Less", {next, CaptureOf(body, b, stop)})}));
  body.Output(next);
  body.Output(body.Op("Identity", {sum}));
  body.ir().value(body.ir().outputs[2]).dims = {1};
  body.ir().value(body.ir().outputs[2]).type = DataType::kFloat32;
  Attributes attributes;
  attributes.Set("body", Subgraph(body));
  const auto made = b.Node("Loop", {trips, cond, b.Floats({1}, {0})}, 2, attributes);
  b.Output(made[0], "sum");
  b.Output(made[1], "before");
  return b.Take();
}

Tensors AddingInputs(std::int64_t trips, bool cond, float stop) {
  Tensor go(DataType::kBool, {});
  go.data<bool>()[0] = cond;
  return {{"trips", Tensor::From<std::int64_t>({}, {trips})},
          {"cond", go},
          {"x", Tensor::From<float>({1}, {2})},
          {"stop", Tensor::From<float>({1}, {stop})}};
}

// A Loop whose carried sum is two scan outputs too, and an If whose branches give one value twice.
Graph GivingTwice() {
  GraphBuilder b;
  const ValueId trips = b.Input("trips", {}, DataType::kInt64);
  const ValueId cond = b.Input("cond", {}, DataType::kBool);
  const ValueId x = b.Input("x", {1});
  const auto declare = [](GraphBuilder& body, ValueId id) {
    body.ir().value(id).dims = {1};
    body.ir().value(id).type = DataType::kFloat32;
  };
  GraphBuilder body;
  body.Input("i", {}, DataType::kInt64);
  const ValueId go = body.Input("go", {}, DataType::kBool);
  const ValueId sum = body.Input("sum", {1});
  const ValueId next = body.Op("Add", {sum, CaptureOf(body, b, x)});
  declare(body, next);
  body.Output(body.Op("Identity", {go}));
  for (int i = 0; i < 3; ++i) body.Output(next);
  Attributes attributes;
  attributes.Set("body", Subgraph(body));
  const auto looped = b.Node("Loop", {trips, cond, b.Floats({1}, {0})}, 3, attributes);
  Attributes branches;
  for (const char* name : {"then_branch", "else_branch"}) {
    GraphBuilder branch;
    const ValueId inner = CaptureOf(branch, b, x);
    const ValueId y = branch.Op(name[0] == 't' ? "Neg" : "Abs", {inner});
    declare(branch, y);
    branch.Output(y);
    branch.Output(y);
    branches.Set(name, Subgraph(branch));
  }
  const auto chosen = b.Node("If", {cond}, 2, branches);
  const char* names[] = {"sum", "one", "two"};
  for (std::size_t i = 0; i < 3; ++i) b.Output(looped[i], names[i]);
  b.Output(chosen[0], "first");
  b.Output(chosen[1], "second");
  return b.Take();
}

// Outputs of a subgraph go by their place: a value may be several of them.
TEST(DynamicRun, ASubgraphMayGiveAValueTwice) {
  Tensor go_on(DataType::kBool, {});
  go_on.data<bool>()[0] = true;
  for (const bool optimize : {false, true}) {
    const Model model = Model::Compile(GivingTwice(), {.threads = 1, .optimize = optimize});
    Session session = model.NewSession();
    const Tensors& outputs = session.Run({{"trips", Tensor::From<std::int64_t>({}, {3})},
                                          {"cond", go_on},
                                          {"x", Tensor::From<float>({1}, {2})}});
    EXPECT_EQ(FloatsOf(outputs.at("sum")), (std::vector<float>{6}));
    EXPECT_EQ(FloatsOf(outputs.at("one")), (std::vector<float>{2, 4, 6}));
    EXPECT_EQ(FloatsOf(outputs.at("two")), (std::vector<float>{2, 4, 6}));
    EXPECT_EQ(FloatsOf(outputs.at("first")), (std::vector<float>{-2}));
    EXPECT_EQ(FloatsOf(outputs.at("second")), (std::vector<float>{-2}));
  }
}

TEST(DynamicRun, LoopCountsStopsEarlyAndMayNotRunAtAll) {
  for (const bool optimize : {false, true}) {
    const Model model = Model::Compile(Adding(), {.threads = 1, .optimize = optimize});
    Session session = model.NewSession();
    const auto run = [&](std::int64_t trips, bool cond, float stop) {
      const Tensors& outputs = session.Run(AddingInputs(trips, cond, stop));
      return std::pair(FloatsOf(outputs.at("sum")), FloatsOf(outputs.at("before")));
    };
    using Floats = std::vector<float>;
    EXPECT_EQ(run(3, true, 100), std::pair(Floats{6}, Floats{0, 2, 4}));
    EXPECT_EQ(run(30, true, 5), std::pair(Floats{6}, Floats{0, 2, 4}));
    EXPECT_EQ(run(0, true, 5), std::pair(Floats{0}, Floats{}));
    EXPECT_EQ(run(-4, true, 5), std::pair(Floats{0}, Floats{}));
    EXPECT_EQ(run(3, false, 5), std::pair(Floats{0}, Floats{}));
    EXPECT_EQ(session.Run(AddingInputs(2, true, 9)).at("before").shape(), (Shape{2, 1}));
    EXPECT_EQ(session.Run(AddingInputs(0, true, 9)).at("before").shape(), (Shape{0, 1}));
  }
}

TEST(DynamicRun, IterationsAreBudgeted) {
  const Model model = Model::Compile(Adding(), {.threads = 1, .max_iterations = 100});
  Session session = model.NewSession();
  EXPECT_EQ(session.Run(AddingInputs(100, true, 1e9f)).at("sum").data<float>()[0], 200);
  const std::string message =
      MessageOf(ErrorCode::kResource, session, AddingInputs(std::int64_t{1} << 62, true, 1e9f));
  EXPECT_NE(message.find("'Loop0'"), std::string::npos) << message;
  EXPECT_NE(message.find("100 iterations"), std::string::npos) << message;
  EXPECT_EQ(session.Run(AddingInputs(1, true, 1e9f)).at("sum").data<float>()[0], 2);
}

// Sequences grow in a loop: x, 2x, 3x, ..., n of them, joined along axis 0.
TEST(DynamicRun, SequencesAreCarriedThroughLoops) {
  GraphBuilder b;
  const ValueId trips = b.Input("trips", {}, DataType::kInt64);
  const ValueId x = b.Input("x", {2});
  GraphBuilder body;
  const ValueId i = body.Input("i", {}, DataType::kInt64);
  const ValueId go = body.Input("go", {}, DataType::kBool);
  Value list;
  list.name = "list";
  const ValueId so_far = body.ir().AddValue(list);
  body.ir().inputs.push_back(so_far);
  Attributes to_float;
  to_float.Set("to", std::int64_t{1});
  const ValueId factor = body.Op("Add", {body.Op("Cast", {i}, to_float), body.Floats({1}, {1})});
  const ValueId element = body.Op("Mul", {CaptureOf(body, b, x), factor});
  body.Output(body.Op("Identity", {go}));
  body.Output(body.Op("SequenceInsert", {so_far, element}));
  Attributes attributes, axis;
  attributes.Set("body", Subgraph(body));
  axis.Set("axis", std::int64_t{0});
  Tensor yes(DataType::kBool, {});
  yes.data<bool>()[0] = true;
  const ValueId made =
      b.Op("Loop", {trips, b.Constant(yes), b.Op("SequenceEmpty", {})}, attributes);
  b.Output(b.Op("ConcatFromSequence", {made}, axis), "joined");
  b.Output(b.Op("SequenceLength", {made}), "length");
  const Model model = Model::Compile(b.Take(), {.threads = 1});
  Session session = model.NewSession();
  const Tensor x2 = Tensor::From<float>({2}, {1, 10});
  const Tensors& outputs = session.Run({{"trips", Tensor::From<std::int64_t>({}, {3})}, {"x", x2}});
  EXPECT_EQ(FloatsOf(outputs.at("joined")), (std::vector<float>{1, 10, 2, 20, 3, 30}));
  EXPECT_EQ(outputs.at("length").data<std::int64_t>()[0], 3);
  MessageOf(ErrorCode::kInvalidInput, session,
            {{"trips", Tensor::From<std::int64_t>({}, {0})}, {"x", x2}});
}

// A sequence changes in place where nobody else has it, and only there.
TEST(DynamicRun, SequencesThatOthersReadStay) {
  GraphBuilder b, body;
  const ValueId x = b.Input("x", {-1});
  const ValueId parts =
      b.Op("SplitToSequence", {x, b.Constant(Tensor::From<std::int64_t>({}, {1}))});
  const ValueId longer = b.Op("SequenceInsert", {parts, x});
  const ValueId shorter = b.Op("SequenceErase", {b.Op("SequenceErase", {longer})});
  // Each time one more than there are parts, whatever the time before made of its copy.
  const ValueId i = body.Input("i", {}, DataType::kInt64);
  const ValueId go_on = body.Input("go_on", {}, DataType::kBool);
  static_cast<void>(i);
  body.Output(body.Op("Identity", {go_on}));
  const ValueId captured = CaptureOf(body, b, parts);
  body.Output(
      body.Op("SequenceLength", {body.Op("SequenceInsert", {captured, CaptureOf(body, b, x)})}));
  Attributes attributes;
  attributes.Set("body", Subgraph(body));
  Tensor yes(DataType::kBool, {});
  yes.data<bool>()[0] = true;
  b.Output(
      b.Op("Loop", {b.Constant(Tensor::From<std::int64_t>({}, {3})), b.Constant(yes)}, attributes),
      "lengths");
  b.Output(b.Op("SequenceLength", {parts}), "parts");
  b.Output(b.Op("SequenceLength", {shorter}), "shorter");
  const Model model = Model::Compile(b.Take(), {.threads = 1});
  Session session = model.NewSession();
  for (int run = 0; run < 2; ++run) {
    const Tensors& found = session.Run({{"x", RandomTensor({5})}});
    const auto* lengths = found.at("lengths").data<std::int64_t>();
    EXPECT_EQ(std::vector<std::int64_t>(lengths, lengths + 3),
              (std::vector<std::int64_t>{6, 6, 6}));
    EXPECT_EQ(found.at("parts").data<std::int64_t>()[0], 5);
    EXPECT_EQ(found.at("shorter").data<std::int64_t>()[0], 4);
  }
}

// Parts without elements take no memory that a limit on bytes would count.
TEST(DynamicRun, SequencesAreBounded) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 0});
  const ValueId each = b.Input("each", {}, DataType::kInt64);
  b.Output(b.Op("SequenceLength", {b.Op("SplitToSequence", {x, each})}), "length");
  const Model model = Model::Compile(b.Take(), {.threads = 1});
  Session session = model.NewSession();
  const auto inputs = [](std::int64_t rows, std::int64_t size) {
    return Tensors{{"x", Tensor(DataType::kFloat32, {rows, 0})},
                   {"each", Tensor::From<std::int64_t>({}, {size})}};
  };
  EXPECT_EQ(session.Run(inputs(5, 2)).at("length").data<std::int64_t>()[0], 3);
  const std::string message =
      MessageOf(ErrorCode::kInvalidInput, session, inputs(1'000'000'000'000, 1));
  EXPECT_NE(message.find("1000000000000 tensors"), std::string::npos) << message;
  EXPECT_EQ(session.Run(inputs(4, 4)).at("length").data<std::int64_t>()[0], 1);
}

// Running sums along an axis, from either end.
TEST(DynamicRun, ScanGoesAlongAnyAxisInBothDirections) {
  for (const bool reversed : {false, true}) {
    GraphBuilder b;
    const ValueId first = b.Input("first", {2});
    const ValueId x = b.Input("x", {2, -1});
    GraphBuilder body;
    const ValueId sum = body.Input("sum", {2});
    const ValueId column = body.Input("column", {2});
    const ValueId next = body.Op("Add", {sum, column});
    body.Output(next);
    body.Output(body.Op("Identity", {next}));
    Attributes attributes;
    attributes.Set("body", Subgraph(body));
    attributes.Set("num_scan_inputs", std::int64_t{1});
    attributes.Set("scan_input_axes", std::vector<std::int64_t>{1});
    attributes.Set("scan_output_axes", std::vector<std::int64_t>{-1});
    attributes.Set("scan_input_directions", std::vector<std::int64_t>{reversed});
    attributes.Set("scan_output_directions", std::vector<std::int64_t>{reversed});
    const auto made = b.Node("Scan", {first, x}, 2, attributes);
    b.Output(made[0], "last");
    b.Output(made[1], "sums");
    const Model model = Model::Compile(b.Take(), {.threads = 1});
    Session session = model.NewSession();
    const Tensors& outputs =
        session.Run({{"first", Tensor::From<float>({2}, {0, 100})},
                     {"x", Tensor::From<float>({2, 3}, {1, 2, 4, 8, 16, 32})}});
    EXPECT_EQ(FloatsOf(outputs.at("last")), (std::vector<float>{7, 156}));
    EXPECT_EQ(outputs.at("sums").shape(), (Shape{2, 3}));
    EXPECT_EQ(FloatsOf(outputs.at("sums")), reversed
                                                ? (std::vector<float>{7, 6, 4, 156, 148, 132})
                                                : (std::vector<float>{1, 3, 7, 108, 124, 156}));
  }
}

}  // namespace
}  // namespace kinglet::dynamic_run_test
