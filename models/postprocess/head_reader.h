// The anchors of a picture whose scores can pass, gathered from the outputs of a detector in the
// form that the kernels take.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "kinglet/descriptor.h"
#include "kinglet/tensor.h"
#include "models/postprocess/floats.h"
#include "models/postprocess/head_shapes.h"

namespace kinglet {

// What was gathered, row by row; used again for the next picture.
struct GatheredRows {
  std::vector<float> scores;   // the background first, after the activation with objectness
  std::vector<float> codes;    // four numbers of each
  std::vector<float> anchors;  // four numbers of each; none where the coding needs none
  std::vector<std::pair<std::uint32_t, std::uint32_t>> places;  // level, and anchor in it

  std::size_t size() const { return places.size(); }
};

class HeadReader {
 public:
  // `anchors` are those of all levels in turn, in the order that codes have; `map_ends` counts them
  // up to the end of each feature map, and `strides` are those of the maps (both for the YOLO
  // codings only). All are used until the next call.
  HeadReader(const Descriptor& descriptor, const Tensors& outputs, std::vector<LevelPlaces> levels,
             const std::vector<float>& anchors, const std::vector<std::size_t>& map_ends);

  std::int64_t columns() const { return levels_.front().scores.columns; }
  // Activation that is left to do for the scores, and the coding that is left to undo.
  ScoreActivation activation() const;
  BoxCoding coding() const;

  void Gather(std::int64_t picture, GatheredRows& rows);
  // The landmarks of a gathered row in the unit of the boxes, x and y of each in turn; none where
  // there are none, or where one is not finite.
  void Landmarks(std::int64_t picture, const GatheredRows& rows, std::size_t row,
                 std::vector<float>& points) const;

 private:
  struct Level {
    LevelPlaces places;
    FloatView boxes, scores, objectness, landmarks;
    std::size_t first_anchor = 0;
  };

  void FindBest(const Level& level, std::int64_t picture);
  float BestOf(const Level& level, std::int64_t picture, std::int64_t anchor) const;
  bool MayPass(const Level& level, std::int64_t picture, std::int64_t anchor) const;
  void AddRow(const Level& level, std::int64_t picture, std::int64_t anchor, GatheredRows& rows);
  void AddScores(const Level& level, std::int64_t picture, std::int64_t anchor,
                 std::vector<float>& scores);
  void AddCodes(const Level& level, std::int64_t picture, std::int64_t anchor,
                std::vector<float>& codes);
  void FromYolo(std::size_t anchor, float* code) const;
  float Activated(float x) const;
  float Joined(float score, float objectness) const;

  const Descriptor& descriptor_;
  const DetectionSpec& spec_;
  std::vector<LevelPlaces> levels_;
  std::vector<Level> read_;
  const std::vector<float>& anchors_;
  const std::vector<std::size_t>& map_ends_;
  std::vector<float> best_;  // of each anchor of a level in planes: the best score of a class
};

}  // namespace kinglet
