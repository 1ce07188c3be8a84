#include "apps/cli/kernel_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>

#include "apps/cli/cli.h"
#include "apps/cli/output.h"

namespace kinglet::cli {
namespace {

using characterize::LayerForecast;

// The same step at all points: its name, operator, and how many of the same came before.
struct Row {
  std::string name, op;
  int repeat = 0;
  std::vector<const StepInfo*> steps;  // for each point, null where it has no such step
  std::vector<double> predicted;       // seconds, for each point
  std::vector<double> measured;
};

// Of each step of the plan, null of those that wait for data.
std::vector<const LayerForecast*> ForecastsOf(const KernelPoint& point) {
  std::vector<const LayerForecast*> forecasts;
  auto next = point.forecast.layers.begin();
  for (const StepInfo& step : point.plan.steps) {
    forecasts.push_back(step.waits ? nullptr : &*next++);
  }
  return forecasts;
}

// Rows in the order of the first point; what only later points have stands behind the step that it
// follows there.
std::vector<Row> Align(const std::vector<KernelPoint>& points) {
  std::vector<Row> rows;
  for (std::size_t p = 0; p < points.size(); ++p) {
    std::map<std::pair<std::string, std::string>, int> seen;
    const std::vector<const LayerForecast*> forecasts = ForecastsOf(points[p]);
    std::size_t next = 0;  // where a new row goes
    for (std::size_t s = 0; s < points[p].plan.steps.size(); ++s) {
      const StepInfo& step = points[p].plan.steps[s];
      const int repeat = seen[{step.name, step.op}]++;
      auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) {
        return r.repeat == repeat && r.name == step.name && r.op == step.op;
      });
      if (row == rows.end()) {
        row = rows.insert(rows.begin() + static_cast<std::ptrdiff_t>(next),
                          {step.name, step.op, repeat, std::vector<const StepInfo*>(points.size()),
                           std::vector<double>(points.size()), std::vector<double>(points.size())});
      }
      row->steps[p] = &step;
      if (forecasts[s] != nullptr) row->predicted[p] = 1e-6 * forecasts[s]->us;
      if (!points[p].measured.empty()) row->measured[p] = points[p].measured[s];
      next = static_cast<std::size_t>(row - rows.begin()) + 1;
    }
  }
  return rows;
}

std::string Microseconds(double seconds) { return fmt::format("{:.1f}", 1e6 * seconds); }

std::string Cut(const StepInfo& step) {
  if (step.own_thread) {
    return fmt::format("{} x {}, one thread each", step.runs,
                       step.images == 1 ? "1 image" : fmt::format("{} images", step.images));
  }
  return step.cut.empty() ? std::to_string(step.units) : step.cut;
}

void AddCells(const Row& row, std::size_t p, bool measured, std::vector<std::string>& cells) {
  const StepInfo* step = row.steps[p];
  if (step == nullptr) {
    cells.insert(cells.end(), measured ? 4 : 3, "-");
    return;
  }
  const StepInfo* before = p == 0 ? step : row.steps[p - 1];
  const bool changed = before == nullptr || before->kernel != step->kernel;
  cells.push_back((changed ? "* " : "") + step->kernel);
  cells.push_back(Cut(*step));
  cells.push_back(Microseconds(row.predicted[p]));
  if (measured) cells.push_back(Microseconds(row.measured[p]));
}

std::string NameOf(const KernelPoint& point) {
  return fmt::format("batch {}, threads {}", point.batch, point.threads);
}

void AddSums(std::span<const KernelPoint> points, bool for_an_image, Table& table) {
  std::vector<std::string> cells = {for_an_image ? "for an image" : "sum", ""};
  for (const KernelPoint& point : points) {
    const double share = for_an_image ? 1.0 / point.batch : 1.0;
    double sum = 0;
    for (const LayerForecast& layer : point.forecast.layers) sum += 1e-6 * layer.us;
    cells.insert(cells.end(), {"", "", Microseconds(share * sum)});
    if (point.measured.empty()) continue;
    cells.push_back(
        Microseconds(share * std::accumulate(point.measured.begin(), point.measured.end(), 0.0)));
  }
  table.Add(std::move(cells));
}

nlohmann::ordered_json WorkJson(const WorkInfo& work) {
  auto operations = nlohmann::ordered_json::array();
  for (const WorkInfo::Operations& each : work.operations) {
    operations.push_back({{"kind", each.kind},
                          {"type", each.type},
                          {"instructions", each.instructions},
                          {"count", each.count}});
  }
  return {{"operations", std::move(operations)},
          {"read_bytes", work.read_bytes},
          {"write_bytes", work.write_bytes},
          {"weight_bytes", work.weight_bytes},
          {"weight_parts", work.weight_parts},
          {"weight_passes", work.weight_passes},
          {"scratch_bytes", work.scratch_bytes},
          {"scratch_passes", work.scratch_passes},
          {"threads", work.threads},
          {"busiest_share", work.busiest_share}};
}

}  // namespace

namespace {

// The points [first, last) side by side.
std::string TextOf(const std::vector<Row>& rows, const std::vector<KernelPoint>& points,
                   std::size_t first, std::size_t last) {
  std::vector<Table::Column> columns = {{.heading = "node", .fit = Fit::kShorten},
                                        {.heading = "operator", .fit = Fit::kShorten}};
  const bool measured = !points.front().measured.empty();
  for (std::size_t p = first; p < last; ++p) {
    columns.push_back(
        {last - first == 1 ? "kernel" : fmt::format("kernel ({})", NameOf(points[p]))});
    columns.push_back({.heading = "cut", .fit = Fit::kShorten});
    columns.push_back({measured ? "pred. us" : "us", true});
    if (measured) columns.push_back({"meas. us", true});
  }
  Table table(std::move(columns));
  for (const Row& row : rows) {
    std::vector<std::string> cells = {OneLine(row.name), OneLine(row.op)};
    for (std::size_t p = first; p < last; ++p) AddCells(row, p, measured, cells);
    table.Add(std::move(cells));
  }
  const std::span<const KernelPoint> shown = std::span(points).subspan(first, last - first);
  AddSums(shown, false, table);
  AddSums(shown, true, table);
  return table.Text();
}

// Columns that a point takes in the table, about.
std::size_t WidthOf(const KernelPoint& point) {
  constexpr std::size_t kCut = 20, kNumber = 10;
  std::size_t kernel = fmt::format("kernel ({})", NameOf(point)).size();
  for (const StepInfo& step : point.plan.steps) {
    kernel = std::max(kernel, step.kernel.size() + 2);
  }
  return kernel + kCut + kNumber + (point.measured.empty() ? 0 : kNumber);
}

}  // namespace

std::string KernelText(const std::vector<KernelPoint>& points) {
  const std::vector<Row> rows = Align(points);
  constexpr std::size_t kNodes = 28;  // for nodes and operators
  std::string text;
  for (std::size_t first = 0; first < points.size();) {
    std::size_t last = first + 1;
    std::size_t width = kNodes + WidthOf(points[first]);
    while (last < points.size()) {
      width += WidthOf(points[last]);
      if (width > OutputWidth()) break;
      ++last;
    }
    if (points.size() > 1 && last - first == 1) {
      text += fmt::format("{}{}\n", first > 0 ? "\n" : "", NameOf(points[first]));
    } else if (first > 0) {
      text += '\n';
    }
    text += TextOf(rows, points, first, last);
    first = last;
  }
  return text;
}

nlohmann::ordered_json KernelJson(const KernelPoint& point) {
  auto list = nlohmann::ordered_json::array();
  const std::vector<const LayerForecast*> forecasts = ForecastsOf(point);
  for (std::size_t s = 0; s < point.plan.steps.size(); ++s) {
    const StepInfo& step = point.plan.steps[s];
    const LayerForecast forecast = forecasts[s] == nullptr ? LayerForecast() : *forecasts[s];
    list.push_back({{"node", step.name},
                    {"op", step.op},
                    {"kernel", step.kernel},
                    {"shape", step.output_shape},
                    {"multiply_adds", step.macs},
                    {"units", step.units},
                    {"cut", step.cut},
                    {"work", WorkJson(step.work)},
                    {"predicted_us", forecast.us},
                    {"physical_us", forecast.physical_us},
                    {"known", forecast.known}});
    if (!point.measured.empty()) list.back()["measured_us"] = 1e6 * point.measured[s];
  }
  return list;
}

}  // namespace kinglet::cli
