#include "apps/cli/number_list.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "apps/cli/cli.h"
#include "apps/cli/commands.h"
#include "kinglet/model.h"

namespace kinglet::cli {
namespace {

constexpr std::size_t kMaxNumbers = 10'000;

// Numbers of one list, with what its errors say.
class Reader {
 public:
  Reader(const std::string& option, const std::string& text, int max)
      : option_(option), text_(text), max_(max) {}

  std::vector<int> Read() {
    std::string_view rest = text_;
    while (true) {
      const std::size_t comma = rest.find(',');
      AddItem(rest.substr(0, comma));
      if (comma == rest.npos) return numbers_;
      rest = rest.substr(comma + 1);
    }
  }

 private:
  void AddItem(std::string_view item) {
    const std::size_t dots = item.find("..");
    const int first = Number(item.substr(0, dots));
    const int last = dots == item.npos ? first : Number(item.substr(dots + 2));
    if (last < first) Refuse(fmt::format("a range that rises, found '{}'", item));
    if (static_cast<std::size_t>(last - first) >= kMaxNumbers - numbers_.size()) {
      Refuse(fmt::format("at most {} numbers, found more in '{}'", kMaxNumbers, text_));
    }
    for (int number = first; number <= last; ++number) numbers_.push_back(number);
  }

  int Number(std::string_view text) const {
    int number = 0;
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, number);
    const bool huge = result.ec == std::errc::result_out_of_range;
    if (result.ptr != end || (result.ec != std::errc() && !huge)) {
      Refuse(fmt::format("a list like 1,8,32 or 1..34, found '{}'", text_));
    }
    if (huge || number < 1 || number > max_) {
      Refuse(fmt::format("numbers from 1 to {}, found {}", max_, text));
    }
    return number;
  }

  [[noreturn]] void Refuse(const std::string& what) const {
    throw UsageError(option_ + ": expected " + what);
  }

  const std::string& option_;
  const std::string& text_;
  int max_;
  std::vector<int> numbers_;
};

}  // namespace

std::vector<int> ParseNumberList(const std::string& option, const std::string& text, int max) {
  return Reader(option, text, max).Read();
}

std::vector<int> BatchSizes(const std::string& list) {
  if (list.empty()) return {0};
  return ParseNumberList("--batch", list, kMaxBatch);
}

int DefaultThreads() {
  if (const char* variable = std::getenv("OMP_NUM_THREADS")) {
    // The first of a list is that of the outermost level.
    const std::string_view text(variable, std::strcspn(variable, ","));
    int threads = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), threads);
    const bool number = result.ec == std::errc() && result.ptr == text.data() + text.size();
    if (number && threads >= 1 && threads <= kMaxThreads) return threads;
  }
  return AvailableThreads();
}

std::vector<int> ThreadCounts(const std::string& list) {
  if (list.empty()) return {DefaultThreads()};
  return ParseNumberList("--threads", list, kMaxThreads);
}

}  // namespace kinglet::cli
