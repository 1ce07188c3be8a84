#include "engine/runtime/workers.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
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

#include "engine/runtime/threads.h"
#include "kinglet/model.h"
#include "kinglet/parallel.h"

namespace kinglet::workers_test {
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

// How many CPUs the helper of a crew of two may use.
int CpusOfHelper() {
  Crew crew(2, false);
  std::atomic<int> cpus{0};
  RunOn(crew, [&](int worker) {
    cpu_set_t mask;
    if (worker == 1 && sched_getaffinity(0, sizeof(mask), &mask) == 0) cpus = CPU_COUNT(&mask);
    while (cpus == 0) std::this_thread::yield();
  });
  return cpus;
}

TEST(Crew, HelpersRunWhereTheirCrewMay) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
  std::thread pinned([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    for (std::size_t cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
      if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
    }
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    EXPECT_EQ(CpusOfHelper(), 1);
    // The process has as many CPUs as before.
    EXPECT_EQ(Crew(CPU_COUNT(&all), true).size(), ThreadsOfProcess());
  });
  pinned.join();
  EXPECT_EQ(CpusOfHelper(), CPU_COUNT(&all));
}

TEST(Crew, AForkedChildHasHelpersOfItsOwn) {
  CpusOfHelper();  // one is there
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(60);  // a helper that never comes
    _exit(WorkingThreads() == 0 && CpusOfHelper() > 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
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
}  // namespace kinglet::workers_test
