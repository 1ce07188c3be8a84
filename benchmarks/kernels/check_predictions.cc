// check_predictions: each step of some networks as measured and as the cost model predicts it, by
// operator, the worst first; fails where an operator that takes its share of a network is too far
// off.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "kinglet/error.h"
#include "kinglet/model.h"
#include "kinglet/network.h"
#include "measure/network/shapes.h"

namespace kinglet::benchmarks {
namespace {

struct Options {
  std::vector<std::string> networks;
  std::vector<std::string> shapes;
  int batch = 0;  // 0: what the network is fixed to, else 1
  int threads = 1;
  int runs = 15;
  double share = 0.01;  // of a network's time, from which on a step counts
  double limit = 2;
  bool all = false;
};

struct Sample {
  std::string network;
  StepInfo step;
  double measured = 0;
  double share = 0;  // of the network's time

  // How many times too much or too little is predicted, at least 1.
  double Off() const {
    const double ratio = step.predicted_seconds / measured;
    return std::max(ratio, 1 / ratio);
  }
};

// The fastest of some runs, for each step.
std::vector<double> Measure(const Model& model, const InputShapes& shapes, const Options& options) {
  const Tensors inputs = measure::RandomInputs(model.inputs(), shapes);
  Session session = model.NewSession({.threads = options.threads});
  std::vector<double> best = session.Profile(inputs);
  for (int run = 1; run < options.runs; ++run) {
    const std::vector<double> seconds = session.Profile(inputs);
    for (std::size_t s = 0; s < best.size(); ++s) best[s] = std::min(best[s], seconds[s]);
  }
  return best;
}

std::vector<Sample> SamplesOf(const std::string& network, const Options& options) {
  NamedNetwork opened = OpenNetwork(network);
  CompileOptions compile;
  compile.threads = options.threads;
  const Model model = Model::Compile(std::move(opened.graph), compile);
  const InputShapes shapes =
      measure::ChooseShapes(model.inputs(), {options.batch, options.shapes}, opened.descriptor);
  const PlanInfo plan = model.Describe(shapes, options.threads);
  const std::vector<double> measured = Measure(model, shapes, options);
  double all = 0;
  for (const double seconds : measured) all += seconds;
  std::vector<Sample> samples;
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    if (plan.steps[s].waits || measured[s] < options.share * all) continue;
    samples.push_back({network, plan.steps[s], measured[s], measured[s] / all});
  }
  return samples;
}

// Beyond the limit by one step that counts.
bool Print(const std::string& op, std::vector<Sample> samples, const Options& options) {
  std::sort(samples.begin(), samples.end(),
            [](const Sample& a, const Sample& b) { return a.Off() > b.Off(); });
  double measured = 0, predicted = 0;
  for (const Sample& sample : samples) {
    measured += sample.measured;
    predicted += sample.step.predicted_seconds;
  }
  std::printf("%-24s %6zu %10.1f %10.1f %6.2f\n", op.c_str(), samples.size(), 1e6 * measured,
              1e6 * predicted, predicted / measured);
  const std::size_t shown = options.all ? samples.size() : std::min<std::size_t>(samples.size(), 3);
  for (std::size_t i = 0; i < shown; ++i) {
    const Sample& s = samples[i];
    if (!options.all && s.Off() <= options.limit) break;
    std::printf("  %-29s %10.1f %10.1f %6.2f  %4.1f %%  %s %s in %s\n", s.step.kernel.c_str(),
                1e6 * s.measured, 1e6 * s.step.predicted_seconds,
                s.step.predicted_seconds / s.measured, 100 * s.share,
                ShapeToString(s.step.output_shape).c_str(), s.step.name.c_str(), s.network.c_str());
  }
  return samples.front().Off() > options.limit;
}

int CheckAll(const Options& options) {
  std::map<std::string, std::vector<Sample>> by_operator;
  for (const std::string& network : options.networks) {
    try {
      for (Sample& sample : SamplesOf(network, options)) {
        by_operator[sample.step.op].push_back(std::move(sample));
      }
    } catch (const Error& error) {
      std::fprintf(stderr, "check_predictions: %s: %s\n", network.c_str(), error.what());
    }
  }
  const auto worst = [](const std::vector<Sample>& samples) {
    double off = 0;
    for (const Sample& sample : samples) off = std::max(off, sample.Off());
    return off;
  };
  std::vector<std::pair<double, std::string>> order;
  for (const auto& [op, samples] : by_operator) order.emplace_back(-worst(samples), op);
  std::sort(order.begin(), order.end());
  std::printf("%d %s; steps of at least %.1f %% of their network, microseconds\n", options.threads,
              options.threads == 1 ? "thread" : "threads", 100 * options.share);
  std::printf("%-24s %6s %10s %10s %6s\n", "operator", "steps", "measured", "predicted", "ratio");
  std::size_t wrong = 0;
  for (const auto& [off, op] : order) wrong += Print(op, by_operator[op], options) ? 1u : 0u;
  std::printf("%zu of %zu operators have a step that is predicted more than %.1f times off\n",
              wrong, order.size(), options.limit);
  return wrong == 0 ? 0 : 1;
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Compares the time that the cost model predicts for each step with a measurement.",
               "check_predictions");
  app.add_option("network", options.networks,
                 "ONNX files, descriptor files, or names from 'kinglet models'")
      ->required();
  app.add_option("--shape", options.shapes, "Shape of an input, NAME=1x3x224x224");
  app.add_option("--batch", options.batch, "Batch size")->check(CLI::Range(1, 1024));
  app.add_option("--threads", options.threads, "Threads (default: 1)")->check(CLI::Range(1, 256));
  app.add_option("--runs", options.runs, "Runs, the fastest of which counts (default: 15)")
      ->check(CLI::Range(1, 10000));
  app.add_option("--share", options.share,
                 "Part of a network's time from which on a step counts (default: 0.01)")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--limit", options.limit, "Factor that is still good (default: 2)")
      ->check(CLI::Range(1.0, 1000.0));
  app.add_flag("--all", options.all, "Print good steps too");
  CLI11_PARSE(app, argc, argv);
  return CheckAll(options);
}

}  // namespace
}  // namespace kinglet::benchmarks

int main(int argc, char** argv) { return kinglet::benchmarks::Main(argc, argv); }
