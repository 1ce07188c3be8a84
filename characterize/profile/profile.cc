#include "characterize/profile/profile.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "characterize/profile/layer_counters.h"
#include "measure/common/statistics.h"
#include "measure/network/shapes.h"

namespace kinglet::characterize {
namespace {

constexpr std::size_t kLeastProfiles = 9;
constexpr std::size_t kMostProfiles = 2000;
constexpr double kProfileWarmUp = 0.3;
constexpr std::size_t kCountedRuns = 10;
constexpr double kCountedSeconds = 2;

// The turns whose profiled run is neither among the fastest nor the slowest fourth.
std::vector<const ProfileTurn*> MiddleHalf(const std::vector<ProfileTurn>& turns) {
  std::vector<const ProfileTurn*> order;
  for (const ProfileTurn& turn : turns) order.push_back(&turn);
  std::sort(order.begin(), order.end(), [](const ProfileTurn* a, const ProfileTurn* b) {
    return a->profiled_seconds < b->profiled_seconds;
  });
  const std::size_t cut = order.size() / 4;
  return {order.begin() + static_cast<std::ptrdiff_t>(cut),
          order.end() - static_cast<std::ptrdiff_t>(cut)};
}

class ProfileRuns {
 public:
  ProfileRuns(Session& session, const Tensors& inputs, const measure::Clock& clock)
      : session_(session), inputs_(inputs), clock_(clock) {}

  double Plain() {
    const double start = clock_();
    session_.Run(inputs_);
    return clock_() - start;
  }

  void Profiled(ProfileTurn& turn) {
    const double start = clock_();
    turn.step_seconds = session_.Profile(inputs_);
    turn.profiled_seconds = clock_() - start;
  }

  std::vector<ProfileTurn> Take(const ProfileOptions& options) {
    const double warming = clock_();
    do {
      Plain();
    } while (options.turns == 0 && clock_() - warming < kProfileWarmUp);
    std::vector<ProfileTurn> turns;
    const double begin = clock_();
    const auto wants_more = [&] {
      if (options.turns > 0) return turns.size() < options.turns;
      if (turns.size() < kLeastProfiles) return true;
      return turns.size() < kMostProfiles && clock_() - begin < options.budget_seconds;
    };
    while (wants_more()) {
      ProfileTurn turn;
      // Who comes second finds other things in the caches.
      const bool plain_first = turns.size() % 2 == 0;
      if (plain_first) turn.plain_seconds = Plain();
      Profiled(turn);
      if (!plain_first) turn.plain_seconds = Plain();
      turns.push_back(std::move(turn));
    }
    return turns;
  }

 private:
  Session& session_;
  const Tensors& inputs_;
  const measure::Clock& clock_;
};

void CountLayers(ProfileRuns& runs, const CounterRequest& request, NetworkProfile& profile) {
  OpenedCounters counters = OpenCounters(request);
  if (!counters.note.empty()) profile.notes.push_back(counters.note);
  if (!counters.source) return;
  profile.events = counters.source->names();
  LayerCounters layers(*counters.source, profile.layers.size());
  std::vector<double> overheads;
  double spent = 0;
  while (overheads.size() < kCountedRuns && (overheads.empty() || spent < kCountedSeconds)) {
    ProfileTurn turn;
    turn.plain_seconds = runs.Plain();
    {
      const ObserveSteps observe(layers);
      runs.Profiled(turn);
    }
    overheads.push_back(turn.profiled_seconds / turn.plain_seconds - 1);
    spent += turn.profiled_seconds;
  }
  std::vector<double> step_seconds;
  for (const LayerProfile& layer : profile.layers) step_seconds.push_back(layer.seconds);
  auto counts = layers.PerRun(step_seconds);
  for (std::size_t s = 0; s < counts.size(); ++s) profile.layers[s].counts = std::move(counts[s]);
  profile.counting_overhead = measure::Median(overheads);
}

}  // namespace

double NetworkProfile::layer_seconds() const {
  return std::accumulate(layers.begin(), layers.end(), 0.0,
                         [](double sum, const LayerProfile& layer) { return sum + layer.seconds; });
}

void SetTimes(const std::vector<ProfileTurn>& turns, NetworkProfile& profile) {
  const std::vector<const ProfileTurn*> middle = MiddleHalf(turns);
  const double each = 1.0 / static_cast<double>(middle.size());
  profile.run_seconds = 0;
  for (LayerProfile& layer : profile.layers) layer.seconds = 0;
  for (const ProfileTurn* turn : middle) {
    profile.run_seconds += each * turn->profiled_seconds;
    for (std::size_t s = 0; s < profile.layers.size(); ++s) {
      profile.layers[s].seconds += each * turn->step_seconds[s];
    }
  }
  std::vector<double> plain, overheads;
  for (const ProfileTurn& turn : turns) {
    plain.push_back(turn.plain_seconds);
    if (turn.plain_seconds > 0) overheads.push_back(turn.profiled_seconds / turn.plain_seconds - 1);
  }
  profile.plain_seconds = measure::Median(plain);
  profile.overhead = overheads.empty() ? 0 : measure::Median(overheads);
  profile.turns = turns.size();
  profile.rest_seconds = profile.run_seconds - profile.layer_seconds();
  for (LayerProfile& layer : profile.layers) {
    layer.share = profile.run_seconds > 0 ? layer.seconds / profile.run_seconds : 0;
  }
}

NetworkProfile ProfileModel(const Model& model, const InputShapes& shapes,
                            const ProfileOptions& options, const measure::Clock& clock) {
  NetworkProfile profile;
  profile.threads = options.threads;
  const PlanInfo plan = model.Describe(shapes, options.threads);
  profile.predicted_seconds = plan.predicted_seconds;
  for (const StepInfo& step : plan.steps) profile.layers.push_back({step});
  SetRoof({}, profile);  // what each layer does, without what it could
  Tensors random;
  if (options.inputs == nullptr) random = measure::RandomInputs(model.inputs(), shapes);
  const Tensors& inputs = options.inputs == nullptr ? random : *options.inputs;
  Session session = model.NewSession({.threads = options.threads});
  ProfileRuns runs(session, inputs, clock);
  SetTimes(runs.Take(options), profile);
  if (options.counters.mode != CounterMode::kOff) CountLayers(runs, options.counters, profile);
  return profile;
}

void SetRoof(const Roof& roof, NetworkProfile& profile) {
  profile.roof = roof;
  for (LayerProfile& layer : profile.layers) layer.work = WorkOf(layer.step, roof);
}

}  // namespace kinglet::characterize
