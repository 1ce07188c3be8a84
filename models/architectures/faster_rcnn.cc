// Faster R-CNN (Ren et al. 2015, arXiv:1506.01497) in one graph for one picture, as the TensorFlow
// Object Detection API configures it for COCO (faster_rcnn_inception_v2_coco,
// faster_rcnn_resnet50_coco), and on VGG-16 with the paper's anchors and fully connected layers.
//
// A region proposal network on a map of a 16th of the picture's height and width; its best boxes
// after non-maximum suppression are the proposals, which a second stage classifies and refines. The
// outputs are those of that API: "detection_boxes" {1, 100, 4} (y1, x1, y2, x2; 0 to 1),
// "detection_scores" {1, 100}, "detection_classes" {1, 100} (from 1), "num_detections" {1}.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "models/architectures/backbones.h"
#include "models/architectures/families.h"

namespace kinglet {
namespace {

constexpr int kStride = 16;
constexpr int kBeforeNms = 6000;  // proposals that NMS looks at
constexpr int kProposals = 300;
constexpr float kProposalIou = 0.7f;
constexpr int kDetections = 100;
constexpr float kDetectionIou = 0.6f;

using Int64s = std::vector<std::int64_t>;

// The graph around the feature maps.
class Ops {
 public:
  Ops(NetBuilder& net, int height, int width) : net_(net), height_(height), width_(width) {}

  ValueId Int(const std::string& name, std::int64_t value) {
    return net_.Constant(name, Tensor::From<std::int64_t>({1}, {value}));
  }
  ValueId Float(const std::string& name, float value) {
    return net_.Constant(name, Tensor::From<float>({1}, {value}));
  }
  ValueId Zeros(const std::string& name, Shape shape) {
    return net_.Constant(name, LazyZeros(std::move(shape)));
  }

  ValueId Binary(const std::string& name, const char* op, ValueId a, ValueId b) {
    return net_.Op(name, op, {a, b});
  }
  ValueId Reshape(const std::string& name, ValueId x, Int64s sizes) {
    const Shape shape = {static_cast<std::int64_t>(sizes.size())};
    const ValueId target = net_.Constant(name + ".shape", Tensor::From<std::int64_t>(shape, sizes));
    return net_.Op(name, "Reshape", {x, target});
  }
  ValueId Transpose(const std::string& name, ValueId x, Int64s perm) {
    return net_.Op(name, "Transpose", {x}, WithInts("perm", std::move(perm)));
  }
  ValueId Unsqueeze(const std::string& name, ValueId x, Int64s axes) {
    return net_.Op(name, "Unsqueeze", {x}, WithInts("axes", std::move(axes)));
  }
  ValueId Concat(const std::string& name, std::vector<ValueId> parts, int axis) {
    return net_.Op(name, "Concat", std::move(parts), WithAxis(axis));
  }
  ValueId Softmax(const std::string& name, ValueId x, int axis) {
    return net_.Op(name, "Softmax", {x}, WithAxis(axis));
  }
  // The entries at `indices` along the axis.
  ValueId Gather(const std::string& name, ValueId x, ValueId indices, int axis = 0) {
    return net_.Op(name, "Gather", {x, indices}, WithAxis(axis));
  }
  // Entry `index` of the axis, which vanishes.
  ValueId Pick(const std::string& name, ValueId x, std::int64_t index, int axis) {
    const ValueId at = net_.Constant(name + ".index", Tensor::From<std::int64_t>({}, {index}));
    return Gather(name, x, at, axis);
  }
  // What follows the first entry of axis 1.
  ValueId WithoutFirst(const std::string& name, ValueId x) {
    constexpr std::int64_t kEnd = 1 << 30;
    return net_.Op(name, "Slice",
                   {x, Int(name + ".begin", 1), Int(name + ".end", kEnd), Int(name + ".axis", 1)});
  }
  ValueId Clip(const std::string& name, ValueId x, float low, float high) {
    Attributes attributes;
    attributes.Set("max", high);
    attributes.Set("min", low);
    return net_.Op(name, "Clip", {x}, std::move(attributes));
  }
  std::vector<ValueId> Quarters(const std::string& name, ValueId x, int axis) {
    Attributes attributes = WithInts("split", {1, 1, 1, 1});
    attributes.Set("axis", std::int64_t{axis});
    return net_.Ops(name, "Split", {x}, std::move(attributes), 4);
  }
  // {values, indices} along the last axis, best first.
  std::vector<ValueId> TopK(const std::string& name, ValueId x, std::int64_t count) {
    return net_.Ops(name, "TopK", {x, Int(name + ".k", count)}, {}, 2);
  }
  // {chosen, 3}: picture, class, box. boxes: {pictures, n, 4}; scores: {pictures, classes, n}.
  ValueId Nms(const std::string& name, ValueId boxes, ValueId scores, int most, float iou) {
    return net_.Op(name, "NonMaxSuppression",
                   {boxes, scores, Int(name + ".most", most), Float(name + ".iou", iou),
                    Float(name + ".score", 0.0f)});
  }

  // Boxes of code (ty, tx, th, tw) about anchors (y, x, h, w), both {..., 4}, as (x1, y1, x2, y2)
  // within the picture.
  ValueId Decode(const std::string& name, ValueId codes, ValueId anchors, int axis) {
    constexpr float kMaxLog = 4.135166556742356f;  // of 1000 / 16
    const auto t = Quarters(name + "/codes", codes, axis);
    const auto a = Quarters(name + "/anchors", anchors, axis);
    ValueId corners[4] = {};
    for (int i = 0; i < 2; ++i) {  // y, x
      const std::string part = name + (i == 0 ? "/y" : "/x");
      const auto u = static_cast<std::size_t>(i);
      const ValueId shift =
          Binary(part + "/shift", "Mul", Scaled(part + "/t", t[u], 0.1f), a[u + 2]);
      const ValueId centre = Binary(part + "/centre", "Add", shift, a[u]);
      const ValueId log =
          Clip(part + "/log", Scaled(part + "/s", t[u + 2], 0.2f), -kMaxLog, kMaxLog);
      const ValueId size =
          Binary(part + "/size", "Mul", net_.Op(part + "/exp", "Exp", {log}), a[u + 2]);
      const ValueId half = Scaled(part + "/half", size, 0.5f);
      const auto limit = static_cast<float>(i == 0 ? height_ : width_);
      corners[1 - i] = Clip(part + "1", Binary(part + "/low", "Sub", centre, half), 0, limit);
      corners[3 - i] = Clip(part + "2", Binary(part + "/high", "Add", centre, half), 0, limit);
    }
    return Concat(name, {corners[0], corners[1], corners[2], corners[3]}, axis);
  }

  // (y, x, h, w) of boxes (x1, y1, x2, y2) {n, 4}.
  ValueId AsAnchors(const std::string& name, ValueId boxes) {
    const auto c = Quarters(name + "/corners", boxes, 1);
    const ValueId w = Binary(name + "/w", "Sub", c[2], c[0]);
    const ValueId h = Binary(name + "/h", "Sub", c[3], c[1]);
    const ValueId x = Binary(name + "/x", "Add", c[0], Scaled(name + "/half_w", w, 0.5f));
    const ValueId y = Binary(name + "/y", "Add", c[1], Scaled(name + "/half_h", h, 0.5f));
    return Concat(name, {y, x, h, w}, 1);
  }

  ValueId Scaled(const std::string& name, ValueId x, float factor) {
    return Binary(name, "Mul", x, Float(name + ".factor", factor));
  }

  static Attributes WithAxis(int axis) {
    Attributes attributes;
    attributes.Set("axis", std::int64_t{axis});
    return attributes;
  }

 private:
  static Attributes WithInts(const char* key, Int64s values) {
    Attributes attributes;
    attributes.Set(key, std::move(values));
    return attributes;
  }

  NetBuilder& net_;
  int height_, width_;
};

// Anchors (y, x, h, w) in pixels: at each position all scales for one aspect ratio after the other.
Tensor GridAnchors(const Feature& map, const std::vector<float>& scales) {
  constexpr float kBase = 256.0f;
  constexpr float kRatios[] = {0.5f, 1.0f, 2.0f};  // width / height
  std::vector<float> values;
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      for (const float ratio : kRatios) {
        for (const float scale : scales) {
          values.insert(values.end(),
                        {static_cast<float>(y * kStride), static_cast<float>(x * kStride),
                         kBase * scale / std::sqrt(ratio), kBase * scale * std::sqrt(ratio)});
        }
      }
    }
  }
  const Shape shape = {static_cast<std::int64_t>(values.size() / 4), 4};
  return Tensor::From<float>(shape, values);
}

struct Proposals {
  ValueId boxes;     // {R, 4}: x1, y1, x2, y2 in pixels
  ValueId pictures;  // {R}: zeros
};

Proposals Propose(NetBuilder& net, Ops& ops, const Feature& map, const std::vector<float>& scales,
                  Act act) {
  constexpr int kDepth = 512;
  const int anchors = 3 * static_cast<int>(scales.size());
  const std::int64_t count = std::int64_t{map.height} * map.width * anchors;
  const Feature hidden = net.Conv("rpn/conv", map, With(Square(kDepth, 3), act));
  const Feature logits = net.Rows(
      "rpn/logits", net.Conv("rpn/classes", hidden, With(Pointwise(2 * anchors), Act::kNone)), 2);
  const Feature raw = net.Rows(
      "rpn/codes", net.Conv("rpn/boxes", hidden, With(Pointwise(4 * anchors), Act::kNone)), 4);
  const ValueId all = ops.Pick("rpn/scores", ops.Softmax("rpn/softmax", logits.id, 2), 1, 2);
  const auto best = ops.TopK("rpn/best", ops.Reshape("rpn/scores/flat", all, {count}),
                             std::min<std::int64_t>(kBeforeNms, count));
  const ValueId codes =
      ops.Gather("rpn/best_codes", ops.Reshape("rpn/codes/flat", raw.id, {count, 4}), best[1]);
  const ValueId grid = net.Constant("rpn.anchors", GridAnchors(map, scales));
  const ValueId boxes =
      ops.Decode("rpn/decoded", codes, ops.Gather("rpn/best_anchors", grid, best[1]), 1);
  const ValueId chosen =
      ops.Nms("rpn/nms", ops.Unsqueeze("rpn/nms_boxes", boxes, {0}),
              ops.Unsqueeze("rpn/nms_scores", best[0], {0, 1}), kProposals, kProposalIou);
  return {ops.Gather("proposals", boxes, ops.Pick("rpn/chosen", chosen, 2, 1)),
          ops.Pick("proposals/pictures", chosen, 0, 1)};
}

// {R, channels, side, side}.
Feature Crop(NetBuilder& net, const Feature& map, const Proposals& proposals, int side,
             int samples) {
  Attributes attributes;
  attributes.Set("output_height", std::int64_t{side});
  attributes.Set("output_width", std::int64_t{side});
  attributes.Set("sampling_ratio", std::int64_t{samples});
  attributes.Set("spatial_scale", 1.0f / kStride);
  const ValueId id = net.Op("crops", "RoiAlign", {map.id, proposals.boxes, proposals.pictures},
                            std::move(attributes));
  return {id, map.channels, side, side};
}

// From the second stage's logits and codes of each proposal to the detections.
Graph Detect(NetBuilder& net, Ops& ops, const Proposals& proposals, const Feature& features,
             int height, int width) {
  const int things = net.classes() - 1;
  const ValueId logits = net.Gemm("head/logits", features, net.classes()).id;
  const ValueId raw = net.Gemm("head/codes", features, 4 * things).id;
  // Classes take the place of the batch, so that every class has boxes of its own: {things, R, 4}.
  const ValueId scores = ops.Transpose(
      "head/scores", ops.WithoutFirst("head/things", ops.Softmax("head/softmax", logits, 1)),
      {1, 0});
  const ValueId codes = ops.Transpose(
      "head/codes_by_class", ops.Reshape("head/codes_of_classes", raw, {-1, things, 4}), {1, 0, 2});
  const ValueId anchors = ops.AsAnchors("head/anchors", proposals.boxes);
  const ValueId boxes =
      ops.Decode("head/decoded", codes, ops.Unsqueeze("head/anchors_of_all", anchors, {0}), 2);
  const ValueId chosen = ops.Nms("head/nms", boxes, ops.Unsqueeze("head/nms_scores", scores, {1}),
                                 kDetections, kDetectionIou);
  const ValueId classes = ops.Pick("chosen/classes", chosen, 0, 1);
  const ValueId sizes = net.Op("proposals/shape", "Shape", {proposals.boxes});
  const ValueId rows =
      ops.Binary("chosen/rows", "Mul", classes, ops.Pick("proposals/count", sizes, 0, 0));
  const ValueId places =
      ops.Binary("chosen/places", "Add", rows, ops.Pick("chosen/boxes_of_class", chosen, 2, 1));
  Attributes to_float;
  to_float.Set("to", std::int64_t{1});
  const ValueId numbers = net.Op("chosen/numbers", "Cast", {classes}, to_float);
  // Entries of score 0 fill up what is missing.
  const ValueId all_scores = ops.Concat(
      "all/scores",
      {ops.Gather("chosen/scores", ops.Reshape("head/scores/flat", scores, {-1}), places),
       ops.Zeros("fill.scores", {kDetections})},
      0);
  const ValueId all_boxes = ops.Concat(
      "all/boxes",
      {ops.Gather("chosen/boxes", ops.Reshape("head/decoded/flat", boxes, {-1, 4}), places),
       ops.Zeros("fill.boxes", {kDetections, 4})},
      0);
  const ValueId all_classes =
      ops.Concat("all/classes",
                 {ops.Binary("chosen/labels", "Add", numbers, ops.Float("first_label", 1.0f)),
                  ops.Zeros("fill.classes", {kDetections})},
                 0);
  const auto best = ops.TopK("best", all_scores, kDetections);
  const ValueId swapped =
      ops.Gather("best/boxes/yx", ops.Gather("best/boxes", all_boxes, best[1]),
                 net.Constant("yx", Tensor::From<std::int64_t>({4}, {1, 0, 3, 2})), 1);
  const auto h = static_cast<float>(height);
  const auto w = static_cast<float>(width);
  const ValueId unit = ops.Binary("best/boxes/unit", "Div", swapped,
                                  net.Constant("size", Tensor::From<float>({4}, {h, w, h, w})));
  const ValueId positive = net.Op(
      "best/positive", "Cast",
      {ops.Binary("best/is_positive", "Greater", best[0], ops.Float("zero", 0.0f))}, to_float);
  Attributes keep;
  keep.Set("axes", Int64s{0});
  keep.Set("keepdims", std::int64_t{1});
  const auto named = [](ValueId id) { return Feature{id, 0, 0, 0}; };
  return net.Finish(
      {{"detection_boxes", named(ops.Unsqueeze("boxes/batch", unit, {0})), {kDetections, 4}},
       {"detection_scores", named(ops.Unsqueeze("scores/batch", best[0], {0})), {kDetections}},
       {"detection_classes",
        named(
            ops.Unsqueeze("classes/batch", ops.Gather("best/classes", all_classes, best[1]), {0})),
        {kDetections}},
       {"num_detections", named(net.Op("count", "ReduceSum", {positive}, std::move(keep))), {}}});
}

Feature Pooled(NetBuilder& net, const Feature& x) {
  return net.Flatten("head/flatten", net.GlobalAveragePool("head/pool", x));
}

}  // namespace

Graph BuildFasterRcnn(const Architecture& architecture, const BuildOptions& options) {
  const int height = architecture.input_height();
  const int width = architecture.resolution;
  const bool vgg = architecture.backbone == "vgg16";
  const bool resnet = architecture.backbone == "resnet50";
  const bool inception = !vgg && !resnet;
  NetBuilder net(architecture, options, inception ? 1.0 : 128.0);
  net.FixBatch();
  Ops ops(net, height, width);
  const Feature map = vgg      ? Vgg16Backbone(net, {}).coarse
                      : resnet ? ResNet50Body(net)
                               : InceptionV2Body(net, Act::kRelu6);
  const std::vector<float> scales =
      vgg ? std::vector<float>{0.5f, 1, 2} : std::vector<float>{0.25f, 0.5f, 1, 2};
  const Proposals proposals = Propose(net, ops, map, scales, vgg ? Act::kRelu : Act::kRelu6);
  if (vgg) {
    const Feature features = VggHidden(net, Crop(net, map, proposals, 7, 2));
    return Detect(net, ops, proposals, features, height, width);
  }
  // As crop_and_resize and a maximum of 2 x 2.
  const Feature crops =
      net.MaxPool("crops/pool", Crop(net, map, proposals, 14, 1), {.kernel = 2, .stride = 2});
  const Feature deep =
      resnet ? ResNet50Tail(net, crops, 1) : InceptionV2Tail(net, crops, Act::kRelu6);
  return Detect(net, ops, proposals, Pooled(net, deep), height, width);
}

}  // namespace kinglet
