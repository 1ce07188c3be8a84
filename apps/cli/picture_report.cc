#include "apps/cli/picture_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/cli/cli.h"
#include "apps/cli/output.h"
#include "measure/common/statistics.h"

namespace kinglet::cli {
namespace {

struct Stage {
  const char* name;
  double StageTimes::*ms;
};

std::vector<Stage> Stages(bool postprocess) {
  std::vector<Stage> stages = {{"decode", &StageTimes::decode},
                               {"preprocess", &StageTimes::preprocess},
                               {"network", &StageTimes::network}};
  if (postprocess) stages.push_back({"postprocess", &StageTimes::postprocess});
  return stages;
}

StageTimes Medians(const std::vector<StageTimes>& times) {
  StageTimes medians;
  for (const Stage& stage : Stages(true)) {
    std::vector<double> values;
    for (const StageTimes& each : times) values.push_back(each.*stage.ms);
    medians.*stage.ms = measure::Median(std::move(values));
  }
  return medians;
}

}  // namespace

StageTimes WarmTimes(const std::function<StageTimes()>& run) {
  constexpr std::size_t kMostRuns = 20;
  constexpr double kBudgetMs = 1000;
  run();
  const Timer timer;
  std::vector<StageTimes> times;
  do {
    times.push_back(run());
  } while (times.size() < kMostRuns && timer.ms() < kBudgetMs);
  return Medians(times);
}

void AddTimes(const PictureTimes& times, bool postprocess, nlohmann::ordered_json& line) {
  for (const Stage& stage : Stages(postprocess)) {
    line["ms"][stage.name] = Rounded(times.ms.*stage.ms);
  }
  line["first_run"] = times.first_run;
}

void TimeSummary::Add(const PictureTimes& times) {
  (times.first_run ? first_ : others_).push_back(times.ms);
}

std::string TimeSummary::Text(const std::string& network, int threads) const {
  const std::size_t pictures = first_.size() + others_.size();
  if (pictures == 0) return "";
  const std::string count = fmt::format("{} {}", pictures, pictures == 1 ? "picture" : "pictures");
  const std::string team = fmt::format("{} {}", threads, threads == 1 ? "thread" : "threads");
  const std::size_t most = OutputWidth() - std::min(OutputWidth(), count.size() + team.size() + 4);
  std::string text = fmt::format("\n{}, {}, {}\n", count, Shortened(OneLine(network), most), team);
  std::vector<Table::Column> columns = {{"ms"}};
  const std::vector<Stage> stages = Stages(postprocess_);
  for (const Stage& stage : stages) columns.push_back({stage.name, true});
  Table table(std::move(columns));
  const auto add = [&](const std::string& name, const StageTimes& times) {
    std::vector<std::string> cells = {name};
    for (const Stage& stage : stages) cells.push_back(fmt::format("{:.2f}", times.*stage.ms));
    table.Add(std::move(cells));
  };
  if (!first_.empty()) add("first run", first_.front());
  const bool several = others_.size() > 1;
  if (!others_.empty()) {
    const std::string kind = first_.empty() ? "warm" : "others";
    add(several ? fmt::format("{}, median of {}", kind, others_.size()) : kind, Medians(others_));
  }
  text += table.Text();
  if (others_.empty()) text += "(the first run is slow: --time shows what others take)\n";
  return text;
}

}  // namespace kinglet::cli
