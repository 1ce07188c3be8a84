#include "engine/runtime/workers.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "kinglet/model.h"
#include "kinglet/parallel.h"

namespace kinglet {
namespace {

TEST(Crew, AllWorkIsDoneWhoeverComes) {
  for (const int threads : {1, 2, 5}) {
    for (int round = 0; round < 300; ++round) {
      Crew crew(threads, false);
      ASSERT_EQ(crew.size(), threads);
      std::atomic<int> next{0};
      std::array<std::atomic<int>, 100> done{};
      std::atomic<int> wrong{0};
      for (int run = 0; run < 3; ++run) {
        next = 0;
        RunOn(crew, [&](int worker) {
          if (worker < 0 || worker >= threads) ++wrong;
          for (int i = next++; i < 100; i = next++) ++done[static_cast<std::size_t>(i)];
        });
      }
      EXPECT_EQ(wrong, 0);
      for (const auto& count : done) ASSERT_EQ(count, 3);
    }
  }
}

TEST(Crew, HelpersHaveNumbersOfTheirOwn) {
  Crew crew(3, false);
  std::array<std::atomic<int>, 3> calls{};
  std::atomic<int> together{0};
  RunOn(crew, [&](int worker) {
    ++calls[static_cast<std::size_t>(worker)];
    ++together;
    while (together < 3) std::this_thread::yield();  // all come, since none leaves before
  });
  for (const auto& count : calls) EXPECT_EQ(count, 1);
}

TEST(Crew, SharesTheCores) {
  const int cores = AvailableThreads();
  EXPECT_EQ(WorkingThreads(), 0);
  {
    const Crew first(cores + 3, true);
    EXPECT_EQ(first.size(), cores);
    EXPECT_EQ(WorkingThreads(), cores);
    // The calling thread works in any case.
    const Crew second(2, true);
    EXPECT_EQ(second.size(), 1);
    const Crew greedy(2, false);
    EXPECT_EQ(greedy.size(), 2);
    EXPECT_EQ(WorkingThreads(), cores + 3);
  }
  EXPECT_EQ(WorkingThreads(), 0);
  const Crew again(cores, true);
  EXPECT_EQ(again.size(), cores);
}

// The state of each thread of this process but the calling one: 'S' for asleep.
std::string StatesOfOthers() {
  std::string states;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (task.path().filename() == std::to_string(gettid())) continue;
    std::string stat;
    std::getline(std::ifstream(task.path() / "stat"), stat);
    const std::size_t name_end = stat.rfind(')');
    if (name_end + 2 < stat.size()) states += stat[name_end + 2];
  }
  return states;
}

TEST(Crew, HelpersSleepWhenNobodyNeedsThem) {
  std::atomic<int> together{0};
  Crew crew(3, false);
  RunOn(crew, [&](int) {
    ++together;
    while (together < 3) std::this_thread::yield();
  });
  // The crew is still there: it sleeps between runs, too.
  std::string states;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    states = StatesOfOthers();
    if (states == std::string(states.size(), 'S')) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GE(states.size(), 2u);
  EXPECT_EQ(states, std::string(states.size(), 'S'));
}

TEST(ParallelFor, CallsEachOnceAndAWorkerOneAtATime) {
  for (const int threads : {1, 2, 4}) {
    for (const int count : {0, 1, 1000}) {
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(count));
      std::array<std::atomic<int>, 4> busy{};
      std::atomic<int> wrong{0};
      ParallelFor(threads, count, [&](std::int64_t i, int worker) {
        if (worker < 0 || worker >= threads) ++wrong;
        if (busy[static_cast<std::size_t>(worker)]++ != 0) ++wrong;
        ++calls[static_cast<std::size_t>(i)];
        --busy[static_cast<std::size_t>(worker)];
      });
      EXPECT_EQ(wrong, 0);
      EXPECT_TRUE(std::all_of(calls.begin(), calls.end(), [](const auto& n) { return n == 1; }));
    }
  }
}

}  // namespace
}  // namespace kinglet
