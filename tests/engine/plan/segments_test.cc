// Batches that go through segments, against one image at a time and against plain execution.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <numeric>

#include "engine/passes/passes.h"
#include "engine/plan/division.h"
#include "engine/plan/segment_step.h"
#include "kinglet/error.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"

namespace kinglet::segments_test {
namespace {

using testing::GraphBuilder;
using ::testing::HasSubstr;
using testing::RandomTensor;
using testing::RelativeDifference;

constexpr std::int64_t kSize = 20;

using Build = std::function<void(GraphBuilder&, ValueId x)>;

Attributes Int(const std::string& name, std::int64_t value) {
  Attributes attributes;
  attributes.Set(name, value);
  return attributes;
}
Attributes Ints(const std::string& name, std::vector<std::int64_t> values) {
  Attributes attributes;
  attributes.Set(name, std::move(values));
  return attributes;
}

ValueId Conv(GraphBuilder& b, ValueId x, std::int64_t from, std::int64_t channels,
             std::int64_t kernel = 1, std::int64_t stride = 1) {
  const auto seed = static_cast<std::uint32_t>(b.ir().nodes.size() + 1);
  const ValueId w = b.Constant(RandomTensor({channels, from, kernel, kernel}, seed));
  Attributes attributes = Ints("strides", {stride, stride});
  attributes.Set("pads", std::vector<std::int64_t>(4, kernel / 2));
  return b.Op("Relu", {b.Op("Conv", {x, w}, attributes)});
}

// A small network with a residual sum, a Concat and a classifier whose shape is computed.
void Classifier(GraphBuilder& b, ValueId x) {
  const ValueId stem = Conv(b, x, 3, 48, 3, 2);
  const ValueId sum = b.Op("Relu", {b.Op("Add", {Conv(b, stem, 48, 48, 3), stem})});
  const ValueId joined =
      b.Op("Concat", {Conv(b, sum, 48, 32), Conv(b, sum, 48, 64, 3)}, Int("axis", 1));
  const ValueId small = Conv(b, joined, 96, 72, 3, 2);
  const ValueId mean = b.Op("GlobalAveragePool", {Conv(b, small, 72, 100)});
  const ValueId n = b.Op("Gather", {b.Op("Shape", {mean}), b.Ints({0})}, Int("axis", 0));
  const ValueId shape = b.Op("Concat", {n, b.Ints({-1})}, Int("axis", 0));
  const ValueId weights = b.Constant(RandomTensor({100, 10}, 7));
  b.Output(b.Op("Softmax", {b.Op("MatMul", {b.Op("Reshape", {mean, shape}), weights})}), "y");
}

Graph Make(const Build& build, std::int64_t batch = -1) {
  GraphBuilder b;
  build(b, b.Input("x", {batch, 3, kSize, kSize}));
  return b.Take();
}
Tensor Images(std::int64_t batch) { return RandomTensor({batch, 3, kSize, kSize}, 5); }

bool IsCut(const Model& model, std::int64_t batch) {
  const PlanInfo info = model.Describe({{"x", {batch, 3, kSize, kSize}}});
  return std::any_of(info.steps.begin(), info.steps.end(),
                     [](const StepInfo& step) { return step.own_thread; });
}

// Every batch and number of threads gives what plain execution gives.
void ExpectSameAnswers(const Build& build) {
  const Model plain_model = Model::Compile(Make(build), {.threads = 1, .optimize = false});
  Session plain = plain_model.NewSession();
  std::vector<Tensors> wanted(10);
  for (std::int64_t batch = 1; batch <= 9; ++batch) {
    for (const auto& [name, tensor] : plain.Run({{"x", Images(batch)}})) {
      wanted[static_cast<std::size_t>(batch)][name] = tensor.Clone();
    }
  }
  for (const int threads : {1, 2, 3}) {
    const Model model = Model::Compile(Make(build), {.threads = threads});
    Session session = model.NewSession({.share_cores = false});
    for (std::int64_t batch = 1; batch <= 9; ++batch) {
      const Tensors& found = session.Run({{"x", Images(batch)}});
      for (const auto& [name, tensor] : wanted[static_cast<std::size_t>(batch)]) {
        EXPECT_LE(RelativeDifference(found.at(name), tensor), 2e-5)
            << name << ", batch " << batch << ", " << threads << " threads";
      }
    }
  }
}

TEST(Segments, EveryBatchGivesTheSameAnswers) { ExpectSameAnswers(Classifier); }

TEST(Segments, AThreadTakesImagesOfItsOwn) {
  const Model model = Model::Compile(Make(Classifier), {.threads = 2, .winograd = false});
  EXPECT_FALSE(IsCut(model, 1));
  for (const std::int64_t batch : {2, 3, 8, 9}) EXPECT_TRUE(IsCut(model, batch)) << batch;
  // What does not fill both threads is shared by them.
  const PlanInfo info = model.Describe({{"x", {9, 3, kSize, kSize}}});
  std::int64_t own = 0;
  std::int64_t shared = 0;
  for (const StepInfo& step : info.steps) {
    if (step.op != "Softmax") continue;
    own += step.own_thread ? step.images * step.runs : 0;
    shared += step.own_thread ? 0 : step.images;
  }
  EXPECT_EQ(own, 8);
  EXPECT_EQ(shared, 1);
}

// The same kernel at the same shape on one thread: alone, it has caches and memory for itself.
TEST(Segments, StepsBesideBusyThreadsAreOtherChoices) {
  Graph graph = Make(Classifier);
  RunPasses(graph.ir(), {});
  const auto keys = [&](std::int64_t batch, int threads) {
    PlanOptions options;
    options.threads = threads;
    PackedStore packed;
    Divisions divisions;
    const auto plan = MakePlan(graph.ir(), {{batch, 3, kSize, kSize}}, options, packed, divisions);
    std::vector<std::pair<bool, ChoiceKey>> found;  // in a segment; the key
    for (const SingleStep& single : SingleSteps(*plan)) {
      const auto& key = single.step->step->choice;
      if (key) found.emplace_back(single.plan != nullptr, *key);
    }
    return found;
  };
  const auto alone = keys(1, 1);
  const auto beside = keys(2, 2);
  ASSERT_FALSE(alone.empty());
  EXPECT_TRUE(std::any_of(beside.begin(), beside.end(), [](const auto& e) { return e.first; }));
  for (const auto& [segment, key] : alone) EXPECT_EQ(key.neighbours, 0);
  for (const auto& [segment, key] : beside) {
    EXPECT_EQ(key.threads, segment ? 1 : 2);
    EXPECT_EQ(key.neighbours, segment ? 1 : 0);
    for (const auto& other : alone) EXPECT_NE(key, other.second);
  }
}

// Runs of several sizes: units go thread by thread, each thread's images in a row.
TEST(Segments, ThreadsGetEqualShares) {
  class Recorder final : public Step {
   public:
    explicit Recorder(std::vector<float>& order) : order_(order) {}
    void Run(const StepArgs& args, std::int64_t, std::int64_t) const noexcept override {
      order_.push_back(*static_cast<const float*>(args.inputs[0]));
    }

   private:
    std::vector<float>& order_;
  };
  std::vector<float> order;
  std::vector<SegmentPlan> plans;
  for (const std::int64_t images : {4, 3}) {
    auto plan = std::make_unique<Plan>();
    plan->input_bytes = {static_cast<std::size_t>(images) * sizeof(float)};
    plan->slots = {{.kind = Slot::Kind::kInput, .index = 0}};
    PlanStep step;
    step.step = std::make_unique<Recorder>(order);
    step.inputs = {0};
    plan->steps.push_back(std::move(step));
    plans.push_back({std::move(plan), images, 2});
  }
  const SegmentStep segment(std::move(plans), 2);
  std::vector<float> images(14);
  std::iota(images.begin(), images.end(), 0.0f);
  const std::array<const void*, 1> inputs = {images.data()};
  alignas(64) std::array<std::byte, 256> scratch{};
  ASSERT_LE(segment.scratch_bytes, scratch.size());
  RunStatus status;
  ASSERT_EQ(segment.units, 4);
  segment.Run({inputs.data(), nullptr, scratch.data(), &status}, 0, 2);
  EXPECT_THAT(order, ::testing::ElementsAre(0, 4));
  segment.Run({inputs.data(), nullptr, scratch.data(), &status}, 2, 4);
  EXPECT_THAT(order, ::testing::ElementsAre(0, 4, 7, 11));
}

TEST(Segments, TheSumOfMultiplyAddsIsThatOfTheBatch) {
  const Model model = Model::Compile(Make(Classifier), {.threads = 2});
  const std::int64_t one = model.Describe({{"x", {1, 3, kSize, kSize}}}).macs;
  EXPECT_EQ(model.Describe({{"x", {7, 3, kSize, kSize}}}).macs, 7 * one);
}

TEST(Segments, SeveralOutputsAndOnesThatOthersRead) {
  ExpectSameAnswers([](GraphBuilder& b, ValueId x) {
    const ValueId stem = Conv(b, x, 3, 24, 3, 2);
    const ValueId next = Conv(b, stem, 24, 40, 3);
    b.Output(stem, "stem");
    b.Output(b.Op("Transpose", {Conv(b, next, 40, 6)}, Ints("perm", {0, 2, 3, 1})), "boxes");
    b.Output(b.Op("Sigmoid", {Conv(b, b.Op("Add", {next, next}), 40, 9)}), "scores");
    b.Output(x);
    b.Output(stem);
    b.Output(b.Floats({2}, {3, 4}), "constant");
  });
}

// As a detector: heads at several resolutions, joined behind a change of shape.
TEST(Segments, HeadsOfADetector) {
  ExpectSameAnswers([](GraphBuilder& b, ValueId x) {
    std::vector<ValueId> heads;
    ValueId feature = Conv(b, x, 3, 32, 3, 2);
    for (int level = 0; level < 3; ++level) {
      const ValueId head =
          b.Op("Transpose", {Conv(b, feature, 32, 12)}, Ints("perm", {0, 2, 3, 1}));
      heads.push_back(b.Op("Reshape", {head, b.Ints({0, -1, 4})}));
      feature = Conv(b, feature, 32, 32, 3, 2);
    }
    b.Output(b.Op("Concat", heads, Int("axis", 1)), "boxes");
  });
}

// Behind an operator that mixes images the batch goes on as a whole.
TEST(Segments, WhatMixesImagesIsNotCut) {
  const Build build = [](GraphBuilder& b, ValueId x) {
    const ValueId stem = Conv(b, x, 3, 24, 3, 2);
    const ValueId sum = b.Op("ReduceSum", {stem, b.Ints({0})}, Int("keepdims", 1));
    b.Output(b.Op("Sub", {Conv(b, stem, 24, 24), sum}), "y");
    b.Output(b.Op("Softmax", {b.Op("Flatten", {stem})}, Int("axis", 0)), "over the batch");
  };
  ExpectSameAnswers(build);
  const Model model = Model::Compile(Make(build), {.threads = 2});
  for (const StepInfo& step : model.Describe({{"x", {8, 3, kSize, kSize}}}).steps) {
    if (step.op == "ReduceSum" || step.op == "Sub" || step.op == "Softmax") {
      EXPECT_FALSE(step.own_thread) << step.op;
    }
  }
}

// Every one of these keeps the batch in dim 0 of its result and mixes images all the same.
TEST(Segments, OperatorsThatMixImagesUnseen) {
  const std::vector<std::function<ValueId(GraphBuilder&, ValueId)>> mixers = {
      [](GraphBuilder& b, ValueId x) { return b.Op("Softmax", {x}, Int("axis", 0)); },
      [](GraphBuilder& b, ValueId x) {
        return b.Op("Slice", {x, b.Ints({-1}), b.Ints({-100}), b.Ints({0}), b.Ints({-1})});
      },
      [](GraphBuilder& b, ValueId x) {
        return b.Op("Pad", {x, b.Ints({1, 0, 0, 0, -1, 0, 0, 0})});
      },
      [](GraphBuilder& b, ValueId x) {  // scaled by the number of images
        const ValueId n = b.Op("Gather", {b.Op("Shape", {x}), b.Ints({0})}, Int("axis", 0));
        return b.Op("Div", {x, b.Op("Cast", {n}, Int("to", 1))});
      },
      [](GraphBuilder& b, ValueId x) {  // the images in reverse, by index
        const ValueId n = b.Op("Gather", {b.Op("Shape", {x}), b.Ints({0})}, Int("axis", 0));
        const ValueId zero = b.Constant(Tensor::From<std::int64_t>({}, {0}));
        const ValueId one = b.Constant(Tensor::From<std::int64_t>({}, {1}));
        const ValueId count = b.Op("Squeeze", {n});
        const ValueId up = b.Op("Range", {zero, count, one});
        return b.Op("Gather", {x, b.Op("Sub", {b.Op("Sub", {count, one}), up})}, Int("axis", 0));
      },
  };
  for (const auto& mixer : mixers) {
    ExpectSameAnswers([&](GraphBuilder& b, ValueId x) {
      b.Output(Conv(b, mixer(b, Conv(b, x, 3, 20, 3)), 20, 8), "y");
    });
  }
}

TEST(Segments, AShapeThatFitsOneBatchOnly) {
  const Model model = Model::Compile(
      Make([](GraphBuilder& b, ValueId x) {
        const ValueId y = Conv(b, Conv(b, Conv(b, x, 3, 16, 3, 2), 16, 16, 3), 16, 16, 3);
        b.Output(b.Op("Reshape", {y, b.Ints({8, 1600})}), "y");
      }),
      {.threads = 2});
  Session session = model.NewSession();
  const Tensors& found = session.Run({{"x", Images(8)}});
  EXPECT_EQ(found.at("y").shape(), (Shape{8, 1600}));
  for (const StepInfo& step : model.Describe({{"x", {8, 3, kSize, kSize}}}).steps) {
    if (step.op == "Conv") {
      EXPECT_TRUE(step.own_thread);
    }
  }
}

TEST(Segments, WrongDataIsReportedWithItsNode) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 3, kSize, kSize});
  b.Output(Conv(b, x, 3, 16, 3), "y");
  const ValueId mean = b.Op("Flatten", {b.Op("GlobalAveragePool", {x})});
  b.Output(b.Op("Gather", {b.Floats({2}, {1, 2}), b.Op("Cast", {mean}, Int("to", 7))}), "picked");
  const Model model = Model::Compile(b.Take(), {.threads = 2});
  Session session = model.NewSession();
  Tensor images(DataType::kFloat32, {6, 3, kSize, kSize});
  std::memset(images.raw(), 0, images.bytes());
  session.Run({{"x", images}});
  images.data<float>()[images.size() - 1] = 1e6f;
  try {
    session.Run({{"x", images}});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
    EXPECT_THAT(error.what(), HasSubstr("(Gather)"));
  }
  images.data<float>()[images.size() - 1] = 0;
  EXPECT_EQ(session.Run({{"x", images}}).at("picked").data<float>()[0], 1);
}

}  // namespace
}  // namespace kinglet::segments_test
