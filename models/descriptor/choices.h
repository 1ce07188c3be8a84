// The words of a descriptor, for reading and writing.
#pragma once

#include <span>
#include <string_view>

#include "kinglet/descriptor.h"
#include "models/files/json_object.h"

namespace kinglet {

inline constexpr Choice<Task> kTasks[] = {{"classify", Task::kClassify}, {"detect", Task::kDetect}};
inline constexpr Choice<ScoreActivation> kActivations[] = {{"auto", ScoreActivation::kAuto},
                                                           {"none", ScoreActivation::kNone},
                                                           {"softmax", ScoreActivation::kSoftmax},
                                                           {"sigmoid", ScoreActivation::kSigmoid}};
inline constexpr Choice<RejectionMeasure> kRejectionMeasures[] = {
    {"score", RejectionMeasure::kScore},
    {"entropy", RejectionMeasure::kEntropy},
    {"max_logit", RejectionMeasure::kMaxLogit},
    {"energy", RejectionMeasure::kEnergy},
    {"output", RejectionMeasure::kOutput}};
inline constexpr Choice<ColorOrder> kColorOrders[] = {{"RGB", ColorOrder::kRgb},
                                                      {"BGR", ColorOrder::kBgr}};
inline constexpr Choice<ImageLayout> kLayouts[] = {{"NCHW", ImageLayout::kNchw},
                                                   {"NHWC", ImageLayout::kNhwc}};
inline constexpr Choice<ResizeRule> kResizeRules[] = {
    {"none", ResizeRule::kNone},
    {"bilinear", ResizeRule::kBilinear},
    {"bilinear_antialias", ResizeRule::kBilinearAntialias},
    {"area", ResizeRule::kArea}};
inline constexpr Choice<FitRule> kFitRules[] = {{"stretch", FitRule::kStretch},
                                                {"letterbox", FitRule::kLetterbox},
                                                {"shortest_side", FitRule::kShortestSide}};
inline constexpr Choice<BoxCoding> kBoxCodings[] = {{"none", BoxCoding::kNone},
                                                    {"center_size", BoxCoding::kCenterSize},
                                                    {"point_offset", BoxCoding::kPointOffset},
                                                    {"centers", BoxCoding::kCenters},
                                                    {"center_linear", BoxCoding::kCenterLinear},
                                                    {"yolov3", BoxCoding::kYoloV3},
                                                    {"yolov5", BoxCoding::kYoloV5}};
inline constexpr Choice<OutputLayout> kOutputLayouts[] = {{"rows", OutputLayout::kRows},
                                                          {"planes", OutputLayout::kPlanes}};
inline constexpr Choice<ScoreRule> kScoreRules[] = {{"product", ScoreRule::kProduct},
                                                    {"geometric_mean", ScoreRule::kGeometricMean}};
inline constexpr Choice<BoxOrder> kBoxOrders[] = {{"xy", BoxOrder::kXy}, {"yx", BoxOrder::kYx}};
inline constexpr Choice<BoxUnit> kBoxUnits[] = {{"picture", BoxUnit::kPicture},
                                                {"pixels", BoxUnit::kPixels}};
inline constexpr Choice<Background> kBackgrounds[] = {
    {"none", Background::kNone}, {"first", Background::kFirst}, {"last", Background::kLast}};
inline constexpr Choice<NmsKind> kNmsKinds[] = {
    {"none", NmsKind::kNone}, {"per-class", NmsKind::kPerClass}, {"fast", NmsKind::kFast}};
inline constexpr Choice<AnchorGenerator> kAnchorGenerators[] = {
    {"ssd", AnchorGenerator::kSsd},
    {"default_boxes", AnchorGenerator::kDefaultBoxes},
    {"squares", AnchorGenerator::kSquares},
    {"grid", AnchorGenerator::kGrid},
    {"file", AnchorGenerator::kFile}};

template <typename T, std::size_t N>
const char* NameOf(const Choice<T> (&choices)[N], T value) {
  for (const Choice<T>& choice : choices) {
    if (choice.value == value) return choice.name;
  }
  return choices[0].name;
}

}  // namespace kinglet
