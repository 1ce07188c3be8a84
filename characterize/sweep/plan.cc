#include "characterize/sweep/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "kinglet/error.h"
#include "kinglet/precision.h"
#include "measure/common/machine.h"
#include "measure/network/opened.h"
#include "measure/network/turn_inputs.h"

namespace kinglet::characterize {
namespace {

constexpr double kBytesOfMib = 1024.0 * 1024.0;

template <typename T>
std::vector<T> WithoutRepeats(const std::vector<T>& list) {
  std::vector<T> once;
  for (const T& each : list) {
    if (std::find(once.begin(), once.end(), each) == once.end()) once.push_back(each);
  }
  return once;
}

// What the point takes, about, MiB.
double MibOf(const SweepKey& key, const PlanInfo& plan, const Model& model) {
  const auto sessions = static_cast<double>(plan.arena_bytes + plan.scratch_bytes) * key.instances;
  const int models = key.kind == InstanceKind::kProcesses ? key.instances : 1;
  return (sessions + static_cast<double>(model.weight_bytes()) * models) / kBytesOfMib;
}

void CheckMemory(const SweepKey& key, const PlanInfo& plan, const Model& model) {
  const double needed = MibOf(key, plan, model);
  const double there = measure::AvailableMib();
  if (there == 0 || needed <= there) return;
  throw Error(ErrorCode::kResource,
              fmt::format("{}: needs about {:.0f} MiB of memory, and {:.0f} MiB are there",
                          KeyText(key), needed, there));
}

// The points of one network in one precision.
class Planner {
 public:
  Planner(const SweepRequest& request, const Subject& subject)
      : request_(request), pictures_(subject.pictures), point_(subject.base) {}

  void Add(const std::string& name, const std::string& precision, std::vector<SweepKey>& keys,
           std::vector<std::string>& notes) {
    point_.network = name;
    point_.batch = request_.batches.front();
    point_.compile.precision = PrecisionOf(precision).value_or(Precision::kModel);
    const measure::OpenedNetwork network = measure::OpenForPoint(point_);
    notes.insert(notes.end(), network.notes.begin(), network.notes.end());
    if (!pictures_.empty()) {  // wrong ones are found before anything is measured
      measure::TurnInputs(network, network.shapes.For(request_.batches.front()), {pictures_});
    }
    for (const int threads : request_.threads) {
      for (const int batch : request_.batches) {
        const InputShapes shapes = network.shapes.For(batch);
        const PlanInfo plan = network.model.Describe(shapes, threads);
        SweepKey key;
        key.network = name;
        key.precision = precision;
        if (precision.empty()) {
          key.precision = measure::PrecisionOfPlan(plan, network.model.precision());
        }
        key.batch = network.shapes.Batch(shapes);
        key.threads = threads;
        key.rate = request_.rate;
        AddInstances(key, plan, network.model, keys);
      }
    }
  }

 private:
  void AddInstances(SweepKey key, const PlanInfo& plan, const Model& model,
                    std::vector<SweepKey>& keys) const {
    for (const int instances : request_.instances) {
      for (const InstanceKind kind : request_.kinds) {
        key.instances = instances;
        key.kind = instances == 1 ? InstanceKind::kThreads : kind;
        if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
        CheckMemory(key, plan, model);
        keys.push_back(key);
      }
    }
  }

  const SweepRequest& request_;
  const std::string& pictures_;
  measure::Point point_;
};

// FNV-1a (Fowler, Noll, Vo).
std::string HashOfFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorCode::kIo, path + ": cannot be read");
  std::uint64_t hash = 14695981039346656037ull;
  std::vector<char> buffer(std::size_t{1} << 16);
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), file.gcount() > 0) {
    for (std::streamsize i = 0; i < file.gcount(); ++i) {
      hash = (hash ^ static_cast<unsigned char>(buffer[static_cast<std::size_t>(i)])) *
             1099511628211ull;
    }
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace

std::vector<SweepKey> PlanPoints(const SweepRequest& request, const Subject& subject,
                                 std::vector<std::string>& notes) {
  SweepRequest once = request;
  once.networks = WithoutRepeats(request.networks);
  once.precisions = WithoutRepeats(request.precisions);
  once.batches = WithoutRepeats(request.batches);
  once.threads = WithoutRepeats(request.threads);
  once.instances = WithoutRepeats(request.instances);
  const std::size_t count = once.networks.size() * once.precisions.size() * once.batches.size() *
                            once.threads.size() * once.instances.size() * once.kinds.size();
  if (count > kMostPoints) {
    throw Error(ErrorCode::kInvalidInput,
                fmt::format("expected a sweep of at most {} points, found {}", kMostPoints, count));
  }
  std::vector<SweepKey> keys;
  Planner planner(once, subject);
  for (const std::string& name : once.networks) {
    for (const std::string& precision : once.precisions) {
      planner.Add(name, precision, keys, notes);
    }
  }
  notes = WithoutRepeats(notes);
  return keys;
}

std::vector<std::pair<std::string, std::string>> FilesOf(const std::vector<std::string>& networks) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const std::string& name : WithoutRepeats(networks)) {
    std::error_code error;
    if (std::filesystem::is_regular_file(name, error)) files.emplace_back(name, HashOfFile(name));
  }
  return files;
}

}  // namespace kinglet::characterize
