#include "characterize/study/study.h"

#include <stdlib.h>

#include <algorithm>
#include <optional>

#include "characterize/common/output_folder.h"
#include "characterize/pictures/gnuplot.h"
#include "characterize/profile/report.h"
#include "characterize/sweep/measure_points.h"
#include "characterize/sweep/plan.h"
#include "characterize/sweep/sweep_file.h"
#include "kinglet/calibrate.h"
#include "kinglet/file.h"
#include "kinglet/machine.h"
#include "measure/network/opened.h"
#include "measure/network/stages.h"
#include "measure/network/turn_inputs.h"

namespace kinglet::characterize {
namespace {

// As the study has them.
const std::vector<std::string> kNetworks = {"mobilenet_v1", "inception_v2", "ssd_mobilenet_v1",
                                            "ssd_inception_v2", "faster_rcnn"};
constexpr int kClasses[] = {90, 546};

// The instruction set of the processes that are started meanwhile.
class OtherTarget {
 public:
  explicit OtherTarget(const std::string& target) {
    if (const char* value = getenv(kVariable)) before_ = value;
    setenv(kVariable, target.c_str(), 1);
  }
  ~OtherTarget() {
    if (before_) {
      setenv(kVariable, before_->c_str(), 1);
    } else {
      unsetenv(kVariable);
    }
  }
  OtherTarget(const OtherTarget&) = delete;
  OtherTarget& operator=(const OtherTarget&) = delete;

 private:
  static constexpr const char* kVariable = "KINGLET_TARGET";
  std::optional<std::string> before_;
};

Trust TrustOf(bool quick) {
  Trust trust;
  if (quick) {
    trust.duration_s = 0.6;
    trust.turns = 3;
    trust.min_turns = 2;
    trust.interval = 0.02;
  }
  return trust;
}

std::vector<SweepKey> DetectorKeys(const std::vector<StudyPart>& parts) {
  const auto found = std::find_if(parts.begin(), parts.end(),
                                  [](const StudyPart& part) { return part.id == "detectors"; });
  return found->keys;
}

class Study {
 public:
  explicit Study(const StudyOptions& options) : options_(options) {
    results_.quick = options.quick;
    results_.machine = measure::ThisMachine();
    results_.parts = StudyParts({options.quick, results_.machine.cpus});
  }

  StudyResults Run() {
    CheckGnuplot();
    if (!options_.pictures.empty()) CheckPictures();
    PrepareFolder(options_.folder);
    MeasurePoints();
    MeasureTargets();
    if (!options_.pictures.empty()) MeasurePictures();
    MeasureCold();
    Begin("detectors taken apart", 0.8);
    SplitDetectors();
    Begin("layers", 0.88);
    ProfileLayers();
    Begin("what goes with latency", 0.93);
    Correlate();
    Begin("pictures", 0.99);
    Write();
    return std::move(results_);
  }

 private:
  std::string In(const std::string& name) const { return InFolder(options_.folder, name); }

  void Begin(const std::string& what, double share) const { options_.progress(what, share); }

  // What is wrong with them is found before anything is measured.
  void CheckPictures() const {
    measure::Point point;
    point.network = DetectorKeys(results_.parts).front().network;
    const measure::OpenedNetwork opened = measure::OpenForPoint(point);
    measure::TurnInputs(opened, opened.shapes.For(1), {options_.pictures});
  }

  // The points of a sweep in a folder of its own; what it has already is not measured again. Its
  // turns are between the shares `from` and `to` of all.
  Sweep TakeSweep(const std::string& name, std::vector<SweepKey> keys, const Subject& subject,
                  double from, double to) const {
    SweepHeader header;
    header.options = {{"study", options_.quick ? "quick" : "full"}, {"--input", subject.pictures}};
    header.trust = TrustOf(options_.quick);
    header.keys = std::move(keys);
    header.machine = results_.machine;
    SweepFile file(In(name), header, options_.restart);
    Measuring measuring;
    measuring.keep = [&](const TurnRecord& turn) { file.Add(turn); };
    measuring.progress = [&](const Progress& progress) {
      const double share = static_cast<double>(progress.done) /
                           static_cast<double>(std::max<std::size_t>(progress.total, 1));
      Begin(KeyText(progress.key), from + (to - from) * std::min(share, 1.0));
    };
    Sweep sweep;
    sweep.turns = TakeTurns(header.keys, subject, header.trust, file.sweep().turns, measuring);
    sweep.header = std::move(header);
    WriteFile(InFolder(In(name), "sweep.csv"), SweepCsv(sweep.Points()));
    return sweep;
  }

  void MeasurePoints() {
    Sweep sweep = TakeSweep("points", KeysOf(results_.parts), {}, 0, 0.6);
    results_.points = sweep.Points();
    results_.turns = std::move(sweep.turns);
  }

  // The one that is used, whose points are there, and the one that every CPU has.
  void MeasureTargets() {
    const std::string target = InstructionSet();
    std::vector<SweepKey> keys;
    for (const StudyPart& part : results_.parts) {
      if (part.id != "threads") continue;
      results_.targets.push_back({target, PointsOf(part, results_.points)});
      std::copy_if(part.keys.begin(), part.keys.end(), std::back_inserter(keys),
                   [](const SweepKey& key) { return key.batch == 1; });
    }
    if (target == kBaseline) return;
    const OtherTarget other(kBaseline);
    const Sweep sweep = TakeSweep("baseline", keys, {}, 0.6, 0.68);
    results_.targets.insert(results_.targets.begin(), {kBaseline, sweep.Points()});
  }

  void MeasurePictures() {
    Subject subject;
    subject.pictures = options_.pictures;
    results_.pictures =
        TakeSweep("on_pictures", DetectorKeys(results_.parts), subject, 0.68, 0.74).Points();
  }

  void MeasureCold() {
    const std::string picture = In("picture.jpg");
    const std::vector<std::uint8_t> bytes = measure::DrawnPictureFile();
    WriteFile(picture, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    const std::size_t turns = options_.quick ? 3 : 9;
    std::string lines;
    for (const std::string& network : kNetworks) {
      Begin("cold start of " + network, 0.75);
      std::vector<ColdRun> runs;
      for (std::size_t turn = 0; turn < turns; ++turn) {
        runs.push_back(options_.cold_start(network, picture));
      }
      results_.cold.push_back({.network = network,
                               .picture = picture,
                               .turns = turns,
                               .median = MedianOf(runs),
                               .machine = results_.machine});
      lines += ColdReportLine(results_.cold.back());
    }
    WriteFile(In("cold.jsonl"), lines);
  }

  void SplitDetectors() {
    std::string lines;
    const auto take = [&](const std::string& network, int classes) {
      SplitOptions split;
      split.network = network;
      split.classes = classes;
      split.budget_seconds = options_.quick ? 1 : 5;
      DetectorSplit found = SplitDetector(split);
      lines += SplitJson(found);
      return found;
    };
    for (const SweepKey& key : DetectorKeys(results_.parts)) {
      results_.splits.push_back(take(key.network, 0));
    }
    for (const int classes : kClasses) {
      results_.classes.push_back(take("ssd_mobilenet_v1", classes));
    }
    WriteFile(In("split.jsonl"), lines);
  }

  void ProfileLayers() {
    for (const std::string& network : kNetworks) {
      measure::Point point;
      point.network = network;
      const measure::OpenedNetwork opened = measure::OpenForPoint(point);
      ProfileOptions profile;
      profile.counters.mode = CounterMode::kOff;
      profile.budget_seconds = options_.quick ? 2 : 10;
      const InputShapes shapes = opened.shapes.For(1);
      NetworkProfile found = ProfileModel(opened.model, shapes, profile);
      found.network = network;
      found.precision = "f32";
      results_.profiles.push_back(std::move(found));
    }
    const Calibration calibration = Calibrate({.turns = 3});
    std::string lines;
    for (NetworkProfile& profile : results_.profiles) {
      SetRoof(RoofOf(calibration, profile.threads), profile);
      lines += ProfileJson(profile);
    }
    WriteFile(In("layers.jsonl"), lines);
  }

  void Correlate() {
    std::vector<NetworkMetrics> networks;
    for (const std::string& network : UsualNetworks()) {
      MetricsOptions metrics;
      metrics.network = network;
      metrics.budget_seconds = options_.quick ? 0.7 : 5;
      networks.push_back(MeasureMetrics(metrics));
    }
    WriteFile(In("metrics.csv"), MetricsCsv(networks));
    results_.correlation = CorrelateMetrics(std::move(networks));
  }

  void Write() {
    PrepareFolder(In("pictures"));
    const std::vector<StudyPicture> pictures = StudyPictures(results_);
    for (const StudyPicture& picture : pictures) {
      WritePicture(picture.plot, InFolder(In("pictures"), picture.name));
    }
    StudyReport(results_, pictures).Write(In("report.html"));
  }

  static constexpr const char* kBaseline = "baseline";
  const StudyOptions& options_;
  StudyResults results_;
};

}  // namespace

StudyResults RunStudy(const StudyOptions& options) { return Study(options).Run(); }

}  // namespace kinglet::characterize
