#include "characterize/sweep/sweep_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "characterize/analysis/cliffs.h"
#include "characterize/analysis/curve.h"
#include "characterize/analysis/ratios.h"

namespace kinglet::characterize {
namespace {

constexpr std::size_t kMostCurves = 6;  // of a panel; more are divided by their instances
constexpr int kChangeLook = 6;          // of marks that belong to no curve
constexpr int kMarkLook = 7;

// The curves of one panel.
struct CurveGroup {
  std::string title;
  std::vector<Curve> curves;
};

// A group for each network, or for each network and number of instances.
std::vector<CurveGroup> GroupsOf(const std::vector<Curve>& curves) {
  const auto grouped = [&](const std::function<std::string(const SweepKey&)>& title) {
    std::vector<CurveGroup> groups;
    for (const Curve& curve : curves) {
      const std::string name = title(curve.key());
      auto group = std::find_if(groups.begin(), groups.end(),
                                [&](const CurveGroup& g) { return g.title == name; });
      if (group == groups.end()) group = groups.insert(groups.end(), {name, {}});
      group->curves.push_back(curve);
    }
    return groups;
  };
  std::vector<CurveGroup> groups = grouped([](const SweepKey& key) { return key.network; });
  const bool crowded = std::any_of(groups.begin(), groups.end(), [](const CurveGroup& group) {
    return group.curves.size() > kMostCurves;
  });
  if (!crowded) return groups;
  return grouped([](const SweepKey& key) {
    return fmt::format("{}, {}", key.network, Counted(key.instances, "instance"));
  });
}

// Powers of two where batches grow like that, else as they are.
Axis BatchAxis(const std::vector<Curve>& curves) {
  int smallest = curves.front().points.front().key.batch;
  int largest = smallest;
  std::size_t most = 0;
  for (const Curve& curve : curves) {
    smallest = std::min(smallest, curve.points.front().key.batch);
    largest = std::max(largest, curve.points.back().key.batch);
    most = std::max(most, curve.points.size());
  }
  const bool doubling = largest >= 8 * smallest && most <= 8;
  return {.label = "batch, images", .log_base = doubling ? 2 : 0};
}

using ValueOf = std::function<double(const SweepPoint&)>;

Series SeriesOf(const Curve& curve, const std::string& name, int look, const ValueOf& x,
                const ValueOf& y) {
  Series series{.name = name, .colour = look};
  for (const SweepPoint& point : curve.points) {
    series.x.push_back(x(point));
    series.y.push_back(y(point));
  }
  return series;
}

double BatchOf(const SweepPoint& point) { return point.key.batch; }
double ThroughputOf(const SweepPoint& point) { return point.images_per_s; }
double MedianOf(const SweepPoint& point) { return point.latency.p50_ms; }

// A ring around each point that is not to be trusted.
void AddMarked(const CurveGroup& group, const ValueOf& x, const ValueOf& y, Panel& panel) {
  Series marked{.name = "not to be trusted", .style = Style::kPoints, .colour = kMarkLook};
  for (const Curve& curve : group.curves) {
    for (const SweepPoint& point : curve.points) {
      if (point.mark.empty()) continue;
      marked.x.push_back(x(point));
      marked.y.push_back(y(point));
    }
  }
  if (!marked.x.empty()) panel.series.push_back(std::move(marked));
}

// A panel for each group with a series for each curve, which `finish` adds to.
Plot PlotOf(const std::vector<CurveGroup>& groups, const std::string& title, const ValueOf& x,
            const ValueOf& y, const std::function<void(const CurveGroup&, Panel&)>& finish) {
  Plot plot{.title = title, .panels = {}};
  for (const CurveGroup& group : groups) {
    Panel panel;
    panel.title = group.title;
    int look = 0;
    for (const Curve& curve : group.curves) {
      panel.series.push_back(SeriesOf(curve, CurveName(curve.key(), group.curves), look++, x, y));
    }
    finish(group, panel);
    plot.panels.push_back(std::move(panel));
  }
  return plot;
}

SweepPicture LatencyAgainstThroughput(const std::vector<CurveGroup>& groups) {
  const auto finish = [](const CurveGroup& group, Panel& panel) {
    panel.x = {.label = "throughput, images/s"};
    panel.y = {.label = "latency of a batch, median, ms"};
    for (std::size_t c = 0; c < group.curves.size(); ++c) {
      for (const SweepPoint& point : group.curves[c].points) {
        panel.series[c].labels.push_back(std::to_string(point.key.batch));
      }
    }
    AddMarked(group, ThroughputOf, MedianOf, panel);
  };
  return {"latency_throughput",
          "Latency against throughput. The numbers are batches; where there is no room for all, "
          "some are left out.",
          PlotOf(groups, "Latency against throughput", ThroughputOf, MedianOf, finish)};
}

SweepPicture ThroughputAgainstBatch(const std::vector<CurveGroup>& groups) {
  const auto finish = [](const CurveGroup& group, Panel& panel) {
    panel.x = BatchAxis(group.curves);
    panel.y = {.label = "throughput, images/s", .from = 0};
    Series changes{
        .name = "another kernel in some layer", .style = Style::kPoints, .colour = kChangeLook};
    for (std::size_t c = 0; c < group.curves.size(); ++c) {
      const Curve& curve = group.curves[c];
      Series& series = panel.series[c];
      series.labels.assign(curve.points.size(), "");
      for (std::size_t i = 0; i < curve.points.size(); ++i) {
        const SweepPoint& point = curve.points[i];
        const Interval interval = ThroughputInterval(point);
        series.low.push_back(interval.low);
        series.high.push_back(interval.high);
        if (i == 0 || ChangesBetween(curve.points[i - 1], point).empty()) continue;
        changes.x.push_back(point.key.batch);
        changes.y.push_back(point.images_per_s);
      }
      for (const Cliff& cliff : FindCliffs(curve)) {
        const auto at = std::find_if(
            curve.points.begin(), curve.points.end(),
            [&](const SweepPoint& point) { return point.key.batch == cliff.to_batch; });
        series.labels[static_cast<std::size_t>(at - curve.points.begin())] =
            fmt::format("{}: -{:.0f} %", cliff.to_batch, 100 * cliff.fall());
      }
    }
    if (!changes.x.empty()) panel.series.push_back(std::move(changes));
    AddMarked(group, BatchOf, ThroughputOf, panel);
  };
  return {"throughput_batch",
          "Throughput against batch, with 95 % intervals. Cliffs have their batch and how far "
          "throughput falls from the batch before; where a layer runs another kernel than at the "
          "batch before, there is a square.",
          PlotOf(groups, "Throughput against batch", BatchOf, ThroughputOf, finish)};
}

double MeanUse(const SweepPoint& point) {
  if (point.core_utilisation.empty()) return 0;
  double sum = 0;
  for (const double each : point.core_utilisation) sum += each;
  return 100 * sum / static_cast<double>(point.core_utilisation.size());
}

SweepPicture UseOfCores(const std::vector<CurveGroup>& groups) {
  const auto finish = [](const CurveGroup& group, Panel& panel) {
    panel.x = BatchAxis(group.curves);
    panel.y = {.label = "use of the cores, %", .from = 0, .to = 105};
    for (std::size_t c = 0; c < group.curves.size(); ++c) {
      for (const SweepPoint& point : group.curves[c].points) {
        const auto& cores = point.core_utilisation;
        const auto [low, high] = std::minmax_element(cores.begin(), cores.end());
        panel.series[c].low.push_back(cores.empty() ? 0 : 100 * *low);
        panel.series[c].high.push_back(cores.empty() ? 0 : 100 * *high);
      }
    }
  };
  return {
      "utilisation",
      "Use of the cores, mean of all that the process may use; the bars reach from the least to "
      "the most used core.",
      PlotOf(groups, "Use of the cores", BatchOf, MeanUse, finish)};
}

SweepPicture ClockOfCores(const std::vector<CurveGroup>& groups) {
  const auto mhz = [](const SweepPoint& point) { return point.clock_mhz; };
  const auto finish = [](const CurveGroup& group, Panel& panel) {
    panel.x = BatchAxis(group.curves);
    panel.y = {.label = "clock, MHz"};
  };
  return {"clock", "Clock of the cores while the point was measured, mean.",
          PlotOf(groups, "Clock of the cores", BatchOf, mhz, finish)};
}

SweepPicture Memory(const std::vector<CurveGroup>& groups) {
  const auto mib = [](const SweepPoint& point) { return point.peak_rss_mb; };
  const auto finish = [](const CurveGroup& group, Panel& panel) {
    panel.x = BatchAxis(group.curves);
    panel.y = {.label = "peak memory of all instances, MiB", .from = 0};
  };
  return {"memory", "Peak resident memory against batch, all instances together.",
          PlotOf(groups, "Memory", BatchOf, mib, finish)};
}

// A panel for each network of the ratios.
Plot RatioPlot(const std::string& title, const std::string& label,
               const std::vector<RatioCurve>& ratios, const std::vector<Curve>& curves) {
  Plot plot{.title = title, .panels = {}};
  std::vector<std::string> networks;
  for (const RatioCurve& ratio : ratios) {
    const std::string& network = ratio.over.network;
    if (std::find(networks.begin(), networks.end(), network) == networks.end()) {
      networks.push_back(network);
    }
  }
  for (const std::string& network : networks) {
    std::vector<Curve> own;
    std::copy_if(curves.begin(), curves.end(), std::back_inserter(own),
                 [&](const Curve& curve) { return curve.key().network == network; });
    Panel panel;
    panel.title = network;
    panel.x = BatchAxis(own);
    panel.y = {.label = label, .from = 0};
    panel.guides = {{false, 1, "equal"}};
    for (const RatioCurve& ratio : ratios) {
      if (ratio.over.network != network) continue;
      Series series{.name = CurveName(ratio.over, own)};
      for (const Ratio& each : ratio.ratios) {
        series.x.push_back(each.batch);
        series.y.push_back(each.value);
        series.low.push_back(each.low);
        series.high.push_back(each.high);
      }
      panel.series.push_back(std::move(series));
    }
    plot.panels.push_back(std::move(panel));
  }
  return plot;
}

}  // namespace

std::vector<SweepPicture> SweepPictures(const std::vector<SweepPoint>& sweep) {
  std::vector<SweepPicture> pictures;
  if (sweep.empty()) return pictures;
  const std::vector<Curve> curves = CurvesOf(sweep);
  const std::vector<CurveGroup> groups = GroupsOf(curves);
  const auto any = [&](const std::function<bool(const SweepPoint&)>& has) {
    return std::any_of(sweep.begin(), sweep.end(), has);
  };
  const bool batches = std::any_of(curves.begin(), curves.end(),
                                   [](const Curve& curve) { return curve.points.size() > 1; });
  pictures.push_back(LatencyAgainstThroughput(groups));
  if (batches) {
    pictures.push_back(ThroughputAgainstBatch(groups));
    if (any([](const SweepPoint& p) { return !p.core_utilisation.empty(); })) {
      pictures.push_back(UseOfCores(groups));
    }
    if (any([](const SweepPoint& p) { return p.clock_mhz > 0; })) {
      pictures.push_back(ClockOfCores(groups));
    }
    if (any([](const SweepPoint& p) { return p.peak_rss_mb > 0; })) {
      pictures.push_back(Memory(groups));
    }
  }
  const std::vector<RatioCurve> speedups = InstanceSpeedups(sweep);
  if (!speedups.empty()) {
    pictures.push_back({"instances",
                        "Throughput of several instances over that of one, with 95 % intervals.",
                        RatioPlot("Several instances over one",
                                  "throughput over that of one instance", speedups, curves)});
  }
  const std::vector<RatioCurve> processes = ProcessesOverThreads(sweep);
  if (!processes.empty()) {
    pictures.push_back(
        {"processes",
         "Throughput of instances as processes over that of as many as threads of one process.",
         RatioPlot("Processes over threads", "throughput over that of threads", processes,
                   curves)});
  }
  return pictures;
}

}  // namespace kinglet::characterize
