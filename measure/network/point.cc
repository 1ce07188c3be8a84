#include "measure/network/point.h"

#include <algorithm>
#include <optional>

#include "kinglet/detect.h"
#include "kinglet/error.h"
#include "kinglet/verdict.h"
#include "measure/common/answer.h"
#include "measure/common/repeat.h"
#include "measure/network/opened.h"

namespace kinglet::measure {
namespace {

// A file of the cache that cannot be written is worth a note only.
void Tune(Model& model, const InputShapes& shapes, const Point& point,
          std::vector<std::string>& notes) {
  model.Tune(shapes);
  try {
    model.SaveTuning(point.tuning_file);
  } catch (const Error& error) {
    if (!point.tuning_file.empty() || error.code() != ErrorCode::kIo) throw;
    notes.push_back(std::string("measured kernels are not kept: ") + error.what());
  }
}

std::optional<double> AgreementOf(const std::optional<PrecisionVerdicts>& verdicts,
                                  const std::string& precision) {
  if (!verdicts || precision == PrecisionName(Precision::kFloat32)) return std::nullopt;
  const auto found = verdicts->find(PrecisionOf(precision).value_or(Precision::kFloat32));
  if (found == verdicts->end()) return std::nullopt;
  return found->second.share;
}

}  // namespace

PointRecord TimePoint(const Point& point) {
  OpenedNetwork network = OpenForPoint(point);
  Model& model = network.model;
  const InputShapes shapes = network.shapes.For(point.batch);
  const PlanInfo plan = model.Describe(shapes);
  std::optional<DetectionDecoder> decoder;
  if (network.descriptor && network.descriptor->task == Task::kDetect) {
    decoder.emplace(SizedAs(*network.descriptor, shapes.at(network.descriptor->input)),
                    DetectionDecoderOptions{point.threads, network.anchors});
    decoder->CheckOutputs(plan.outputs);
  }
  PointRecord record;
  record.notes = network.notes;
  if (point.tune) Tune(model, shapes, point, record.notes);
  const Tensors inputs = RandomInputs(model.inputs(), shapes);
  Session session = model.NewSession();
  Repetition repetition;
  repetition.runs = static_cast<std::size_t>(point.repeat);
  record.model = point.network;
  record.batch = network.shapes.Batch(shapes);
  record.threads = point.threads;
  record.precision = PrecisionOfPlan(plan, model.precision());
  record.agreement = AgreementOf(network.verdicts, record.precision);
  record.times = Summarise(TimeRuns([&] { session.Run(inputs); }, repetition));
  record.operations = 2.0 * static_cast<double>(plan.macs);
  record.peak_rss_mb = PeakRssMib();
  record.file_rss_mb = FileRssMib();
  record.waiting_steps = static_cast<std::size_t>(std::count_if(
      plan.steps.begin(), plan.steps.end(), [](const StepInfo& step) { return step.waits; }));
  record.machine = ThisMachine();
  if (decoder) {
    const TensorInfo input = model.inputs().front();
    record.stages = TimeStages(*decoder, session, input, shapes.at(input.name), point.picture);
  }
  return record;
}

std::string AnswerPoint(const Point& point) {
  return AnswerOf([&] { return RecordLine(TimePoint(point)); });
}

PointRecord TimeInOwnProcess(const Point& point, const std::string& name,
                             const std::vector<std::string>& arguments) {
  const std::string batch = point.batch > 0 ? ", batch " + std::to_string(point.batch) : "";
  const std::string which =
      point.network + batch + ", threads " + std::to_string(point.threads) + ": ";
  const std::string line = CheckedAnswer(RunOwnProcess(name, arguments), which);
  return ParseRecord(line, which + "the process's result");
}

}  // namespace kinglet::measure
