// Counts of events beside time: what the operating system and the CPU count of this process.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace kinglet::characterize {

// Counts since some moment, of all threads of this process. What happened in between is the
// difference of two readings.
class CounterSource {
 public:
  virtual ~CounterSource() = default;
  // As perf calls them: "instructions", "L1-dcache-load-misses", "page-faults".
  const std::vector<std::string>& names() const { return names_; }
  // Writes the counts so far, as many as there are names.
  virtual void Read(std::span<double> counts) noexcept = 0;

 protected:
  explicit CounterSource(std::vector<std::string> names) : names_(std::move(names)) {}

 private:
  std::vector<std::string> names_;
};

enum class CounterMode {
  kAuto,        // of the operating system, and those of the CPU where they can be read
  kOff,         // none
  kHardware,    // both, or an error
  kCachegrind,  // by valgrind, for whole processes only
  kEvents,      // those of the operating system and these events of the CPU, or an error
};

struct CounterRequest {
  CounterMode mode = CounterMode::kAuto;
  std::vector<std::string> events{};  // for kEvents, as libpfm names them

  bool operator==(const CounterRequest&) const = default;
};

// "auto", "off", "hardware", "cachegrind", or events with commas in between. Throws
// Error(kInvalidInput) for an empty event.
CounterRequest ParseCounterRequest(const std::string& text);

struct OpenedCounters {
  std::unique_ptr<CounterSource> source;  // null for kOff
  std::string note{};  // what of the CPU's own events is not there, and why; "": nothing
};

// Of the threads that the process has now. Throws Error(kInvalidInput) for events that nobody
// knows and for kCachegrind, and Error(kResource) that says why events that were asked for cannot
// be counted.
OpenedCounters OpenCounters(const CounterRequest& request);

// What the operating system counts: "task-clock-ms" (milliseconds of all threads on a core),
// "context-switches", "page-faults".
std::unique_ptr<CounterSource> SoftwareCounters();

}  // namespace kinglet::characterize
