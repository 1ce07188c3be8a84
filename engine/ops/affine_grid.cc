// AffineGrid: the places at which GridSample reads an image that is to be moved, turned or scaled.
#include <utility>
#include <vector>

#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

// Grids {N, sizes..., rank} of affine maps {N, rank, rank + 1}.
struct Grids {
  std::int64_t rank = 0, images = 0;
  std::int64_t sizes[3] = {1, 1, 1};  // depth, height, width: those of two dimensions come last
};

Grids GridsOf(const NodeContext& context) {
  const std::vector<std::int64_t> size = context.InputInts(1, "the size");
  if (size.size() != 4 && size.size() != 5) {
    context.Invalid("the size (input 1) has " + std::to_string(size.size()) +
                    " numbers, expected N, C, H, W or N, C, D, H, W");
  }
  Grids g;
  g.images = size[0];
  g.rank = static_cast<std::int64_t>(size.size()) - 2;
  const Shape expected{g.images, g.rank, g.rank + 1};
  if (context.InputShape(0) != expected) {
    context.Invalid("theta (input 0) has shape " + ShapeToString(context.InputShape(0)) +
                    ", expected " + ShapeToString(expected));
  }
  for (std::size_t k = 2; k < size.size(); ++k) g.sizes[k + 3 - size.size()] = size[k];
  return g;
}

void InferAffineGrid(InferContext& context) {
  RequireFloat(context, 0);
  const Grids g = GridsOf(context);
  Shape output{g.images, g.sizes[1], g.sizes[2], g.rank};
  if (g.rank == 3) output.insert(output.begin() + 1, g.sizes[0]);
  context.SetOutput(0, context.InputType(0), std::move(output));
}

// Places from -1 to 1: of the middles of the end elements, or of their edges.
template <typename T>
T Place(std::int64_t i, std::int64_t size, bool align_corners) {
  const T steps = static_cast<T>(size), at = static_cast<T>(i);
  if (!align_corners) return (2 * at + 1) / steps - 1;
  return size == 1 ? T{1} : 2 * at / (steps - 1) - 1;
}

// Items are rows of the grid.
template <typename T>
std::unique_ptr<Step> MakeAffineGrid(const Grids& g, bool align) {
  const std::int64_t width = g.sizes[2];
  const std::int64_t rows = width == 0 ? 0 : g.images * g.sizes[0] * g.sizes[1];
  std::vector<T> places;  // of the columns
  for (std::int64_t i = 0; rows > 0 && i < width; ++i) places.push_back(Place<T>(i, width, align));
  return MakeItemStep(
      "reference/affine_grid", rows, width * g.rank * static_cast<std::int64_t>(sizeof(T)),
      [=, places = std::move(places)](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          const std::int64_t image = row / (g.sizes[0] * g.sizes[1]);
          const T y = Place<T>(row % g.sizes[1], g.sizes[1], align);
          const T z = Place<T>(row / g.sizes[1] % g.sizes[0], g.sizes[0], align);
          const T* theta = static_cast<const T*>(args.inputs[0]) + image * g.rank * (g.rank + 1);
          T* to = static_cast<T*>(args.outputs[0]) + row * width * g.rank;
          T shift[3] = {};  // of the row
          for (std::int64_t k = 0; k < g.rank; ++k) {
            const T* t = theta + k * (g.rank + 1);
            shift[k] = t[1] * y + (g.rank == 2 ? t[2] : t[2] * z + t[3]);
          }
          if (g.rank == 2) {
            const T a = theta[0], b = theta[3];
            for (std::int64_t i = 0; i < width; ++i) {
              const T x = places[static_cast<std::size_t>(i)];
              to[2 * i] = a * x + shift[0];
              to[2 * i + 1] = b * x + shift[1];
            }
            continue;
          }
          const T a = theta[0], b = theta[4], c = theta[8];
          for (std::int64_t i = 0; i < width; ++i) {
            const T x = places[static_cast<std::size_t>(i)];
            to[3 * i] = a * x + shift[0];
            to[3 * i + 1] = b * x + shift[1];
            to[3 * i + 2] = c * x + shift[2];
          }
        }
      });
}

std::unique_ptr<Step> PlanAffineGrid(PlanContext& context) {
  context.DoNotRead(1);
  const Grids g = GridsOf(context);
  const bool align = context.attributes().Int("align_corners", 0) != 0;
  return DispatchFloat(context.InputType(0),
                       [&]<typename T>() { return MakeAffineGrid<T>(g, align); });
}

}  // namespace

const OpDef& OpAffineGrid() {
  static const OpDef def{.name = "AffineGrid",
                         .since = 20,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .attributes = "align_corners",
                         .types = "float32, float64",
                         .infer = InferAffineGrid,
                         .plan = PlanAffineGrid};
  return def;
}

}  // namespace kinglet
