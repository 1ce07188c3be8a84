#include "models/architectures/ssd_head.h"

namespace kinglet {
namespace {

Feature PredictMap(NetBuilder& net, const std::string& name, Feature x, HeadKind kind, Act act,
                   int channels) {
  if (kind == HeadKind::kSeparable) {
    x = net.Conv(name + "/depthwise", x, With(Depthwise(x, 3, 1), act));
  }
  return net.Conv(name, x, With(Square(channels, kind == HeadKind::kFull ? 3 : 1), Act::kNone));
}

}  // namespace

Feature Predict(NetBuilder& net, const SsdHead& head, const std::string& what, int size) {
  std::vector<Feature> parts;
  for (std::size_t i = 0; i < head.maps.size(); ++i) {
    const std::string name = "predictor_" + std::to_string(i) + '/' + what;
    const HeadKind kind = head.kinds[head.kinds.size() == 1 ? 0 : i];
    const Feature map = PredictMap(net, name, head.maps[i], kind, head.act, head.anchors[i] * size);
    parts.push_back(net.Rows(name + "/rows", map, size));
  }
  return net.Concat(what, parts);
}

Graph FinishSsd(NetBuilder& net, const SsdHead& head) {
  const Feature boxes = Predict(net, head, "boxes", kBoxSize);
  const Feature scores = Predict(net, head, "classes", net.classes());
  return net.Finish({{"box_encodings", boxes, {boxes.channels, kBoxSize}},
                     {"scores", scores, {scores.channels, net.classes()}}});
}

}  // namespace kinglet
