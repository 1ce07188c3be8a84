#include "characterize/counters/hardware.h"

#include <cerrno>
#include <cstring>

#include "kinglet/error.h"

#if defined(KINGLET_PFM)
#include <perfmon/pfmlib_perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>
#endif

namespace kinglet::characterize {

const std::vector<std::string>& UsualEvents() {
  static const std::vector<std::string> events = {
      "cycles",           "instructions", "L1-dcache-loads", "L1-dcache-load-misses",
      "cache-references", "cache-misses", "branches",        "branch-misses",
      "dTLB-load-misses"};
  return events;
}

std::string DescribeRefusal(int error, const std::string& paranoid) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "the kernel does not let this user count them" +
             (paranoid.empty() ? std::string()
                               : " (kernel.perf_event_paranoid is " + paranoid +
                                     "; they need 2 or less, or CAP_PERFMON)");
    case ENOENT:
    case ENODEV:
    case EOPNOTSUPP:
      return "this machine does not show the CPU's counters, as is usual for virtual ones";
    case ENOSYS:
      return "the kernel has no perf_event_open, or a sandbox hides it";
    default:
      return std::string("perf_event_open: ") + std::strerror(error);
  }
}

double ScaledCount(std::uint64_t count, std::uint64_t enabled, std::uint64_t running) {
  if (running == 0) return 0;
  return static_cast<double>(count) * (static_cast<double>(enabled) / static_cast<double>(running));
}

#if defined(KINGLET_PFM)

namespace {

class CounterFile {
 public:
  explicit CounterFile(int fd) : fd_(fd) {}
  CounterFile(CounterFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  CounterFile(const CounterFile&) = delete;
  ~CounterFile() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

struct Event {
  std::string name;
  std::vector<CounterFile> of_threads{};
};

class PerfCounters final : public CounterSource {
 public:
  explicit PerfCounters(std::vector<Event> events)
      : CounterSource(NamesOf(events)), events_(std::move(events)) {}

  void Read(std::span<double> counts) noexcept override {
    for (std::size_t e = 0; e < events_.size(); ++e) {
      counts[e] = 0;
      for (const CounterFile& thread : events_[e].of_threads) {
        std::uint64_t values[3] = {};  // count, enabled, running
        if (read(thread.get(), values, sizeof values) == sizeof values) {
          counts[e] += ScaledCount(values[0], values[1], values[2]);
        }
      }
    }
  }

 private:
  static std::vector<std::string> NamesOf(const std::vector<Event>& events) {
    std::vector<std::string> names;
    for (const Event& event : events) names.push_back(event.name);
    return names;
  }

  std::vector<Event> events_;
};

perf_event_attr AttributesOf(const std::string& event) {
  static const int ready = pfm_initialize();
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  pfm_perf_encode_arg_t encoding{};
  encoding.attr = &attributes;
  encoding.size = sizeof encoding;
  const int result = ready != PFM_SUCCESS ? ready
                                          : pfm_get_os_event_encoding(event.c_str(), PFM_PLM3,
                                                                      PFM_OS_PERF_EVENT, &encoding);
  if (result != PFM_SUCCESS) {
    throw Error(ErrorCode::kInvalidInput, "--counters: libpfm does not know the event '" + event +
                                              "' on this machine: " + pfm_strerror(result));
  }
  attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  attributes.exclude_kernel = 1;  // so that every user may count
  attributes.exclude_hv = 1;
  return attributes;
}

std::vector<int> Threads() {
  std::vector<int> threads;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", error)) {
    threads.push_back(std::atoi(entry.path().filename().c_str()));
  }
  return threads;
}

std::string Paranoid() {
  std::string value;
  std::ifstream("/proc/sys/kernel/perf_event_paranoid") >> value;
  return value;
}

}  // namespace

OpenedEvents OpenEvents(const std::vector<std::string>& names) {
  OpenedEvents opened;
  std::vector<Event> events;
  const std::vector<int> threads = Threads();
  for (const std::string& name : names) {
    perf_event_attr attributes = AttributesOf(name);
    Event event{name};
    int error = threads.empty() ? ESRCH : 0;
    for (const int thread : threads) {
      const long fd = syscall(SYS_perf_event_open, &attributes, thread, -1, -1, 0);
      if (fd < 0 && errno == ESRCH) continue;  // it has ended meanwhile
      if (fd < 0) error = errno;
      if (error != 0) break;
      event.of_threads.emplace_back(static_cast<int>(fd));
    }
    if (error == 0) {
      events.push_back(std::move(event));
      continue;
    }
    if (opened.missing.empty()) opened.reason = DescribeRefusal(error, Paranoid());
    opened.missing.push_back(name);
  }
  if (!events.empty()) opened.source = std::make_unique<PerfCounters>(std::move(events));
  return opened;
}

#else

OpenedEvents OpenEvents(const std::vector<std::string>& names) {
  return {nullptr, names, "this kinglet was built without libpfm4, which knows their names"};
}

#endif

}  // namespace kinglet::characterize
