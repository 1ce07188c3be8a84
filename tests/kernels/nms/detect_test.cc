#include "kernels/nms/detect.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/common/aligned.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/nms_reference.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::detect_test {
namespace {

using testing::ForEachTarget;
using testing::RandomFloats;

struct Data {
  std::vector<float> scores, codes, anchors;
};

Data RandomData(const Detect& d, uint32_t seed) {
  Data data;
  data.scores = RandomFloats(static_cast<size_t>(d.anchors * d.columns), seed, -4, 4);
  data.codes = RandomFloats(static_cast<size_t>(d.anchors * d.code_classes * 4), seed + 1, -2, 2);
  data.anchors = RandomFloats(static_cast<size_t>(d.anchors * 4), seed + 2, 0.2f, 0.8f);
  return data;
}

std::vector<Detection> Detections(const Detect& d, const Data& data) {
  testing::GuardedBuffer<Detection> out(static_cast<size_t>(MaxDetections(d)));
  AlignedBuffer<std::byte> scratch(DetectScratchBytes(d));
  const int64_t count = RunDetect(d, data.scores.data(), data.codes.data(), data.anchors.data(),
                                  scratch.data(), out.data());
  EXPECT_LE(count, MaxDetections(d));
  EXPECT_TRUE(out.Intact());
  return {out.begin(), out.begin() + count};
}

void Check(const Detect& d, const Data& data) {
  SCOPED_TRACE(::testing::Message()
               << d.anchors << "x" << d.columns << " from " << d.first_class << " activation "
               << static_cast<int>(d.activation) << " kind " << static_cast<int>(d.kind)
               << " threshold " << d.limit.threshold << " codes " << d.code_classes);
  const auto expected =
      testing::ReferenceDetect(d, data.scores.data(), data.codes.data(), data.anchors.data());
  const auto found = Detections(d, data);
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i].anchor, expected[i].anchor) << i;
    ASSERT_EQ(found[i].index, expected[i].index) << i;
    ASSERT_NEAR(found[i].score, expected[i].score, 1e-5f * (1 + std::abs(expected[i].score)));
    for (size_t k = 0; k < 4; ++k) ASSERT_NEAR(found[i].box[k], expected[i].box[k], 1e-4f) << i;
  }
}

Detect Base(int64_t anchors, int64_t columns) {
  Detect d;
  d.anchors = anchors;
  d.columns = columns;
  d.coder.scales[0] = d.coder.scales[1] = 10;
  d.coder.scales[2] = d.coder.scales[3] = 5;
  return d;
}

TEST(RunDetect, EveryActivationKindAndBackground) {
  ForEachTarget([] {
    for (const auto activation :
         {ScoreActivation::kNone, ScoreActivation::kSigmoid, ScoreActivation::kSoftmax}) {
      for (const DetectKind kind : {DetectKind::kPerClass, DetectKind::kFast}) {
        for (const int64_t first : {0, 1}) {
          for (const float threshold : {-10.0f, 0.0f, 0.05f, 0.4f, 0.9f, 1.5f}) {
            Detect d = Base(60, 11);
            d.activation = activation;
            d.kind = kind;
            d.first_class = first;
            d.limit = {threshold, threshold != 0.0f};
            d.max_per_class = 9;
            d.max_detections = 25;
            d.classes_per_anchor = 3;
            Check(d, RandomData(d, 5));
          }
        }
      }
    }
  });
}

TEST(RunDetect, SizesAndLimits) {
  ForEachTarget([] {
    for (const DetectKind kind : {DetectKind::kPerClass, DetectKind::kFast}) {
      for (const int64_t anchors : {0, 1, 17, 200}) {
        for (const int64_t columns : {1, 2, 40}) {
          for (const int64_t most : {0, 1, 7, 5000}) {
            Detect d = Base(anchors, columns);
            d.kind = kind;
            d.limit = {0.2f, true};
            d.max_per_class = most;
            d.max_detections = most == 7 ? 3 : most;
            Check(d, RandomData(d, 8));
          }
        }
      }
    }
  });
}

TEST(RunDetect, BoxesForEachClass) {
  ForEachTarget([] {
    for (const DetectKind kind : {DetectKind::kPerClass, DetectKind::kFast}) {
      for (const int64_t code_classes : {5, 6}) {
        Detect d = Base(50, 6);
        d.first_class = 1;
        d.activation = ScoreActivation::kSoftmax;
        d.kind = kind;
        d.limit = {0.1f, true};
        d.code_classes = code_classes;
        Check(d, RandomData(d, 21));
      }
    }
  });
}

// More candidates than are looked at together.
TEST(RunDetect, EverythingPasses) {
  ForEachTarget([] {
    for (const auto activation : {ScoreActivation::kSigmoid, ScoreActivation::kSoftmax}) {
      Detect d = Base(1100, 401);
      d.first_class = 1;
      d.activation = activation;
      d.limit = {0.0f, true};
      d.max_per_class = 10;
      d.iou_threshold = 0.3f;
      Data data = RandomData(d, 31);
      // Scores that are far enough apart for any order of roundings.
      for (size_t i = 0; i < data.scores.size(); ++i) {
        const auto mixed = static_cast<uint32_t>(i) * 2654435761u;
        data.scores[i] = static_cast<float>(mixed >> 8) * 0x1p-24f * 8 - 4;
      }
      const auto found = Detections(d, data);
      const auto expected =
          testing::ReferenceDetect(d, data.scores.data(), data.codes.data(), data.anchors.data());
      ASSERT_EQ(found.size(), expected.size());
      for (size_t i = 0; i < found.size(); ++i) {
        ASSERT_NEAR(found[i].score, expected[i].score, 1e-6f) << i;
      }
    }
  });
}

// Equal scores: the lower class, then the lower anchor.
TEST(RunDetect, Ties) {
  ForEachTarget([] {
    Detect d = Base(40, 12);
    d.limit = {0.5f, true};
    d.max_detections = 30;
    Data data = RandomData(d, 2);
    for (float& score : data.scores) score = score > 0 ? 0.5f : 0.25f;
    for (const DetectKind kind : {DetectKind::kPerClass, DetectKind::kFast}) {
      d.kind = kind;
      d.classes_per_anchor = 2;
      Check(d, data);
    }
  });
}

// More candidates than are looked at together, all of them with the score of the worst that stays.
TEST(RunDetect, TiesOfManyCandidates) {
  ForEachTarget([] {
    Detect d = Base(1000, 60);
    d.limit = {0.5f, true};
    d.max_per_class = 40;
    Data data = RandomData(d, 3);
    for (float& score : data.scores) score = score > -3 ? 0.5f : 0.25f;
    Check(d, data);
  });
}

TEST(RunDetect, MalformedScoresAndCodes) {
  ForEachTarget([] {
    const float odd[] = {std::nanf(""), std::numeric_limits<float>::infinity(),
                         -std::numeric_limits<float>::infinity(), 1e38f, -1e38f};
    for (const auto activation :
         {ScoreActivation::kNone, ScoreActivation::kSigmoid, ScoreActivation::kSoftmax}) {
      for (const DetectKind kind : {DetectKind::kPerClass, DetectKind::kFast}) {
        Detect d = Base(200, 9);
        d.first_class = 1;
        d.activation = activation;
        d.kind = kind;
        d.limit = {0.1f, true};
        Data data = RandomData(d, 77);
        for (size_t i = 0; i < data.scores.size(); i += 13) data.scores[i] = odd[i % 5];
        for (size_t i = 0; i < data.codes.size(); i += 7) data.codes[i] = odd[i % 5];
        for (const Detection& found : Detections(d, data)) EXPECT_GE(found.score, 0.1f);
        for (float& score : data.scores) score = std::nanf("");
        EXPECT_TRUE(Detections(d, data).empty());
      }
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::detect_test
