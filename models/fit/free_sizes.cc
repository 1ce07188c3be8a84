#include "models/fit/free_sizes.h"

#include <algorithm>
#include <cmath>

#include "engine/graph/ir.h"

namespace kinglet {
namespace {

constexpr std::int64_t kSmallest = 8, kLargest = 2048;  // pixels
constexpr std::size_t kMostTold = 64;                   // sizes that a graph's constants tell

// Of classifiers and detectors.
constexpr std::int64_t kSquares[] = {224, 256, 320, 640, 416, 512, 299, 300, 227,  384, 128,
                                     112, 160, 192, 288, 336, 448, 480, 513, 518,  550, 600,
                                     608, 768, 800, 196, 240, 260, 331, 380, 1024, 1280};
// Of readers of text, of pictures that are no squares, and of small ones.
constexpr PictureSides kOthers[] = {{48, 320},  {32, 320},  {32, 100},  {32, 128},   {64, 256},
                                    {48, 192},  {32, 160},  {64, 200},  {60, 160},   {24, 94},
                                    {31, 200},  {240, 320}, {480, 640}, {256, 192},  {384, 288},
                                    {256, 128}, {360, 640}, {544, 960}, {512, 1024}, {800, 1344},
                                    {96, 96},   {64, 64},   {48, 48},   {32, 32},    {28, 28}};
// Widths for a height that is known, and heights for a width.
constexpr std::int64_t kOtherSides[] = {320, 224, 100, 128, 160,  192, 256, 200, 94, 300, 400,
                                        480, 512, 640, 800, 1024, 64,  96,  32,  48, 24};

class Sizes {
 public:
  explicit Sizes(const PictureSides& declared) : declared_(declared) {}

  void Add(PictureSides size) {
    if (declared_.height >= 0) size.height = declared_.height;
    if (declared_.width >= 0) size.width = declared_.width;
    if (std::find(sizes_.begin(), sizes_.end(), size) == sizes_.end()) sizes_.push_back(size);
  }
  // Of what the graph tells: within reason.
  void AddTold(std::int64_t height, std::int64_t width) {
    const auto plausible = [](std::int64_t side) { return side >= kSmallest && side <= kLargest; };
    if (told_ >= kMostTold || !plausible(height) || !plausible(width)) return;
    ++told_;
    Add({height, width});
  }
  std::vector<PictureSides> Take() { return std::move(sizes_); }

 private:
  PictureSides declared_;
  std::vector<PictureSides> sizes_;
  std::size_t told_ = 0;
};

// The shape that a Reshape makes, where it is a constant.
std::vector<std::int64_t> ConstantShape(const GraphIr& graph, const Node& node) {
  if (node.op != "Reshape" || node.inputs.size() < 2 || node.inputs[1] == kNoValue) return {};
  const Tensor& shape = graph.value(node.inputs[1]).constant;
  constexpr std::int64_t kMostAxes = 8;
  if (!shape.defined() || shape.raw() == nullptr || shape.type() != DataType::kInt64 ||
      shape.size() > kMostAxes) {
    return {};
  }
  return {shape.data<std::int64_t>(), shape.data<std::int64_t>() + shape.size()};
}

constexpr std::int64_t kSteps[] = {32, 16, 14, 8, 4, 1};  // pixels of a cell

// Two sizes side by side are rows and columns of cells, one is a height or the number of cells.
void AddCells(const std::vector<std::int64_t>& shape, Sizes& sizes) {
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t size = shape[i];
    if (size < 2 || size > kLargest * kLargest) continue;
    const std::int64_t next = i + 1 < shape.size() ? shape[i + 1] : 0;
    if (next >= 2 && next <= kLargest && size <= kLargest) {
      for (const std::int64_t step : kSteps) sizes.AddTold(size * step, next * step);
    }
    const auto root = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(size))));
    if (root * root == size) {
      for (const std::int64_t step : kSteps) sizes.AddTold(root * step, root * step);
    }
    if (size < kSmallest || size > kLargest) continue;
    for (const std::int64_t width : {320, 100, 128, 256}) sizes.AddTold(size, width);
    sizes.AddTold(size, size);
  }
}

// A constant that is added to maps or to rows of cells has their size; before the rows of cells
// there may be one more.
void AddPositions(const GraphIr& graph, const Node& node, Sizes& sizes) {
  if (node.op != "Add") return;
  for (const ValueId id : node.inputs) {
    if (id == kNoValue) continue;
    const Shape& shape = graph.value(id).constant.shape();
    if (shape.size() == 4) AddCells({shape[2], shape[3]}, sizes);
    if (shape.size() != 3) continue;
    AddCells({shape[1]}, sizes);
    AddCells({shape[1] - 1}, sizes);
  }
}

}  // namespace

std::vector<PictureSides> SidesToTry(const Graph& graph, const PictureSides& declared) {
  Sizes sizes(declared);
  if (declared.height >= 0 && declared.width >= 0) {
    sizes.Add(declared);
    return sizes.Take();
  }
  const std::int64_t known = std::max(declared.height, declared.width);
  // A low height is that of a line of text; other pictures are mostly squares.
  constexpr std::int64_t kLine = 96;
  if (known > kLine) sizes.Add({known, known});
  if (known >= 0) {
    for (const std::int64_t other : kOtherSides) sizes.Add({other, other});
    sizes.Add({known, known});
  } else {
    sizes.Add({kSquares[0], kSquares[0]});
  }
  const GraphIr& ir = graph.ir();
  for (const Node& node : ir.nodes) {
    AddCells(ConstantShape(ir, node), sizes);
    AddPositions(ir, node, sizes);
  }
  for (const std::int64_t side : kSquares) sizes.Add({side, side});
  for (const PictureSides& size : kOthers) sizes.Add(size);
  return sizes.Take();
}

}  // namespace kinglet
