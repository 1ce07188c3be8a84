// check_choice: times every variant on every layer of the networks, and fails where the one that
// the cost model chooses is too much slower than the best one.
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <map>

#include "benchmarks/kernels/candidates.h"
#include "engine/cost/files.h"
#include "kernels/common/cpu_target.h"
#include "kernels/gemm/blas.h"
#include "measure/kernels/layers.h"

namespace kinglet::benchmarks {
namespace {

struct Options {
  std::vector<std::string> networks;  // empty: all
  std::vector<int> batches = {1, 8, 32};
  std::string filter;  // part of the shape's name
  std::string type = "f32";
  int threads = 1;
  double limit = 1.10;
  double budget_seconds = 0.05;  // for each candidate
  bool all = false;
};

const std::map<std::string, kernels::ElementType> kTypes = {
    {"f32", kernels::ElementType::kFloat32},
    {"bf16", kernels::ElementType::kBFloat16},
    {"u8", kernels::ElementType::kUInt8}};

// A shape with the networks that have it.
struct Case {
  std::string name;
  std::string networks;
  std::function<std::vector<Candidate>()> candidates;
};

class Cases {
 public:
  template <typename F>
  void Add(const std::string& name, const std::string& network, F&& candidates) {
    const auto [place, is_new] = index_.try_emplace(name, cases_.size());
    if (is_new) {
      cases_.push_back({name, network, std::forward<F>(candidates)});
    } else {
      cases_[place->second].networks += "," + network;
    }
  }
  const std::vector<Case>& all() const { return cases_; }

 private:
  std::vector<Case> cases_;
  std::map<std::string, size_t> index_;
};

bool Wants(const Options& options, const std::string& network) {
  return options.networks.empty() || std::find(options.networks.begin(), options.networks.end(),
                                               network) != options.networks.end();
}

// With the figures that the engine chooses by: of 'kinglet calibrate' where it ran, else built in.
std::vector<Case> MakeCases(const Options& options) {
  std::vector<std::string> notes;
  const kernels::MachineModel machine = LoadCostModel({}, notes).machine;
  for (const std::string& note : notes) std::fprintf(stderr, "check_choice: %s\n", note.c_str());
  const int threads = options.threads;
  const kernels::ElementType type = kTypes.at(options.type);
  Cases cases;
  for (const int batch : options.batches) {
    const std::string tail = "/b" + std::to_string(batch);
    for (const measure::NetworkLayers& layers : measure::AllNetworkLayers()) {
      if (!Wants(options, layers.network)) continue;
      const auto add_all = [&](const auto& shapes, auto candidates) {
        for (const auto& one : shapes) {
          const auto s = measure::WithBatch(one, batch);
          cases.Add(measure::NameOf(s) + tail, layers.network,
                    [=] { return candidates(s, threads, machine); });
        }
      };
      add_all(layers.convs, [type](const auto& s, int t, const kernels::MachineModel& m) {
        return ConvCandidates(s, type, t, m);
      });
      if (type != kernels::ElementType::kFloat32) continue;
      add_all(layers.chains, &ChainCandidates);
      add_all(layers.products, &GemmCandidates);
    }
  }
  std::vector<Case> wanted = cases.all();
  std::erase_if(wanted, [&](const Case& c) { return c.name.find(options.filter) == c.name.npos; });
  return wanted;
}

const Candidate& Best(const std::vector<Candidate>& candidates) {
  return *std::min_element(
      candidates.begin(), candidates.end(),
      [](const Candidate& a, const Candidate& b) { return a.seconds < b.seconds; });
}

void PrintRow(const Case& c, const std::vector<Candidate>& candidates) {
  const Candidate& chosen = candidates.front();
  const Candidate& best = Best(candidates);
  std::printf("%-52s %-24s %9.3f %9.3f  %-24s %9.3f %9.3f %6.2f  %s\n", c.name.c_str(),
              chosen.id.c_str(), chosen.predicted_seconds * 1e3, chosen.seconds * 1e3,
              best.id.c_str(), best.predicted_seconds * 1e3, best.seconds * 1e3,
              chosen.seconds / best.seconds, c.networks.c_str());
  std::fflush(stdout);
}

// True when the choice is within the limit.
bool Check(const Case& c, const Options& options, measure::Team& team) {
  std::vector<Candidate> candidates = c.candidates();
  if (candidates.size() < 2) return true;
  const auto ratio = [&] { return candidates.front().seconds / Best(candidates).seconds; };
  Measure(candidates, team, options.budget_seconds);
  if (ratio() > options.limit) Measure(candidates, team, 4 * options.budget_seconds);
  const bool good = ratio() <= options.limit;
  if (!good || options.all) PrintRow(c, candidates);
  return good;
}

int CheckAll(const Options& options) {
  const std::vector<Case> cases = MakeCases(options);
  if (cases.empty()) {
    std::fprintf(stderr, "check_choice: no shape fits the filters\n");
    return 2;
  }
  kernels::PrepareBlas();
  std::printf("target %s, %d %s; milliseconds\n", kernels::ActiveTarget().data(), options.threads,
              options.threads == 1 ? "thread" : "threads");
  std::printf("%-52s %-24s %9s %9s  %-24s %9s %9s %6s  %s\n", "shape", "chosen", "predicted",
              "measured", "best", "predicted", "measured", "ratio", "networks");
  const bool progress = isatty(STDERR_FILENO) == 1;
  measure::Team team(options.threads);
  size_t wrong = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    if (progress) std::fprintf(stderr, "\r%zu/%zu\x1b[K\r", i, cases.size());
    if (!Check(cases[i], options, team)) ++wrong;
  }
  std::printf("%zu of %zu choices are more than %.0f %% slower than the best\n", wrong,
              cases.size(), 100 * (options.limit - 1));
  return wrong == 0 ? 0 : 1;
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Checks that the cost model chooses the fastest kernel on the layers of networks.",
               "check_choice");
  app.add_option("--network", options.networks, "Only these networks")->delimiter(',');
  app.add_option("--batch", options.batches, "Batch sizes (default: 1,8,32)")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024));
  app.add_option("--filter", options.filter, "Only shapes whose name has this part, like k3x3");
  app.add_option("--type", options.type,
                 "Of the values: f32 (the default), or convolutions of bf16 or u8")
      ->check(CLI::IsMember({"f32", "bf16", "u8"}));
  app.add_option("--threads", options.threads, "Threads (default: 1)")->check(CLI::Range(1, 256));
  app.add_option("--limit", options.limit, "Ratio to the best that is still good (default: 1.1)")
      ->check(CLI::Range(1.0, 100.0));
  app.add_option("--seconds", options.budget_seconds,
                 "Time for each variant of a shape (default: 0.05)")
      ->check(CLI::Range(0.0, 60.0));
  app.add_flag("--all", options.all, "Print good choices too");
  CLI11_PARSE(app, argc, argv);
  return CheckAll(options);
}

}  // namespace
}  // namespace kinglet::benchmarks

int main(int argc, char** argv) { return kinglet::benchmarks::Main(argc, argv); }
