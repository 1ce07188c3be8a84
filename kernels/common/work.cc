#include "kernels/common/work.h"

#include <algorithm>
#include <cassert>
#include <cstdio>

#include "kernels/common/partition.h"

namespace kinglet::kernels {
namespace {

constexpr int64_t kFineUnits = 64;  // for each thread

std::string Text(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

}  // namespace

WorkStage& WorkStage::Add(const Operations& more) {
  if (more.count == 0) return *this;
  const auto place =
      std::find_if(operations.begin(), operations.end(), [&](const Operations& there) {
        return there.count == 0 ||
               (there.kind == more.kind && there.type == more.type && there.family == more.family);
      });
  assert(place != operations.end());
  const double before = place->count;
  *place = more;
  place->count += before;
  return *this;
}

WorkStage& WorkStage::AddActivation(Activation activation, double elements) {
  return Add({.kind = WorkKind::kActivation, .count = ActivationOperations(activation) * elements});
}

double Work::read_bytes() const {
  return stages[0].read_bytes + stages[1].read_bytes + stages[2].read_bytes;
}

double Work::write_bytes() const {
  return stages[0].write_bytes + stages[1].write_bytes + stages[2].write_bytes;
}

double Work::weight_bytes() const {
  return stages[0].weight_bytes + stages[1].weight_bytes + stages[2].weight_bytes;
}

double Work::Count(WorkKind kind) const {
  double count = 0;
  for (const WorkStage& stage : stages) {
    for (const Operations& each : stage.operations) count += each.kind == kind ? each.count : 0;
  }
  return count;
}

std::string ToText(const Work& work) {
  std::string text;
  for (const WorkStage& stage : work.stages) {
    for (const Operations& each : stage.operations) {
      if (each.count == 0) continue;
      text.append(NameOf(each.kind)).append(" ").append(ElementName(each.type));
      if (each.family != InstructionFamily::kVector) text.append(" ").append(NameOf(each.family));
      text += Text(" %.4g, ", each.count);
    }
  }
  text += Text("reads %.4g B, ", work.read_bytes()) + Text("writes %.4g B", work.write_bytes());
  if (work.weight_bytes() > 0) text += Text(", weights %.4g B", work.weight_bytes());
  if (work.weight_parts > 1) text += " in " + std::to_string(work.weight_parts) + " parts";
  if (work.weight_passes > 0) text += Text(" in %.4g passes", work.weight_passes);
  if (work.scratch_passes > 0) {
    text +=
        Text(", scratch %.4g B", work.scratch_bytes) + Text(" in %.4g passes", work.scratch_passes);
  }
  text += ", units " + std::to_string(work.units) + ", threads " + std::to_string(work.threads);
  return text + Text(", busiest %.4g", work.busiest_share);
}

double BusiestShare(int64_t units, int threads) {
  if (threads <= 1 || units <= 0) return 1;
  const int64_t chunk = std::max<int64_t>(1, units / (int64_t{threads} * 8));
  const int64_t chunks = CeilDiv(units, chunk);
  return std::min(
      1.0, static_cast<double>(CeilDiv(chunks, threads) * chunk) / static_cast<double>(units));
}

Work SharedWork(const WorkStage& stage, int64_t units, int threads) {
  Work work;
  work.stages[0] = stage;
  work.units = units;
  work.threads = threads;
  work.busiest_share = BusiestShare(units, threads);
  return work;
}

Work MoveWork(double read_bytes, double write_bytes, int threads) {
  WorkStage stage;
  stage.read_bytes = read_bytes;
  stage.write_bytes = write_bytes;
  return SharedWork(stage, kFineUnits * threads, threads);
}

Work LoopWork(double count, int threads) {
  WorkStage stage;
  stage.Add({.kind = WorkKind::kScalar, .count = count});
  return SharedWork(stage, kFineUnits * threads, threads);
}

}  // namespace kinglet::kernels
