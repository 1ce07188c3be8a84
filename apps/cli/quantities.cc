#include "apps/cli/quantities.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <span>

#include "apps/cli/cli.h"

namespace kinglet::cli {
namespace {

struct Unit {
  const char* name;
  double factor;
};
constexpr Unit kDurations[] = {{"ms", 1e3}, {"s", 1e6}, {"us", 1.0}, {"", 1e3}};
constexpr Unit kSizes[] = {{"MB", 1e6},           {"GB", 1e9},     {"KB", 1e3}, {"MiB", 1048576.0},
                           {"GiB", 1073741824.0}, {"KiB", 1024.0}, {"B", 1.0}};

double ParseQuantity(const std::string& option, const std::string& text,
                     std::span<const Unit> units, const char* like, double largest) {
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(rest, text.data() + text.size());
  for (const Unit& known : units) {
    if (error != std::errc() || unit != known.name) continue;
    const double value = number * known.factor;
    if (value > 0 && value < largest) return value;
  }
  throw UsageError(fmt::format("{}: expected {}, found '{}'", option, like, text));
}

}  // namespace

double ParseDurationUs(const std::string& option, const std::string& text) {
  return ParseQuantity(option, text, kDurations, "a time like 50ms, 1.5s or 800us", 1e15);
}

std::size_t ParseByteCount(const std::string& option, const std::string& text) {
  return static_cast<std::size_t>(
      ParseQuantity(option, text, kSizes, "a size like 500MB, 2GB or 500MiB", 1e18));
}

}  // namespace kinglet::cli
