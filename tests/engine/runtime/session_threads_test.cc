// Threads belong to the session, and sessions do not wait for each other.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <future>
#include <initializer_list>
#include <latch>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "kinglet/error.h"
#include "kinglet/model.h"
#include "tests/engine/runtime/small_net.h"

namespace kinglet::session_threads_test {
namespace {

using testing::RandomTensor;
using testing::RelativeDifference;
using testing::SliceNet;
using testing::SmallNet;

bool SameBits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

TEST(SessionThreads, AModelGivesSessionsOfAnyNumber) {
  const Model model = Model::Compile(SmallNet(), {.threads = 2});
  EXPECT_EQ(model.NewSession().threads(), 2);
  EXPECT_EQ(model.NewSession({.threads = 5}).threads(), 5);
  for (const std::int64_t batch : {1, 2, 7}) {
    const Tensors inputs = {{"x", RandomTensor({batch, 3, 24, 24})}};
    for (const int threads : {1, 2, 3}) {
      // As of a model compiled for that number.
      const Model own = Model::Compile(SmallNet(), {.threads = threads});
      Session session = model.NewSession({.threads = threads, .share_cores = false});
      Session wanted = own.NewSession({.share_cores = false});
      EXPECT_TRUE(SameBits(session.Run(inputs).at("y"), wanted.Run(inputs).at("y")))
          << "batch " << batch << ", " << threads << " threads";
    }
  }
}

TEST(SessionThreads, AbsurdNumbersAreOneError) {
  const Model model = Model::Compile(SmallNet());
  const InputShapes shapes = {{"x", {1, 3, 24, 24}}};
  for (const int threads : {-3, 100000}) {
    for (const std::function<void()>& use : std::initializer_list<std::function<void()>>{
             [&] { model.NewSession({.threads = threads}); },
             [&] { model.Describe(shapes, threads); },
             [&] { Model::Compile(SmallNet(), {.threads = threads}); }}) {
      try {
        use();
        ADD_FAILURE() << threads << " threads were taken";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kInvalidInput);
        EXPECT_NE(std::string(error.what()).find(std::to_string(threads)), std::string::npos);
      }
    }
  }
}

TEST(SessionThreads, PlansAreDescribedForANumberOfThreads) {
  const Model model = Model::Compile(SmallNet(), {.threads = 2});
  const InputShapes shapes = {{"x", {8, 3, 64, 64}}};
  const PlanInfo one = model.Describe(shapes, 1);
  const PlanInfo two = model.Describe(shapes);
  const PlanInfo wanted = Model::Compile(SmallNet(), {.threads = 1}).Describe(shapes);
  EXPECT_EQ(one.scratch_bytes, wanted.scratch_bytes);
  EXPECT_EQ(one.predicted_seconds, wanted.predicted_seconds);
  EXPECT_EQ(two.predicted_seconds, model.Describe(shapes, 2).predicted_seconds);
  EXPECT_LT(two.predicted_seconds, one.predicted_seconds);
}

TEST(SessionThreads, OneWhoFindsTheCoresTakenGivesTheSameAnswer) {
  const Model model = Model::Compile(SmallNet());
  const Tensors inputs = {{"x", RandomTensor({4, 3, 32, 32})}};
  Session first = model.NewSession({.threads = 3, .share_cores = false});
  const Tensor wanted = first.Run(inputs).at("y");
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      Session session = model.NewSession({.threads = 3});
      for (int run = 0; run < 20; ++run) {
        if (!SameBits(session.Run(inputs).at("y"), wanted)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// Calls that are counted, of which those for `shape` last until they are released.
class PlanLog {
 public:
  CompileOptions Options(int threads = 1) {
    CompileOptions options;
    options.threads = threads;
    options.on_plan = [this](const InputShapes& shapes, int count) { Begin(shapes, count); };
    return options;
  }
  void BlockAt(Shape shape) { blocked_ = std::move(shape); }
  void AwaitBlocked() { begun_.wait(); }
  void Release() { release_.count_down(); }
  std::map<std::pair<Shape, int>, int> calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  void Begin(const InputShapes& shapes, int threads) {
    const Shape& shape = shapes.at("x");
    {
      const std::lock_guard lock(mutex_);
      ++calls_[{shape, threads}];
    }
    if (shape != blocked_) return;
    begun_.count_down();
    release_.wait();
  }

  Shape blocked_;
  std::latch begun_{1};
  std::latch release_{1};
  std::mutex mutex_;
  std::map<std::pair<Shape, int>, int> calls_;
};

TEST(SessionThreads, ARunDoesNotWaitForAnothersPlan) {
  PlanLog log;
  const Model model = Model::Compile(SmallNet(), log.Options());
  const Shape slow = {3, 3, 20, 20};
  const Tensors known = {{"x", RandomTensor({1, 3, 8, 8})}};
  const Tensors unknown = {{"x", RandomTensor({1, 3, 9, 8})}};
  Session runner = model.NewSession();
  const Tensor wanted = runner.Run(known).at("y");
  log.BlockAt(slow);
  std::thread planner([&] { model.NewSession().Run({{"x", RandomTensor(slow)}}); });
  log.AwaitBlocked();
  auto runs = std::async(std::launch::async, [&] {
    Session other = model.NewSession();
    const bool same = SameBits(runner.Run(known).at("y"), wanted);
    runner.Run(unknown);                                           // has no plan yet
    return same && SameBits(runner.Run(known).at("y"), wanted) &&  // and back
           SameBits(other.Run(known).at("y"), wanted) && model.weight_bytes() > 0 &&
           model.plan_bytes() > 0 && !model.Describe({{"x", {1, 3, 8, 8}}}).steps.empty();
  });
  // They end while the plan is still being made; with a lock they would wait for its release.
  const bool ended = runs.wait_for(std::chrono::seconds(60)) == std::future_status::ready;
  log.Release();
  EXPECT_TRUE(ended);
  EXPECT_TRUE(runs.get());
  planner.join();
}

TEST(SessionThreads, ManyPlanWhileOthersRun) {
  constexpr int kPlanners = 8;
  constexpr int kShapes = 16;
  const auto inputs = [](int k) { return Tensors{{"x", RandomTensor({1 + k % 4, 3, 8, 6 + k})}}; };
  const Model reference = Model::Compile(SmallNet(), {.threads = 1});
  std::vector<Tensor> wanted;
  for (int k = 0; k < kShapes; ++k) {
    wanted.push_back(reference.NewSession().Run(inputs(k)).at("y"));
  }
  PlanLog log;
  const Model model = Model::Compile(SmallNet(), log.Options(2));
  const Tensors running = {{"x", RandomTensor({2, 3, 12, 12})}};
  const Tensor steady = reference.NewSession().Run(running).at("y");
  std::atomic<int> wrong{0};
  std::atomic<int> planning{kPlanners};
  std::latch start(kPlanners + 2);
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      Session session = model.NewSession();
      start.arrive_and_wait();
      while (planning > 0) {
        if (RelativeDifference(session.Run(running).at("y"), steady) > 1e-5) ++wrong;
      }
    });
  }
  for (int t = 0; t < kPlanners; ++t) {
    threads.emplace_back([&, t] {
      Session session = model.NewSession({.threads = 1 + t % 2});
      start.arrive_and_wait();
      for (int k = 0; k < kShapes; ++k) {
        const Tensor& y = session.Run(inputs(k)).at("y");
        if (RelativeDifference(y, wanted[static_cast<std::size_t>(k)]) > 1e-5) ++wrong;
      }
      --planning;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  const auto calls = log.calls();
  EXPECT_EQ(calls.size(), 2u * kShapes + 1);
  for (const auto& [key, count] : calls) {
    EXPECT_EQ(count, 1) << ShapeToString(key.first) << ", " << key.second << " threads";
  }
}

TEST(SessionThreads, ManyPlanWhatWaitsForData) {
  const Model model = Model::Compile(SliceNet(), {.threads = 2});
  const auto inputs = [](int rows, int n) {
    return Tensors{{"x", RandomTensor({rows, 8, 6, 6})},
                   {"n", Tensor::From<std::int64_t>({1}, {n})}};
  };
  Session first = model.NewSession({.threads = 1});
  const Tensor wanted = first.Run(inputs(9, 5)).at("y");
  std::atomic<int> wrong{0};
  std::latch start(6);
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      Session session = model.NewSession({.threads = 1 + t % 2});
      start.arrive_and_wait();
      for (int k = 0; k < 12; ++k) {
        session.Run(inputs(1 + k % 8, 1));
        if (RelativeDifference(session.Run(inputs(9, 5)).at("y"), wanted) > 1e-5) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(SessionThreads, WhatCannotBePlannedIsTriedAgain) {
  int calls = 0;
  CompileOptions options;
  options.threads = 1;
  options.on_plan = [&](const InputShapes& shapes, int threads) {
    EXPECT_EQ(shapes.at("x"), (Shape{1, 3, 8, 8}));
    EXPECT_EQ(threads, 1);
    if (++calls == 1) throw Error(ErrorCode::kResource, "not now");
  };
  const Model model = Model::Compile(SmallNet(), options);
  Session session = model.NewSession();
  const Tensors inputs = {{"x", RandomTensor({1, 3, 8, 8})}};
  EXPECT_THROW(session.Run(inputs), Error);
  EXPECT_EQ(session.Run(inputs).at("y").shape(), (Shape{1, 20}));
  EXPECT_EQ(calls, 2);
}

// Whoever keeps outputs reads what they were, in whichever thread, while the session goes on.
TEST(SessionThreads, OutputsMayBeReadAndLeftInOtherThreads) {
  const Model model = Model::Compile(SmallNet(), {.threads = 2});
  Session session = model.NewSession();
  std::vector<std::thread> readers;
  std::atomic<int> wrong{0};
  for (unsigned k = 0; k < 40; ++k) {
    const Tensor kept = session.Run({{"x", RandomTensor({1, 3, 8, 8}, k)}}).at("y");
    readers.emplace_back([&wrong, kept, copy = kept.Clone()] {
      std::this_thread::yield();
      if (!SameBits(kept, copy)) ++wrong;
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace kinglet::session_threads_test
