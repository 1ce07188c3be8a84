#include "engine/runtime/plan_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "kinglet/error.h"

namespace kinglet::plan_cache_test {
namespace {

using Shapes = std::vector<Shape>;

Shapes Batch(std::int64_t n) { return {{n, 3, 8, 8}}; }

PlanCache::Made EmptyPlan(const Shapes&, int) { return std::make_shared<const Plan>(); }

TEST(PlanCache, EachPlanIsMadeOnceForAllWhoAsk) {
  std::map<std::pair<Shapes, int>, int> made;
  std::mutex mutex;
  PlanCache cache(std::size_t{1} << 30, [&](const Shapes& shapes, int threads) {
    {
      const std::lock_guard lock(mutex);
      ++made[{shapes, threads}];
    }
    std::this_thread::yield();  // so that others come in between
    return EmptyPlan(shapes, threads);
  });
  constexpr int kThreads = 8;
  constexpr int kShapes = 16;
  std::vector<std::vector<PlanCache::Made>> plans(kThreads);
  std::latch start(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      start.arrive_and_wait();
      for (int k = 0; k < 2 * kShapes; ++k) {
        plans[static_cast<std::size_t>(t)].push_back(cache.Get(Batch(k / 2), 1 + k % 2));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made.size(), 2u * kShapes);
  for (const auto& [key, count] : made) EXPECT_EQ(count, 1);
  for (const auto& found : plans) EXPECT_EQ(found, plans[0]);
}

TEST(PlanCache, APlanThatIsAskedForWhileItIsMadeIsAnError) {
  PlanCache* self = nullptr;
  PlanCache cache(std::size_t{1} << 30, [&](const Shapes& shapes, int threads) {
    if (shapes == Batch(1)) self->Get(shapes, threads);
    return EmptyPlan(shapes, threads);
  });
  self = &cache;
  EXPECT_THROW(cache.Get(Batch(1), 1), Error);
  EXPECT_NE(cache.Get(Batch(2), 1), nullptr);
}

// A plan that is being made until it is released.
class BlockedPlan {
 public:
  PlanCache::Made Make(const Shapes& shapes, int threads) {
    ++makes;
    if (shapes == Batch(1)) {
      begun.count_down();
      release.wait();
      if (fails) throw Error(ErrorCode::kUnsupported, "no plan for one");
    }
    return EmptyPlan(shapes, threads);
  }

  std::atomic<int> makes{0};
  std::atomic<bool> fails{false};
  std::latch begun{1};
  std::latch release{1};
  PlanCache cache{std::size_t{1} << 30,
                  [this](const Shapes& shapes, int threads) { return Make(shapes, threads); }};
};

TEST(PlanCache, NobodyElseWaitsForAPlanThatIsBeingMade) {
  BlockedPlan blocked;
  const PlanCache::Made there = blocked.cache.Get(Batch(2), 1);
  std::thread slow([&] { blocked.cache.Get(Batch(1), 1); });
  blocked.begun.wait();
  // All of these would wait for ever if a lock were held.
  EXPECT_EQ(blocked.cache.Get(Batch(2), 1), there);
  EXPECT_NE(blocked.cache.Get(Batch(2), 2), there);
  EXPECT_NE(blocked.cache.Get(Batch(3), 1), nullptr);
  EXPECT_GT(blocked.cache.bytes(), 0u);
  blocked.release.count_down();
  slow.join();
}

TEST(PlanCache, WhoAsksForThePlanBeingMadeGetsThatOne) {
  BlockedPlan blocked;
  std::vector<std::future<PlanCache::Made>> asked;
  for (int t = 0; t < 4; ++t) {
    asked.push_back(std::async(std::launch::async, [&] { return blocked.cache.Get(Batch(1), 1); }));
  }
  blocked.begun.wait();
  blocked.release.count_down();
  const PlanCache::Made plan = asked[0].get();
  for (int t = 1; t < 4; ++t) EXPECT_EQ(asked[static_cast<std::size_t>(t)].get(), plan);
  EXPECT_EQ(blocked.makes, 1);
}

TEST(PlanCache, AFailureGoesToAllAndIsNotKept) {
  BlockedPlan blocked;
  blocked.fails = true;
  std::vector<std::future<PlanCache::Made>> asked;
  for (int t = 0; t < 4; ++t) {
    asked.push_back(std::async(std::launch::async, [&] { return blocked.cache.Get(Batch(1), 1); }));
  }
  blocked.begun.wait();
  blocked.release.count_down();
  for (auto& future : asked) {
    try {
      future.get();
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      EXPECT_STREQ(error.what(), "no plan for one");
    }
  }
  EXPECT_EQ(blocked.cache.bytes(), 0u);
  blocked.fails = false;
  EXPECT_NE(blocked.cache.Get(Batch(1), 1), nullptr);
}

TEST(PlanCache, APlanThatWasBegunBeforeClearIsNotKept) {
  BlockedPlan blocked;
  std::future<PlanCache::Made> begun =
      std::async(std::launch::async, [&] { return blocked.cache.Get(Batch(1), 1); });
  blocked.begun.wait();
  blocked.cache.Clear();
  blocked.release.count_down();
  const PlanCache::Made old = begun.get();
  EXPECT_NE(old, nullptr);
  EXPECT_EQ(blocked.cache.bytes(), 0u);
  EXPECT_NE(blocked.cache.Get(Batch(1), 1), old);
}

TEST(PlanCache, TheLeastRecentlyUsedGoFirst) {
  int makes = 0;
  const std::size_t one = PlanBytes(Plan());
  PlanCache cache(2 * one, [&](const Shapes& shapes, int threads) {
    ++makes;
    return EmptyPlan(shapes, threads);
  });
  cache.Get(Batch(1), 1);
  cache.Get(Batch(2), 1);
  cache.Get(Batch(1), 1);
  cache.Get(Batch(3), 1);
  EXPECT_EQ(makes, 3);
  EXPECT_EQ(cache.bytes(), 2 * one);
  cache.Get(Batch(1), 1);
  EXPECT_EQ(makes, 3);
  cache.Get(Batch(2), 1);
  EXPECT_EQ(makes, 4);
}

}  // namespace
}  // namespace kinglet::plan_cache_test
