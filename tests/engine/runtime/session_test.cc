#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>

#include "kinglet/error.h"
#include "kinglet/model.h"
#include "tests/engine/runtime/small_net.h"
#include "tests/support/graph_builder.h"

#if defined(__SANITIZE_THREAD__)
#define KINGLET_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#define KINGLET_COUNTS_ALLOCATIONS !__has_feature(thread_sanitizer)
#else
#define KINGLET_COUNTS_ALLOCATIONS 1
#endif

namespace {

std::atomic<std::size_t> allocations{0};

}  // namespace

#if KINGLET_COUNTS_ALLOCATIONS  // ThreadSanitizer's operators can't be replaced
// Counts what this program allocates, so that a test can say that Run allocates nothing.
__attribute__((noinline)) void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
__attribute__((noinline)) void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
__attribute__((noinline)) void operator delete(void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
// What tensors are allocated by.
extern "C" int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) noexcept {
  ++allocations;
  *memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  return *memory == nullptr ? ENOMEM : 0;
}
#endif

namespace kinglet::session_test {
namespace {

using testing::GraphBuilder;
using testing::RandomTensor;
using testing::RelativeDifference;
using testing::SliceNet;
using testing::SmallNet;

Model Compile(bool optimize, int threads = 1) {
  return Model::Compile(SmallNet(), {.threads = threads, .optimize = optimize});
}

TEST(Session, OptimisedAndPlainAgreeAtEveryBatchAndSize) {
  const Model plain_model = Compile(false);
  const Model fast_model = Compile(true, 2);
  Session plain = plain_model.NewSession();
  Session fast = fast_model.NewSession();
  for (const Shape& shape : {Shape{1, 3, 8, 8}, {5, 3, 8, 8}, {2, 3, 13, 7}, {1, 3, 1, 1}}) {
    const Tensors inputs = {{"x", RandomTensor(shape)}};
    EXPECT_LE(RelativeDifference(fast.Run(inputs).at("y"), plain.Run(inputs).at("y")), 1e-5)
        << ShapeToString(shape);
  }
}

TEST(Session, AnEmptyBatchGivesAnEmptyAnswer) {
  for (const bool optimize : {false, true}) {
    const Model model = Compile(optimize);
    Session session = model.NewSession();
    const Tensors inputs = {{"x", Tensor(DataType::kFloat32, {0, 3, 8, 8})}};
    EXPECT_EQ(session.Run(inputs).at("y").shape(), (Shape{0, 20}));
  }
}

TEST(Session, FusesWhatItCan) {
  const PlanInfo fast = Compile(true).Describe({{"x", {1, 3, 8, 8}}});
  for (const StepInfo& step : fast.steps) {
    EXPECT_NE(step.op, "Relu");
    EXPECT_NE(step.op, "Add");
  }
  EXPECT_EQ(fast.macs, 64 * 20 * 27 + 64 * 20 * 180);
  EXPECT_EQ(fast.outputs.at(0).shape, (Shape{1, 20}));
}

TEST(Session, WinogradCanBeSwitchedOff) {
  const InputShapes shapes = {{"x", {1, 3, 64, 64}}};
  const auto uses_winograd = [&](bool winograd) {
    CompileOptions options;
    options.winograd = winograd;
    const PlanInfo plan = Model::Compile(SmallNet(), options).Describe(shapes);
    return std::ranges::any_of(plan.steps, [](const StepInfo& step) {
      return step.kernel.find("winograd") != std::string::npos;
    });
  };
  EXPECT_TRUE(uses_winograd(true));
  EXPECT_FALSE(uses_winograd(false));
}

TEST(Session, EveryStepHasAPredictedTime) {
  const Model model = Compile(true);
  const PlanInfo one = model.Describe({{"x", {1, 3, 64, 64}}});
  double sum = 0;
  for (const StepInfo& step : one.steps) {
    EXPECT_GT(step.predicted_seconds, 0) << step.name;
    EXPECT_GT(step.units, 0) << step.name;
    EXPECT_GT(step.work.read_bytes, 0) << step.name;
    EXPECT_GT(step.work.write_bytes, 0) << step.name;
    if (step.macs > 0) {
      EXPECT_FALSE(step.work.operations.empty()) << step.name;
    }
    sum += step.predicted_seconds;
  }
  EXPECT_DOUBLE_EQ(one.predicted_seconds, sum);
  EXPECT_GT(model.Describe({{"x", {16, 3, 64, 64}}}).predicted_seconds, 4 * sum);
}

TEST(Session, AllocatesNothingOnceItHasRunAtAShape) {
  const Model model = Compile(true, 2);
  Session session = model.NewSession();
  const Tensors inputs = {{"x", RandomTensor({2, 3, 16, 16})}};
  session.Run(inputs);
  session.Run(inputs);
  const std::size_t before = allocations;
  session.Run(inputs);
  EXPECT_EQ(allocations, before);
}

TEST(Session, AlternatingBatchesAllocateNothing) {
  const Model model = Compile(true, 2);
  Session session = model.NewSession();
  const Tensors one = {{"x", RandomTensor({1, 3, 16, 16})}};
  const Tensors many = {{"x", RandomTensor({32, 3, 16, 16})}};
  std::vector<float> results_one(20);
  std::vector<float> results_many(32 * 20);
  const Shape shape_one = {1, 20};
  const Shape shape_many = {32, 20};
  const ConstTensorView in_one = one.at("x");
  const ConstTensorView in_many = many.at("x");
  const TensorView out_one(DataType::kFloat32, shape_one, results_one.data(), 80);
  const TensorView out_many(DataType::kFloat32, shape_many, results_many.data(), 32 * 80);
  const auto run = [&] {
    session.Run(one);
    session.Run(many);
    session.Run({&in_one, 1}, {&out_one, 1});
    session.Run({&in_many, 1}, {&out_many, 1});
  };
  run();
  run();
  const std::size_t before = allocations;
  for (int repeat = 0; repeat < 100; ++repeat) run();
  EXPECT_EQ(allocations, before);
}

// A batch that has not been run for long does not keep its memory.
TEST(Session, GivesBackWhatManyRunsDidNotNeed) {
  const Model model = Compile(true);
  Session session = model.NewSession();
  const Tensors small = {{"x", RandomTensor({1, 3, 8, 8})}};
  const Tensors large = {{"x", RandomTensor({64, 3, 64, 64})}};
  [[maybe_unused]] const std::size_t before = allocations;
  session.Run(large);
  for (int run = 0; run < 200; ++run) session.Run(small);
  const std::size_t settled = allocations;
  for (int run = 0; run < 200; ++run) session.Run(small);
  EXPECT_EQ(allocations, settled);
  // It is there again when it is asked for.
  const Tensors& outputs = session.Run(large);
  EXPECT_EQ(outputs.at("y").shape(), (Shape{64, 20}));
#if KINGLET_COUNTS_ALLOCATIONS
  EXPECT_GT(settled, before);
  EXPECT_GT(allocations, settled);
#endif
}

TEST(Session, AKeptOutputIsNotOverwritten) {
  const Model model = Compile(true);
  Session session = model.NewSession();
  const Tensor kept = session.Run({{"x", RandomTensor({1, 3, 8, 8}, 1)}}).at("y");
  const Tensor copy = kept.Clone();
  session.Run({{"x", RandomTensor({1, 3, 8, 8}, 2)}});
  EXPECT_EQ(RelativeDifference(kept, copy), 0);
}

TEST(Session, ManySessionsShareOneModel) {
  const Model model = Compile(true);
  const Tensors inputs = {{"x", RandomTensor({2, 3, 16, 16})}};
  Session first = model.NewSession();
  const Tensor wanted = first.Run(inputs).at("y").Clone();
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Session session = model.NewSession();
      for (int run = 0; run < 20; ++run) {
        const Tensors other = {{"x", RandomTensor({1 + t, 3, 9, 9 + run % 3})}};
        session.Run(other);
        if (RelativeDifference(session.Run(inputs).at("y"), wanted) != 0) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

template <typename F>
std::string MessageOf(ErrorCode code, F&& function) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

TEST(Session, SaysWhatIsWrongWithItsInputs) {
  const Model model = Compile(true);
  Session session = model.NewSession();
  const auto run = [&](const Tensors& inputs) {
    return MessageOf(ErrorCode::kInvalidInput, [&] { session.Run(inputs); });
  };
  EXPECT_EQ(run({}), "test: input 'x' is missing");
  EXPECT_EQ(run({{"z", RandomTensor({1, 3, 8, 8})}}), "test: input 'x' is missing");
  EXPECT_EQ(run({{"x", RandomTensor({1, 3, 8, 8})}, {"z", RandomTensor({1})}}),
            "test: there is no input 'z'; the inputs are 'x'");
  EXPECT_EQ(run({{"x", RandomTensor({1, 4, 8, 8})}}),
            "test: input 'x' has shape 1x4x8x8, expected ?x3x?x?");
  EXPECT_EQ(run({{"x", Tensor(DataType::kUInt8, {1, 3, 8, 8})}}),
            "test: input 'x' has type uint8, expected float32");
  // And it goes on.
  EXPECT_EQ(session.Run({{"x", RandomTensor({1, 3, 8, 8})}}).at("y").shape(), (Shape{1, 20}));
}

TEST(Session, WrongDataAtRunTimeEndsTheRunAndNotTheSession) {
  for (const int threads : {1, 2}) {
    GraphBuilder b;
    const ValueId x = b.Input("x", {4, 2});
    const ValueId index = b.Input("index", {3}, DataType::kInt64);
    b.Output(b.Op("Relu", {b.Op("Gather", {x, index})}), "y");
    const Model model = Model::Compile(b.Take(), {.threads = threads});
    Session session = model.NewSession();
    const Tensor data = RandomTensor({4, 2});
    const auto indices = [](std::int64_t last) {
      return Tensor::From<std::int64_t>({3}, {0, 3, last});
    };
    for (int repeat = 0; repeat < 3; ++repeat) {
      const std::string message = MessageOf(ErrorCode::kInvalidInput, [&] {
        session.Run({{"x", data}, {"index", indices(4)}});
      });
      EXPECT_NE(message.find("node 'Gather0' (Gather)"), std::string::npos) << message;
      EXPECT_NE(message.find("4"), std::string::npos) << message;
      const Tensors good = {{"x", data}, {"index", indices(-1)}};
      EXPECT_EQ(session.Run(good).at("y").shape(), (Shape{3, 2}));
    }
  }
}

TEST(Model, RefusesWhatWouldNotFitInMemory) {
  const Model model =
      Model::Compile(SmallNet(), {.threads = 1, .max_tensor_bytes = std::size_t{1} << 20});
  Session session = model.NewSession();
  const std::string message = MessageOf(ErrorCode::kResource, [&] {
    session.Run({{"x", Tensor(DataType::kFloat32, {1, 3, 256, 256})}});
  });
  EXPECT_NE(message.find("Conv0"), std::string::npos) << message;
  EXPECT_NE(message.find("1x20x256x256"), std::string::npos) << message;
}

TEST(Model, NamesEverythingThatIsNotSupportedAtOnce) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 2});
  Attributes odd;
  odd.Set("speed", std::int64_t{3});
  b.Output(b.Op("Frobnicate", {b.Op("Relu", {b.Op("Wibble", {x})}, odd)}));
  const std::string message =
      MessageOf(ErrorCode::kUnsupported, [&] { Model::Compile(b.Take(), {}); });
  for (const char* part : {"3 things", "Frobnicate", "Wibble", "'speed'", "opset 17"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << " in " << message;
  }
}

TEST(Model, PlansKeptStayUnderTheirBytes) {
  constexpr std::size_t kBound = 60'000;
  const Model model = Model::Compile(SmallNet(), {.threads = 1, .max_plan_bytes = kBound});
  Session session = model.NewSession();
  const Tensors first = {{"x", RandomTensor({1, 3, 8, 8})}};
  const Tensor wanted = session.Run(first).at("y").Clone();
  const std::size_t one = model.plan_bytes();
  ASSERT_GT(one, 500u);
  ASSERT_LT(one, kBound / 4);
  const std::size_t weights = model.weight_bytes();
  std::uint32_t random = 1;
  std::size_t most = 0;
  for (int k = 0; k < 200; ++k) {
    random = random * 1664525 + 1013904223;
    const std::int64_t height = 4 + random % 64;
    const std::int64_t width = 4 + (random >> 16) % 64;
    session.Run({{"x", RandomTensor({1, 3, height, width})}});
    ASSERT_LE(model.plan_bytes(), kBound);
    most = std::max(most, model.plan_bytes());
  }
  EXPECT_GT(most, kBound / 2);  // several are kept
  // Some sizes take another kernel, which has a form of its own; not every size has one.
  EXPECT_LE(model.weight_bytes(), 8 * weights);
  EXPECT_EQ(RelativeDifference(session.Run(first).at("y"), wanted), 0);
}

TEST(Model, APlanLargerThanTheBoundIsKeptWhileItIsInUse) {
  const Model model = Model::Compile(SmallNet(), {.threads = 1, .max_plan_bytes = 1});
  Session session = model.NewSession();
  for (std::int64_t size = 4; size < 20; ++size) {
    const Tensors& outputs = session.Run({{"x", RandomTensor({1, 3, size, size})}});
    EXPECT_EQ(outputs.at("y").shape(), (Shape{1, 20}));
  }
}

// Shapes come from data, and were seen before.
TEST(Session, ARunOnSizesSeenBeforeAllocatesNothing) {
  const Model model = Model::Compile(SliceNet(), {.threads = 1});
  Session session = model.NewSession();
  const Tensors inputs = {{"x", RandomTensor({5, 8, 6, 6})},
                          {"n", Tensor::From<std::int64_t>({1}, {3})}};
  session.Run(inputs);
  session.Run(inputs);
  const std::size_t before = allocations;
  session.Run(inputs);
  EXPECT_EQ(allocations - before, 0u);
}

}  // namespace
}  // namespace kinglet::session_test
