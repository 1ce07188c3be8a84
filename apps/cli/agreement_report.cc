#include "apps/cli/agreement_report.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "apps/cli/cli.h"

namespace kinglet::cli {
namespace {

std::string ClassesText(const Agreement& a) {
  std::string text = fmt::format("the best class of {} of {} agrees", a.agreeing, a.compared);
  if (a.near_ties > 0) {
    text += fmt::format(" ({} of them another one within 0.02 of it)", a.near_ties);
  }
  return text + fmt::format(", that of {} is among the five best", a.in_top5);
}

std::string BoxesText(const Agreement& a) {
  std::string text =
      fmt::format("{} of {} boxes have a counterpart of their class", a.agreeing, a.compared);
  if (a.ap >= 0) text += fmt::format(", average precision {:.3f}", a.ap);
  return text;
}

std::string NumbersText(const Agreement& a) {
  return fmt::format("{} of {} numbers are within 1 % of the largest", a.agreeing, a.compared);
}

std::string CountsText(const Agreement& a) {
  switch (a.kind) {
    case Agreement::Kind::kClasses:
      return ClassesText(a);
    case Agreement::Kind::kBoxes:
      return BoxesText(a);
    case Agreement::Kind::kNumbers:
      return NumbersText(a);
  }
  return "";
}

}  // namespace

std::string AgreementText(const Agreement& a) {
  return CountsText(a) + fmt::format("; differences of {}: largest {:.3g}, mean {:.2g}",
                                     a.kind == Agreement::Kind::kNumbers ? "numbers" : "scores",
                                     a.largest_difference, a.mean_difference);
}

nlohmann::ordered_json AgreementJson(const Agreement& a) {
  nlohmann::ordered_json json = {{"kind", AgreementKindName(a.kind)},
                                 {"pictures", a.pictures},
                                 {"compared", a.compared},
                                 {"agreeing", a.agreeing},
                                 {"share", a.share()},
                                 {"largest_difference", a.largest_difference},
                                 {"mean_difference", a.mean_difference}};
  if (a.kind == Agreement::Kind::kClasses) {
    json["near_ties"] = a.near_ties;
    json["in_top5"] = a.in_top5;
  }
  if (a.ap >= 0) json["ap"] = a.ap;
  return json;
}

double ParseShare(const std::string& option, const std::string& text) {
  const bool percent = text.ends_with('%');
  std::string_view number(text);
  if (percent) number.remove_suffix(1);
  while (number.ends_with(' ')) number.remove_suffix(1);
  double value = -1;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  const bool read = error == std::errc() && end == number.data() + number.size();
  if (percent) value /= 100;
  if (!read || !(value >= 0 && value <= 1)) {
    throw UsageError(option + ": expected a share like 0.5% or 0.005, found '" + OneLine(text) +
                     "'");
  }
  return value;
}

std::string SharePercent(double share) { return fmt::format("{:.3g} %", 100 * share); }

}  // namespace kinglet::cli
