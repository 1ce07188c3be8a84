// What stands between a picture and the first convolution is done while the convolution gathers its
// windows: the conversion from uint8, NHWC to NCHW, and a scale and a shift per channel (which the
// weights can't take over where windows read padding: it is zero behind them).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "engine/graph/fusion.h"
#include "engine/passes/affine.h"
#include "engine/passes/passes.h"
#include "engine/passes/rewrite.h"

namespace kinglet {
namespace {

constexpr std::int64_t kMaxChannels = 4;  // of a picture

// x = scale[c] * pixel + shift[c] of pixels that another value holds.
struct Picture {
  ValueId pixels = kNoValue;
  bool channels_last = false;
  std::vector<double> scale, shift;
};

class PictureFinder {
 public:
  PictureFinder(Rewriter& rewriter, const std::vector<TensorState>& shapes)
      : rewriter_(rewriter), shapes_(shapes) {}

  // Follows what makes `id`, of this many channels, back to where it comes from.
  Picture Find(ValueId id, std::int64_t channels) const {
    const auto count = static_cast<std::size_t>(channels);
    Picture picture{id, false, std::vector<double>(count, 1), std::vector<double>(count, 0)};
    while (StepBack(picture)) {
    }
    return picture;
  }

 private:
  const TensorState& State(ValueId id) const { return shapes_[static_cast<std::size_t>(id)]; }

  bool StepBack(Picture& picture) const {
    if (IsBytes(picture.pixels)) return false;
    return StepOverAffine(picture) || StepOverTranspose(picture) || StepOverCast(picture);
  }
  bool IsBytes(ValueId id) const { return State(id).type == DataType::kUInt8; }

  bool StepOverAffine(Picture& picture) const {
    const auto channels = static_cast<std::int64_t>(picture.scale.size());
    const ChannelAxis axis{4, picture.channels_last ? std::size_t{3} : std::size_t{1}, channels};
    for (const char* op : kAffineOps) {
      const Node* node = rewriter_.SoleProducer(picture.pixels, op);
      for (std::size_t data = 0; node != nullptr && data < 2; ++data) {
        const ValueId input = node->input(data);
        // The constant must not be what makes the shape.
        if (input == kNoValue || !SameShape(shapes_, input, picture.pixels)) continue;
        const auto affine = AffineOf(rewriter_.graph(), *node, data, axis);
        if (!affine || affine->scale.size() != picture.scale.size()) continue;
        for (std::size_t c = 0; c < picture.scale.size(); ++c) {
          picture.shift[c] += picture.scale[c] * affine->shift[c];
          picture.scale[c] *= affine->scale[c];
        }
        picture.pixels = input;
        return true;
      }
    }
    return false;
  }

  bool StepOverTranspose(Picture& picture) const {
    const Node* node = rewriter_.SoleProducer(picture.pixels, "Transpose");
    const std::vector<std::int64_t> to_planes = {0, 3, 1, 2};
    if (node == nullptr || picture.channels_last || node->attributes.Ints("perm") != to_planes) {
      return false;
    }
    picture.pixels = node->inputs[0];
    picture.channels_last = true;
    return true;
  }

  bool StepOverCast(Picture& picture) const {
    const Node* node = rewriter_.SoleProducer(picture.pixels, "Cast");
    if (node == nullptr || !IsBytes(node->inputs[0])) return false;
    picture.pixels = node->inputs[0];
    return true;
  }

  Rewriter& rewriter_;
  const std::vector<TensorState>& shapes_;
};

// The channels of a convolution's pictures; 0 where it does not read pictures.
std::int64_t PictureChannels(const GraphIr& graph, const Node& conv) {
  const Tensor* weights = graph.ConstantOf(conv.input(1));
  const Tensor* bias = graph.ConstantOf(conv.input(2));
  if (conv.op != "Conv" || !conv.domain.empty() || conv.fusion.residual || weights == nullptr ||
      weights->type() != DataType::kFloat32 || weights->shape().size() != 4 ||
      conv.attributes.Int("group", 1) != 1 || (bias == nullptr && conv.input(2) != kNoValue)) {
    return 0;
  }
  const std::int64_t channels = weights->shape()[1];
  return weights->size() > 0 && channels <= kMaxChannels ? channels : 0;
}

ValueId AddChannels(GraphIr& graph, const std::string& name, const std::vector<double>& values) {
  const std::vector<float> floats(values.begin(), values.end());
  return graph.AddConstant(name,
                           Tensor::From<float>({static_cast<std::int64_t>(floats.size())}, floats));
}

void BecomeImageConv(GraphIr& graph, Node& conv, const Picture& picture) {
  const std::string name = graph.value(conv.outputs[0]).name;
  if (conv.input(2) == kNoValue) {
    const std::int64_t oc = graph.ConstantOf(conv.inputs[1])->shape()[0];
    conv.inputs.resize(3);
    conv.inputs[2] =
        AddChannels(graph, name + "/bias", std::vector<double>(static_cast<std::size_t>(oc), 0.0));
  }
  conv.inputs[0] = picture.pixels;
  conv.inputs.push_back(AddChannels(graph, name + "/pixel_scale", picture.scale));
  conv.inputs.push_back(AddChannels(graph, name + "/pixel_shift", picture.shift));
  conv.op = "ImageConv";
  conv.domain = kKingletDomain;
  conv.opset = kKingletOpset;
  conv.attributes.Erase("group");
  conv.attributes.Set("channels_last", std::int64_t{picture.channels_last});
}

}  // namespace

void FuseImages(GraphIr& graph, const PassOptions& options) {
  const std::vector<TensorState> shapes = ProbeShapes(graph, options);
  Rewriter rewriter(graph);
  const PictureFinder finder(rewriter, shapes);
  const auto finite = [](double v) { return std::abs(v) <= std::numeric_limits<float>::max(); };
  rewriter.Sweep([&](Node& conv) {
    const std::int64_t channels = PictureChannels(graph, conv);
    if (channels == 0 || graph.ConstantOf(conv.inputs[0]) != nullptr) return;
    const Picture picture = finder.Find(conv.inputs[0], channels);
    if (picture.pixels == conv.inputs[0]) return;
    if (!std::all_of(picture.scale.begin(), picture.scale.end(), finite) ||
        !std::all_of(picture.shift.begin(), picture.shift.end(), finite)) {
      return;
    }
    BecomeImageConv(graph, conv, picture);
  });
}

}  // namespace kinglet
