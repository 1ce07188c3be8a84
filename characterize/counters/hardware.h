// Events that the CPU counts, through perf_event_open; libpfm knows their names.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "characterize/counters/counters.h"

namespace kinglet::characterize {

// Cycles, instructions, references and misses of the first and the last cache, branches and misses
// of the table of pages, by the names that perf gives them.
const std::vector<std::string>& UsualEvents();

struct OpenedEvents {
  std::unique_ptr<CounterSource> source;  // null: none of them can be counted
  std::vector<std::string> missing{};     // that cannot
  std::string reason{};                   // why not the first of these
};

// In user mode, in each thread that the process has now. Throws Error(kInvalidInput) for a name
// that libpfm does not know.
OpenedEvents OpenEvents(const std::vector<std::string>& events);

// Why perf_event_open failed with this error number; `paranoid` is the kernel's setting, "" where
// it cannot be read.
std::string DescribeRefusal(int error, const std::string& paranoid);

// What an event would have counted, when it had a counter of the CPU for `running` of `enabled`
// nanoseconds: events beyond the counters take turns.
double ScaledCount(std::uint64_t count, std::uint64_t enabled, std::uint64_t running);

}  // namespace kinglet::characterize
