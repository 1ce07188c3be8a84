#include "characterize/counters/counters.h"

#include <numeric>
#include <utility>

#include "characterize/counters/hardware.h"
#include "kinglet/error.h"
#include "measure/common/load.h"

namespace kinglet::characterize {
namespace {

class RusageCounters final : public CounterSource {
 public:
  RusageCounters() : CounterSource({"task-clock-ms", "context-switches", "page-faults"}) {}

  void Read(std::span<double> counts) noexcept override {
    const measure::Usage usage = measure::OwnUsage();
    counts[0] = 1e3 * usage.cpu_seconds;
    counts[1] = usage.context_switches;
    counts[2] = usage.page_faults;
  }
};

std::vector<std::string> JoinedNames(const CounterSource& first, const CounterSource& second) {
  std::vector<std::string> names = first.names();
  names.insert(names.end(), second.names().begin(), second.names().end());
  return names;
}

// Two sources as one.
class JoinedCounters final : public CounterSource {
 public:
  JoinedCounters(std::unique_ptr<CounterSource> first, std::unique_ptr<CounterSource> second)
      : CounterSource(JoinedNames(*first, *second)),
        first_(std::move(first)),
        second_(std::move(second)) {}

  void Read(std::span<double> counts) noexcept override {
    const std::size_t of_first = first_->names().size();
    first_->Read(counts.first(of_first));
    second_->Read(counts.subspan(of_first));
  }

 private:
  std::unique_ptr<CounterSource> first_, second_;
};

std::string ListedEvents(const std::vector<std::string>& names) {
  return std::accumulate(names.begin(), names.end(), std::string(),
                         [](const std::string& text, const std::string& name) {
                           return text.empty() ? name : text + ", " + name;
                         });
}

}  // namespace

std::unique_ptr<CounterSource> SoftwareCounters() { return std::make_unique<RusageCounters>(); }

CounterRequest ParseCounterRequest(const std::string& text) {
  if (text == "auto") return {CounterMode::kAuto};
  if (text == "off") return {CounterMode::kOff};
  if (text == "hardware") return {CounterMode::kHardware};
  if (text == "cachegrind") return {CounterMode::kCachegrind};
  CounterRequest request{CounterMode::kEvents};
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    request.events.push_back(text.substr(begin, end - begin));
    if (request.events.back().empty()) {
      throw Error(ErrorCode::kInvalidInput,
                  "--counters: expected auto, off, hardware, cachegrind or names of events like "
                  "instructions,cache-misses, found '" +
                      text + "'");
    }
    begin = end + 1;
  }
  return request;
}

OpenedCounters OpenCounters(const CounterRequest& request) {
  if (request.mode == CounterMode::kOff) return {};
  if (request.mode == CounterMode::kCachegrind) {
    throw Error(ErrorCode::kInvalidInput,
                "--counters cachegrind: valgrind counts whole processes, as 'kinglet correlate' "
                "compares them, and no single layers");
  }
  const bool named = request.mode == CounterMode::kEvents;
  OpenedEvents events = OpenEvents(named ? request.events : UsualEvents());
  const std::string why =
      events.missing.empty() ? "" : ListedEvents(events.missing) + ": " + events.reason;
  const bool wanted = named || (request.mode == CounterMode::kHardware && !events.source);
  if (wanted && !why.empty()) throw Error(ErrorCode::kResource, "--counters: " + why);
  OpenedCounters opened;
  opened.source = SoftwareCounters();
  if (!events.source) {
    opened.note = "no events of the CPU are counted: " + events.reason;
    return opened;
  }
  opened.note = why.empty() ? "" : "not counted: " + why;
  opened.source =
      std::make_unique<JoinedCounters>(std::move(opened.source), std::move(events.source));
  return opened;
}

}  // namespace kinglet::characterize
