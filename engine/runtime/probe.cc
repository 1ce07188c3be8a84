#include "engine/runtime/probe.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>

namespace kinglet {
namespace {

class TurnTaker {
 public:
  TurnTaker(const Probes& probes, const CalibrateOptions& options)
      : probes_(probes),
        options_(options),
        wanted_(static_cast<std::size_t>(std::max(options.turns, 1))),
        turns_(probes.size()) {}

  std::vector<ProbeTurns> TakeAll() {
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t turn = 0; turn < 2 * wanted_; ++turn) {
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
      if (turn > 0 && spent.count() > options_.seconds) break;
      std::vector<std::size_t> due;
      for (std::size_t i = 0; i < probes_.size(); ++i) {
        if (turns_[i].good.size() < wanted_) due.push_back(i);
      }
      if (due.empty()) break;
      TakeTurn(due);
    }
    return std::move(turns_);
  }

 private:
  struct Value {
    std::size_t probe;
    double value;
    std::string disturbed;
  };

  void TakeTurn(const std::vector<std::size_t>& due) {
    CalibrationWatch* const watch = options_.watch;
    std::vector<Value> values;
    if (watch != nullptr) watch->LookBack();
    for (const std::size_t probe : due) {
      ShowProgress();
      const double value = probes_[probe].measure();
      values.push_back({probe, value, watch == nullptr ? "" : watch->Look()});
    }
    const std::string whole = watch == nullptr ? "" : watch->LookBack();
    for (const Value& each : values) {
      ProbeTurns& turns = turns_[each.probe];
      const std::string& reason = each.disturbed.empty() ? whole : each.disturbed;
      (reason.empty() ? turns.good : turns.disturbed).push_back(each.value);
      if (!reason.empty()) turns.reason = reason;
    }
  }

  // Turns that are taken again are beyond what was counted on.
  void ShowProgress() {
    const std::size_t total = probes_.size() * wanted_;
    if (options_.progress) options_.progress(std::min(done_++, total - 1), total);
  }

  const Probes& probes_;
  const CalibrateOptions& options_;
  const std::size_t wanted_;
  std::vector<ProbeTurns> turns_;
  std::size_t done_ = 0;
};

}  // namespace

std::vector<double> ProbeTurns::counted() const {
  std::vector<double> values = good;
  if (!trusted()) values.insert(values.end(), disturbed.begin(), disturbed.end());
  return values;
}

std::string ProbeTurns::mark() const {
  if (trusted()) return "";
  return "disturbed: " + reason + " (" + std::to_string(disturbed.size()) + " of " +
         std::to_string(good.size() + disturbed.size()) + " turns)";
}

std::vector<ProbeTurns> TakeTurns(const Probes& probes, const CalibrateOptions& options) {
  return TurnTaker(probes, options).TakeAll();
}

}  // namespace kinglet
