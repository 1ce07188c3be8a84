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

constexpr std::size_t kPages = 600;

// Touches as many pages that nobody has touched.
void TouchPages() {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* memory =
      mmap(nullptr, kPages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  madvise(memory, kPages * page, MADV_NOHUGEPAGE);
  for (std::size_t i = 0; i < kPages; ++i) static_cast<volatile char*>(memory)[i * page] = 1;
  munmap(memory, kPages * page);
}

TEST(SoftwareCounters, GrowWithWhatTheProcessDoes) {
  const auto source = SoftwareCounters();
  ASSERT_THAT(source->names(), ElementsAre("task-clock-ms", "context-switches", "page-faults"));
  std::vector<double> before(3), after(3);
  source->Read(before);
  TouchPages();
  usleep(1000);
  source->Read(after);
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

// Events of the kernel are there where those of the CPU are not, and come the same way.
TEST(HardwareCounters, EventsAreCountedInThisProcess) {
  OpenedEvents opened = OpenEvents({"minor-faults", "context-switches"});
  if (opened.source == nullptr) GTEST_SKIP() << opened.reason;
  ASSERT_THAT(opened.source->names(), ElementsAre("minor-faults", "context-switches"));
  std::vector<double> before(2), after(2);
  opened.source->Read(before);
  TouchPages();
  opened.source->Read(after);
  EXPECT_GE(after[0] - before[0], kPages / 2);
  EXPECT_LE(after[0] - before[0], 10 * kPages);
  EXPECT_GE(after[1], before[1]);
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
