// What a trained detector answers on a picture with many objects, made up.
//
// Scores are logits like a trained detector's: 20 objects, near each of which 12 anchors see its
// class with logits around 1 (about half of them above 0.3 after the sigmoid) and two more classes
// around -2; everything else is normally distributed around -8 +- 1.5, so that one score in some
// thousands is above 0.05. The background's logit is 5, and 0 at objects. Boxes of the anchors at
// an object overlap by 0.6 or more, as a trained box head's do.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace kinglet::characterize {

struct Scene {
  std::vector<float> scores, codes, anchors;
};

inline constexpr int kObjects = 20, kAnchorsNear = 12;

inline Scene MakeScene(int64_t anchors, int64_t columns) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> uniform(0.1f, 0.9f);
  Scene scene;
  scene.scores.reserve(static_cast<size_t>(anchors * columns));
  for (int64_t i = 0; i < anchors * columns; ++i) {
    const float noise = -8 + 1.5f * normal(random);
    scene.scores.push_back(i % columns == 0 ? 5 : noise);
  }
  for (int64_t i = 0; i < anchors; ++i) {
    for (const float v : {uniform(random), uniform(random), 0.2f, 0.2f}) scene.anchors.push_back(v);
    for (int k = 0; k < 4; ++k) scene.codes.push_back(0.2f * normal(random));
  }
  for (int object = 0; object < kObjects; ++object) {
    const float centre[2] = {uniform(random), uniform(random)};
    const auto label = static_cast<int64_t>(random() % static_cast<uint32_t>(columns - 1)) + 1;
    for (int k = 0; k < kAnchorsNear; ++k) {
      const auto anchor = static_cast<int64_t>(random()) % anchors;
      float* row = scene.scores.data() + anchor * columns;
      row[0] = 0;
      row[label] = -0.85f + 1.5f * normal(random);
      row[1 + (label + 1) % (columns - 1)] = -2 + normal(random);
      row[1 + (label + 7) % (columns - 1)] = -2 + normal(random);
      scene.anchors[static_cast<size_t>(anchor * 4)] = centre[0] + 0.02f * normal(random);
      scene.anchors[static_cast<size_t>(anchor * 4 + 1)] = centre[1] + 0.02f * normal(random);
    }
  }
  return scene;
}

}  // namespace kinglet::characterize
