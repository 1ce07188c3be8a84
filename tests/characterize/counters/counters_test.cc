#include "characterize/counters/counters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "characterize/counters/hardware.h"
#include "kinglet/error.h"

namespace kinglet::characterize::counters_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(CounterRequest, WordsAndListsOfEvents) {
  EXPECT_EQ(ParseCounterRequest("auto").mode, CounterMode::kAuto);
  EXPECT_EQ(ParseCounterRequest("off").mode, CounterMode::kOff);
  EXPECT_EQ(ParseCounterRequest("hardware").mode, CounterMode::kHardware);
  EXPECT_EQ(ParseCounterRequest("cachegrind").mode, CounterMode::kCachegrind);
  const CounterRequest events = ParseCounterRequest("cycles,L1-dcache-loads");
  EXPECT_EQ(events.mode, CounterMode::kEvents);
  EXPECT_THAT(events.events, ElementsAre("cycles", "L1-dcache-loads"));
  for (const char* text : {"", ",", "cycles,", ",cycles", "a,,b"}) {
    EXPECT_THROW(ParseCounterRequest(text), Error) << text;
  }
}

TEST(SoftwareCounters, GrowWithWhatTheProcessDoes) {
  const auto source = SoftwareCounters();
  ASSERT_THAT(source->names(), ElementsAre("task-clock-ms", "context-switches", "page-faults"));
  std::vector<double> before(3), after(3);
  source->Read(before);
  const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  constexpr std::size_t kPages = 600;
  void* memory =
      mmap(nullptr, kPages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  madvise(memory, kPages * page, MADV_NOHUGEPAGE);
  for (std::size_t i = 0; i < kPages; ++i) static_cast<volatile char*>(memory)[i * page] = 1;
  usleep(1000);
  source->Read(after);
  munmap(memory, kPages * page);
  EXPECT_GT(after[0], before[0]);
  EXPECT_GT(after[1], before[1]);
  EXPECT_GT(after[2], before[2] + 100);
}

TEST(OpenCounters, OffCountsNothing) {
  const OpenedCounters opened = OpenCounters({CounterMode::kOff});
  EXPECT_EQ(opened.source, nullptr);
  EXPECT_THAT(opened.note, IsEmpty());
}

TEST(OpenCounters, AutoHasTheOnesOfTheSystemOrSaysWhatIsMissing) {
  const OpenedCounters opened = OpenCounters({});
  ASSERT_NE(opened.source, nullptr);
  EXPECT_GE(opened.source->names().size(), 3u);
  const bool all = opened.source->names().size() == 3 + UsualEvents().size();
  EXPECT_EQ(opened.note.empty(), all) << opened.note;
  std::vector<double> counts(opened.source->names().size(), -1);
  opened.source->Read(counts);
  for (const double count : counts) EXPECT_GE(count, 0);
}

TEST(OpenCounters, CachegrindIsForWholeProcesses) {
  try {
    OpenCounters({CounterMode::kCachegrind});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("correlate"));
  }
}

TEST(OpenCounters, UnknownEventsAreErrors) {
  EXPECT_THROW(OpenCounters({CounterMode::kEvents, {"no-such-event"}}), Error);
}

TEST(HardwareCounters, RefusalsSayWhatToDo) {
  EXPECT_THAT(DescribeRefusal(EACCES, "4"), HasSubstr("perf_event_paranoid is 4"));
  EXPECT_THAT(DescribeRefusal(EPERM, ""), HasSubstr("does not let"));
  EXPECT_THAT(DescribeRefusal(ENOENT, "2"), HasSubstr("virtual"));
  EXPECT_THAT(DescribeRefusal(ENOSYS, "2"), HasSubstr("sandbox"));
  EXPECT_THAT(DescribeRefusal(EMFILE, "2"), HasSubstr("open files"));
}

TEST(HardwareCounters, EventsThatTookTurnsAreScaled) {
  EXPECT_EQ(ScaledCount(1000, 50, 50), 1000);
  EXPECT_EQ(ScaledCount(1000, 90, 30), 3000);
  EXPECT_EQ(ScaledCount(0, 90, 0), 0);
  EXPECT_EQ(ScaledCount(7, 90, 0), 0);
}

}  // namespace
}  // namespace kinglet::characterize::counters_test
