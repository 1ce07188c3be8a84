#include "characterize/common/figures_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "kinglet/error.h"

namespace kinglet::characterize {
namespace {

using Json = nlohmann::ordered_json;

// Of each kind; a file may claim more.
constexpr std::size_t kMaxFigures = 100;

[[noreturn]] void RefuseFigures(const std::string& source, const std::string& what) {
  throw Error(ErrorCode::kInvalidInput, source + ": figures: " + what);
}

const Json& FigureMember(const Json& object, const std::string& name, const std::string& source) {
  if (!object.is_object() || !object.contains(name)) {
    RefuseFigures(source, "there is no '" + name + "'");
  }
  return object[name];
}

double FigureOf(const Json& value, const std::string& name, const std::string& source) {
  const double number = value.is_number() ? value.get<double>() : std::nan("");
  if (!(number >= 1e-12 && number <= 1e15)) {
    RefuseFigures(source, "'" + name.substr(0, 60) + "': expected a number from 1e-12 to 1e15");
  }
  return number;
}

Calibration::Figures FiguresByName(const Json& object, const std::string& name,
                                   const std::string& source) {
  if (!object.is_object() || object.size() > kMaxFigures) {
    RefuseFigures(source, "'" + name.substr(0, 60) + "': expected an object of figures");
  }
  Calibration::Figures figures;
  for (const auto& [key, value] : object.items()) figures[key] = FigureOf(value, key, source);
  return figures;
}

}  // namespace

Json FiguresToJson(const Calibration& c) {
  Json json = {{"peaks", c.peaks},
               {"l3_bytes", c.l3_bytes},
               {"l2_gbps", c.l2_gbps},
               {"l3_gbps", c.l3_gbps},
               {"l3_all_gbps", c.l3_all_gbps},
               {"dram_gbps", c.dram_gbps},
               {"dram_all_gbps", c.dram_all_gbps},
               {"share_of_peak", c.share_of_peak}};
  if (c.step_seconds > 0) json["step_seconds"] = c.step_seconds;
  if (c.handover_seconds > 0) json["handover_seconds"] = c.handover_seconds;
  return json;
}

Calibration FiguresFromJson(const Json& json, const std::string& source) {
  Calibration figures;
  const Json& peaks = FigureMember(json, "peaks", source);
  if (!peaks.is_object() || peaks.size() > kMaxFigures) {
    RefuseFigures(source, "'peaks': expected an object");
  }
  for (const auto& [type, families] : peaks.items()) {
    figures.peaks[type] = FiguresByName(families, type, source);
  }
  figures.share_of_peak =
      FiguresByName(FigureMember(json, "share_of_peak", source), "share_of_peak", source);
  const auto number = [&](const char* name) {
    return FigureOf(FigureMember(json, name, source), name, source);
  };
  figures.l3_bytes = number("l3_bytes");
  figures.l2_gbps = number("l2_gbps");
  figures.l3_gbps = number("l3_gbps");
  figures.l3_all_gbps = number("l3_all_gbps");
  figures.dram_gbps = number("dram_gbps");
  figures.dram_all_gbps = number("dram_all_gbps");
  // Files of before do not have them.
  if (json.contains("step_seconds")) figures.step_seconds = number("step_seconds");
  if (json.contains("handover_seconds")) figures.handover_seconds = number("handover_seconds");
  return figures;
}

}  // namespace kinglet::characterize
