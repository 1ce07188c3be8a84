#include "characterize/correlate/cachegrind.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "kinglet/error.h"
#include "measure/common/process.h"

namespace kinglet::characterize {
namespace {

namespace fs = std::filesystem;

constexpr const char* kValgrind = "valgrind";
constexpr std::size_t kMostEvents = 64;

// A file of its own that goes away.
class OutFile {
 public:
  OutFile() {
    std::string name = (fs::temp_directory_path() / "kinglet-cachegrind-XXXXXX").string();
    const int fd = mkstemp(name.data());
    if (fd < 0) throw Error(ErrorCode::kIo, name + ": cannot be made");
    close(fd);
    path_ = name;
  }
  ~OutFile() {
    std::error_code unknown;
    fs::remove(path_, unknown);
  }
  OutFile(const OutFile&) = delete;
  OutFile& operator=(const OutFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The sum of the events of these names that there are.
double SumOfEvents(const std::map<std::string, double>& events,
                   std::initializer_list<const char*> names) {
  double sum = 0;
  for (const char* name : names) {
    const auto found = events.find(name);
    if (found != events.end()) sum += found->second;
  }
  return sum;
}

Metrics CountProcess(const std::vector<std::string>& arguments) {
  const OutFile out;
  std::vector<std::string> words = {"--tool=cachegrind", "--cache-sim=yes", "--branch-sim=yes",
                                    "--cachegrind-out-file=" + out.path()};
  words.push_back(fs::read_symlink("/proc/self/exe").string());
  words.insert(words.end(), arguments.begin(), arguments.end());
  const measure::ProcessResult result = measure::RunProcess(kValgrind, kValgrind, words);
  if (result.signal != 0 || result.status != 0) {
    throw Error(ErrorCode::kResource,
                "valgrind: " + measure::DescribeEnd(result) + ": " + measure::LastLine(result));
  }
  return ParseCachegrind(out.path());
}

}  // namespace

void CheckValgrind() {
  try {
    if (measure::RunProcess(kValgrind, kValgrind, {"--version"}).status == 0) return;
  } catch (const Error&) {
    // as below
  }
  throw Error(ErrorCode::kIo,
              "--counters cachegrind needs the program valgrind, and there is none that runs; it "
              "is in the package valgrind");
}

Metrics ParseCachegrind(const std::string& file) {
  std::ifstream stream(file);
  std::vector<std::string> names;
  std::map<std::string, double> events;
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line);
    std::string key;
    if (line.starts_with("events:")) {
      words >> key;
      for (std::string name; words >> name && names.size() < kMostEvents;) names.push_back(name);
    } else if (line.starts_with("summary:")) {
      words >> key;
      for (const std::string& name : names) {
        if (!(words >> events[name])) events.clear();
        if (events.empty()) break;
      }
    }
  }
  if (events.count("Ir") == 0) {
    throw Error(ErrorCode::kInvalidInput,
                file + ": expected what cachegrind writes, with a line 'summary:' of its events");
  }
  return {{"cg-instructions", SumOfEvents(events, {"Ir"})},
          {"cg-data-refs", SumOfEvents(events, {"Dr", "Dw"})},
          {"cg-l1-misses", SumOfEvents(events, {"I1mr", "D1mr", "D1mw"})},
          {"cg-ll-misses", SumOfEvents(events, {"ILmr", "DLmr", "DLmw"})},
          {"cg-branches", SumOfEvents(events, {"Bc", "Bi"})},
          {"cg-branch-misses", SumOfEvents(events, {"Bcm", "Bim"})}};
}

Metrics CountByCachegrind(const std::function<std::vector<std::string>(int runs)>& arguments) {
  const Metrics once = CountProcess(arguments(1));
  Metrics counts = CountProcess(arguments(2));
  for (auto& [name, count] : counts) count = std::max(0.0, count - once.at(name));
  return counts;
}

}  // namespace kinglet::characterize
