// Post-processing of detectors: from scores and box codes to detections, and non-maximum
// suppression of very many boxes.
//
// Scores are those of characterize/split/scene.h. "all" is the same with a threshold of 1e-8,
// which every score passes: TensorFlow's default.
#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/kernels/suites.h"
#include "characterize/split/scene.h"
#include "kernels/common/aligned.h"
#include "kernels/nms/detect.h"
#include "kernels/nms/nms.h"
#include "tests/support/nms_reference.h"

#ifdef KINGLET_BENCHMARK_OPENCV
#include <opencv2/dnn/dnn.hpp>
#endif

namespace kinglet::benchmarks {
namespace {

using characterize::MakeScene;
using characterize::Scene;
using kernels::Detect;
using kernels::Detection;
using kernels::Nms;

Detect MakeDetect(int64_t anchors, int64_t columns, float threshold) {
  Detect d;
  d.anchors = anchors;
  d.columns = columns;
  d.first_class = 1;
  d.activation = kernels::ScoreActivation::kSigmoid;
  d.limit = {threshold, true};
  d.coder = {kernels::BoxCoding::kCentreSize, false, {10, 10, 5, 5}};
  d.iou_threshold = 0.6f;
  return d;
}

// The scene of the last case: the largest takes seconds to make, and a case runs several times.
const Scene& SceneOf(const Detect& d) {
  static Scene scene;
  static std::pair<int64_t, int64_t> made;
  if (made != std::pair(d.anchors, d.columns)) {
    scene = MakeScene(d.anchors, d.columns);
    made = {d.anchors, d.columns};
  }
  return scene;
}

void RunKernel(benchmark::State& state, const Detect& d) {
  const Scene& scene = SceneOf(d);
  kernels::AlignedBuffer<std::byte> scratch(DetectScratchBytes(d));
  std::vector<Detection> out(static_cast<size_t>(MaxDetections(d)));
  int64_t count = 0;
  for (auto _ : state) {
    count = RunDetect(d, scene.scores.data(), scene.codes.data(), scene.anchors.data(),
                      scratch.data(), out.data());
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["detections"] = static_cast<double>(count);
  SetCounters(state, 0, 4.0 * static_cast<double>(scene.scores.size()));
}

void RunNaive(benchmark::State& state, const Detect& d) {
  const Scene& scene = SceneOf(d);
  size_t count = 0;
  for (auto _ : state) {
    count =
        testing::ReferenceDetect(d, scene.scores.data(), scene.codes.data(), scene.anchors.data())
            .size();
  }
  state.counters["detections"] = static_cast<double>(count);
}

#ifdef KINGLET_BENCHMARK_OPENCV
// As users of OpenCV write it: all boxes decoded, all scores activated, NMSBoxes for each class.
void RunOpenCv(benchmark::State& state, const Detect& d) {
  const Scene& scene = SceneOf(d);
  size_t count = 0;
  for (auto _ : state) {
    count = 0;
    std::vector<cv::Rect2d> boxes;
    for (int64_t a = 0; a < d.anchors; ++a) {
      const auto b = testing::ReferenceDecode(d.coder, scene.codes.data() + a * 4,
                                              scene.anchors.data() + a * 4);
      boxes.emplace_back(b[0], b[1], b[2] - b[0], b[3] - b[1]);
    }
    std::vector<float> scores(boxes.size());
    std::vector<int> selected;
    for (int64_t c = 1; c < d.columns; ++c) {
      for (size_t a = 0; a < boxes.size(); ++a) {
        const float logit =
            scene.scores[a * static_cast<size_t>(d.columns) + static_cast<size_t>(c)];
        scores[a] = 1 / (1 + std::exp(-logit));
      }
      cv::dnn::NMSBoxes(boxes, scores, d.limit.threshold, d.iou_threshold, selected, 1.0f,
                        static_cast<int>(d.max_per_class));
      count += selected.size();
    }
  }
  state.counters["selected"] = static_cast<double>(count);
}
#endif

void RegisterDetect(int64_t anchors, int64_t classes) {
  const std::string prefix =
      "nms/detect/" + std::to_string(anchors) + "x" + std::to_string(classes) + "/";
  const Detect d = MakeDetect(anchors, classes + 1, 0.3f);
  Detect fast = d;
  fast.kind = kernels::DetectKind::kFast;
  Detect softmax = d;
  softmax.activation = kernels::ScoreActivation::kSoftmax;
  const Detect all = MakeDetect(anchors, classes + 1, 1e-8f);
  const auto add = [&](const char* name, const Detect& detect) {
    Register(prefix + name, [=](benchmark::State& state) { RunKernel(state, detect); });
  };
  add("per_class", d);
  add("fast", fast);
  add("softmax", softmax);
  if (static_cast<double>(anchors * classes) > kNaiveOperations / 10) return;
  add("all", all);
  Register(prefix + "naive", [=](benchmark::State& state) { RunNaive(state, d); });
#ifdef KINGLET_BENCHMARK_OPENCV
  Register(prefix + "opencv", [=](benchmark::State& state) { RunOpenCv(state, d); });
#endif
}

// As torchvision's batched_nms: all classes in one set, each moved apart from the others.
struct Boxes {
  std::vector<float> corners, scores;
};
Boxes MakeBoxes(int64_t count, int classes, float largest) {
  std::mt19937 random(9);
  std::uniform_real_distribution<float> uniform(0, 1);
  Boxes boxes;
  for (int64_t i = 0; i < count; ++i) {
    const float offset = static_cast<float>(i % classes) * 321;
    const float w = largest * (0.1f + 0.9f * uniform(random));
    const float h = largest * (0.1f + 0.9f * uniform(random));
    const float x = (320 - w) * uniform(random) + offset, y = (320 - h) * uniform(random) + offset;
    for (const float v : {x, y, x + w, y + h}) boxes.corners.push_back(v);
    boxes.scores.push_back(uniform(random));
  }
  return boxes;
}

void RunNms(benchmark::State& state, const Nms& nms, int64_t count, int classes, float largest) {
  const Boxes boxes = MakeBoxes(count, classes, largest);
  std::vector<uint64_t> keys(boxes.scores.size());
  kernels::AlignedBuffer<std::byte> scratch(NmsScratchBytes(nms, count));
  int64_t selected = 0;
  for (auto _ : state) {
    kernels::GetFilterScores()(boxes.scores.data(), count, {0.0f}, keys.data());
    selected = kernels::GetNms()(nms, boxes.corners.data(), keys.data(), count, scratch.data());
  }
  state.counters["selected"] = static_cast<double>(selected);
}

void RegisterSet(int64_t count, int classes, float largest, int64_t most) {
  const Nms nms = {0.55f, most, kernels::BoxForm::kCornersAnyOrder};
  const std::string prefix = "nms/boxes/" + std::to_string(count) + "_classes" +
                             std::to_string(classes) + "_size" +
                             std::to_string(static_cast<int>(largest)) +
                             (most < count ? "_most" + std::to_string(most) : "") + "/";
  Register(prefix + "kernel",
           [=](benchmark::State& state) { RunNms(state, nms, count, classes, largest); });
  Register(prefix + "naive", [=](benchmark::State& state) {
    const Boxes boxes = MakeBoxes(count, classes, largest);
    for (auto _ : state) {
      benchmark::DoNotOptimize(
          testing::ReferenceNms(nms, boxes.corners.data(), boxes.scores, {0.0f}));
    }
  });
}

}  // namespace

void RegisterNms() {
  for (const int64_t anchors : {1917, 100000}) {
    for (const int64_t classes : {90, 546, 1000}) RegisterDetect(anchors, classes);
  }
  constexpr int64_t kAll = INT64_MAX;
  RegisterSet(27000, 90, 200, kAll);
  RegisterSet(27000, 90, 60, kAll);
  RegisterSet(8400, 1, 20, kAll);
  RegisterSet(8400, 1, 20, 300);
  RegisterSet(1000, 1, 100, kAll);
  RegisterSet(100, 1, 100, kAll);
}

}  // namespace kinglet::benchmarks
