#include "kernels/chain/chain.h"

#include <algorithm>
#include <cstring>

#include "kernels/chain/geometry.h"
#include "kernels/common/aligned.h"
#include "kernels/common/blocked.h"
#include "kernels/conv/shape.h"

namespace kinglet::kernels {
namespace {

// Channel blocks that are expanded together, just before their depthwise rows.
constexpr int64_t kBlocksTogether = 4;

// Where a worker's scratch keeps its parts.
struct Scratch {
  int64_t* pixel_offsets;  // p * 16
  int64_t* expand_steps;
  int64_t* project_steps;
  float* zeros;  // of bfloat16: IW pixels
  // A pixel block as 16 floats.
  float* strip;  // [block][strip_rows * OW], what the depthwise convolution gives
  float* ring;   // [block][ring_rows * IW], what the expansion gives
};

struct Sizes {
  int64_t pixels, expand_steps, project_steps, zeros;  // bytes
};

Sizes SizesOf(const ChainPlan& plan) {
  const ConvShape& s = plan.chain.depthwise;
  const int64_t pixels = std::max(plan.strip_rows * s.ow, plan.ring_rows * s.iw);
  const ConvChain& chain = plan.chain;
  const int64_t planes = chain.expands ? PixelBlocks(chain, chain.expand.ic) : 0;
  return {RoundUpToLine(pixels * 8), RoundUpToLine(planes * 8),
          RoundUpToLine(PixelBlocks(chain, s.ic) * 8),
          chain.stored == ElementType::kFloat32 ? 0 : s.iw * kPixelBytes};
}

Scratch Divide(void* scratch, const ChainPlan& plan) {
  const Sizes sizes = SizesOf(plan);
  auto* bytes = static_cast<char*>(scratch);
  Scratch parts;
  parts.pixel_offsets = reinterpret_cast<int64_t*>(bytes);
  bytes += sizes.pixels;
  parts.expand_steps = reinterpret_cast<int64_t*>(bytes);
  bytes += sizes.expand_steps;
  parts.project_steps = reinterpret_cast<int64_t*>(bytes);
  bytes += sizes.project_steps;
  parts.zeros = reinterpret_cast<float*>(bytes);
  bytes += sizes.zeros;
  parts.strip = reinterpret_cast<float*>(bytes);
  parts.ring = parts.strip + StripFloats(plan.chain, plan.strip_rows);
  return parts;
}

// What the product counts as a channel: a float, or a pair of bfloat16.
int64_t Depth(const ConvChain& chain, const ConvShape& s) {
  return CeilDiv(s.ic * kBlock, PixelBlock(chain.stored));
}

// A 1x1 convolution of consecutive pixels whose blocks lie `plane_stride` floats apart,
// `out_stride` those of the output.
GatherGemm Pointwise(const ConvChain& chain, const ConvShape& s, const ChainStage& stage,
                     int64_t plane_stride, int64_t out_stride, int64_t* steps,
                     const int64_t* pixel_offsets) {
  const int64_t depth = Depth(chain, s);
  for (int64_t plane = 0; plane < BlockCount(depth); ++plane) steps[plane] = plane * plane_stride;
  const int64_t pixel = PixelBlock(chain.stored);
  GatherGemm job;
  job.pixel_offsets = pixel_offsets;
  job.step_offsets = steps;
  job.full_steps = depth / kBlock;
  job.tail_steps = depth % kBlock != 0 ? 1 : 0;
  job.tail_channels = depth % kBlock;
  job.weights = static_cast<const float*>(stage.packed);
  job.bias = stage.bias;
  job.blocks = BlockCount(s.oc);
  job.out_pixel_stride = pixel;
  job.out_block_stride = out_stride / kBlock * pixel;
  job.epilogue = stage.epilogue;
  return job;
}

class Runner {
 public:
  Runner(const ChainPlan& plan, const ChainArgs& args, void* scratch)
      : plan_(plan), args_(args), s_(plan.chain.depthwise), scratch_(Divide(scratch, plan)) {
    const Sizes sizes = SizesOf(plan);
    for (int64_t p = 0; p < sizes.pixels / 8; ++p) scratch_.pixel_offsets[p] = p * kBlock;
    const ConvChain& chain = plan.chain;
    const ConvShape& project = chain.project;
    const int64_t strip_plane = plan.strip_rows * s_.ow * kBlock;
    project_ =
        Pointwise(chain, project, args.project, strip_plane, project.oh * project.ow * kBlock,
                  scratch_.project_steps, scratch_.pixel_offsets);
    project_.in = scratch_.strip;
    project_.last_lanes = project.oc % kBlock == 0 ? kBlock : project.oc % kBlock;
    rows_.out_block_stride = strip_plane;
    rows_.epilogue = args.depthwise.epilogue;
    rows_.in_rows = chain.expands ? plan.ring_rows : s_.ih;
    rows_.in_block_stride = rows_.in_rows * s_.iw * kBlock;
    rows_.zeros = scratch_.zeros;
    std::memset(scratch_.zeros, 0, static_cast<size_t>(sizes.zeros));
    if (chain.expands) {
      // Pad lanes of the ring may hold anything: nothing reads them but those of the strip.
      const ConvShape& expand = chain.expand;
      expand_ = Pointwise(chain, expand, args.expand, expand.ih * expand.iw * kBlock,
                          rows_.in_block_stride, scratch_.expand_steps, scratch_.pixel_offsets);
    }
  }

  // Units [begin, end) of one image.
  void RunUnits(int64_t image, int64_t begin, int64_t end) {
    const ConvShape& project = plan_.chain.project;
    const int64_t in_channels = plan_.chain.expands ? plan_.chain.expand.ic : s_.ic;
    input_ = static_cast<const float*>(args_.input) +
             image * PixelBlocks(plan_.chain, in_channels) * kBlock * s_.ih * s_.iw;
    const int64_t out_image =
        PixelBlocks(plan_.chain, project.oc) * kBlock * project.oh * project.ow;
    const int64_t stride = args_.output_stride * kBlock / PixelBlock(plan_.chain.stored);
    output_ = static_cast<float*>(args_.output) + image * (stride != 0 ? stride : out_image);
    residual_ =
        args_.residual ? static_cast<const float*>(args_.residual) + image * out_image : nullptr;
    const int64_t first = EvenPart(s_.oh, plan_.units_per_image, begin).begin;
    const int64_t last = EvenPart(s_.oh, plan_.units_per_image, end - 1).end;
    expanded_ = 0;
    for (int64_t y = first; y < last; y += plan_.strip_rows) {
      RunStrip({y, std::min(y + plan_.strip_rows, last)});
    }
  }

 private:
  void RunStrip(Range rows) {
    const Range fresh = FreshRows(rows);
    const int64_t blocks = PixelBlocks(plan_.chain, s_.ic);
    for (int64_t block = 0; block < blocks; block += kBlocksTogether) {
      const int64_t count = std::min(kBlocksTogether, blocks - block);
      if (plan_.chain.expands) Expand(block, count, fresh);
      Depthwise(block, count, rows);
    }
    expanded_ = std::max(expanded_, fresh.end);
    project_.pixels = (rows.end - rows.begin) * s_.ow;
    const int64_t at = rows.begin * s_.ow * kBlock;
    project_.out = output_ + at;
    project_.residual = residual_ ? residual_ + at : nullptr;
    plan_.gemm(project_);
  }

  // The expanded rows under these output rows that the ring does not hold yet.
  Range FreshRows(Range rows) const {
    const int64_t top = rows.begin * s_.sh - s_.pad_top;
    const int64_t bottom = (rows.end - 1) * s_.sh - s_.pad_top + SpannedRows(s_);
    const int64_t begin = std::max({top, expanded_, int64_t{0}});
    return {begin, std::max(begin, std::min(bottom, s_.ih))};
  }

  void Expand(int64_t block, int64_t count, Range rows) {
    const int64_t row = s_.iw * kBlock;
    const int64_t of_pixel = PixelBlock(plan_.chain.stored) / kBlock;
    GatherGemm job = expand_;
    job.weights += block * of_pixel * Depth(plan_.chain, plan_.chain.expand) * kBlock;
    if (job.bias != nullptr) job.bias += block * of_pixel * kBlock;
    job.blocks = std::min(count * of_pixel, expand_.blocks - block * of_pixel);
    float* ring = scratch_.ring + block * rows_.in_block_stride;
    for (int64_t y = rows.begin; y < rows.end;) {
      const int64_t in_ring = y % plan_.ring_rows;
      const int64_t end = std::min(rows.end, y + plan_.ring_rows - in_ring);
      job.in = input_ + y * row;
      job.out = ring + in_ring * row;
      job.pixels = (end - y) * s_.iw;
      plan_.gemm(job);
      y = end;
    }
  }

  void Depthwise(int64_t block, int64_t count, Range rows) {
    const float* in = plan_.chain.expands ? scratch_.ring : input_;
    const ChainStage& stage = args_.depthwise;
    rows_.in = in + block * rows_.in_block_stride;
    const int64_t pixel = PixelBlock(plan_.chain.stored);
    const int64_t block_weights = s_.kh * s_.kw * pixel;
    rows_.weights = static_cast<const float*>(stage.packed) + block * block_weights;
    rows_.bias = stage.bias ? stage.bias + block * pixel : nullptr;
    rows_.out = scratch_.strip + block * rows_.out_block_stride;
    rows_.blocks = count;
    rows_.rows = rows;
    // Those beyond are multiplied with zeros: only halves of pairs must be finite.
    rows_.last_lanes =
        pixel == kBlock ? kBlock : std::min(pixel, s_.ic - (block + count - 1) * pixel);
    plan_.depthwise_rows(s_, rows_);
  }

  const ChainPlan& plan_;
  const ChainArgs& args_;
  const ConvShape& s_;  // of the depthwise convolution
  const Scratch scratch_;
  GatherGemm expand_, project_;
  DepthwiseRows rows_;
  const float* input_ = nullptr;
  const float* residual_ = nullptr;
  float* output_ = nullptr;
  int64_t expanded_ = 0;  // rows before it are expanded, or not wanted
};

}  // namespace

size_t ChainScratchBytes(const ChainPlan& plan) {
  const Sizes sizes = SizesOf(plan);
  const int64_t floats =
      StripFloats(plan.chain, plan.strip_rows) + RingFloats(plan.chain, plan.ring_rows);
  return static_cast<size_t>(sizes.pixels + sizes.expand_steps + sizes.project_steps + sizes.zeros +
                             floats * static_cast<int64_t>(sizeof(float)));
}

void RunChain(const ChainPlan& plan, const ChainArgs& args, int64_t begin, int64_t end,
              void* scratch) noexcept {
  Runner runner(plan, args, scratch);
  const int64_t per_image = plan.units_per_image;
  while (begin < end) {
    const int64_t image = begin / per_image;
    const int64_t image_end = std::min(end, (image + 1) * per_image);
    runner.RunUnits(image, begin - image * per_image, image_end - image * per_image);
    begin = image_end;
  }
}

}  // namespace kinglet::kernels
