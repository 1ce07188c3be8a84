#include "tests/support/dispatched.h"

#include "kernels/common/activate.h"
#include "kernels/common/cpu_target.h"
#include "kernels/conv/conv.h"
#include "kernels/conv/image_row.h"
#include "kernels/conv/volume.h"
#include "kernels/depthwise/rows.h"
#include "kernels/eltwise/binary.h"
#include "kernels/eltwise/channel.h"
#include "kernels/eltwise/integers.h"
#include "kernels/eltwise/rotate.h"
#include "kernels/eltwise/rows.h"
#include "kernels/eltwise/select.h"
#include "kernels/eltwise/unary.h"
#include "kernels/gemm/gather_gemm.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/vector.h"
#include "kernels/layout/cast.h"
#include "kernels/layout/convert.h"
#include "kernels/layout/enlarge.h"
#include "kernels/layout/layout.h"
#include "kernels/layout/narrow.h"
#include "kernels/layout/pick.h"
#include "kernels/math/math.h"
#include "kernels/nms/box_coder.h"
#include "kernels/nms/keys.h"
#include "kernels/nms/nms.h"
#include "kernels/normalize/normalize.h"
#include "kernels/pool/pool.h"
#include "kernels/pool/pool_u8.h"
#include "kernels/quantize/code_ops.h"
#include "kernels/quantize/integer_dot.h"
#include "kernels/quantize/integer_panels.h"
#include "kernels/quantize/quantize.h"
#include "kernels/reduce/arg.h"
#include "kernels/resize/picture.h"
#include "kernels/roi/roi_align.h"
#include "kernels/sample/sample.h"
#include "kernels/softmax/softmax.h"

// KINGLET_EXPORT_TARGET(name) of each file.
#define KINGLET_DISPATCHED_FILES(FILE)                       \
  FILE("kernels/common/activate.cc", Activate)               \
  FILE("kernels/common/cpu_target.cc", CpuTarget)            \
  FILE("kernels/common/measure.cc", Measure)                 \
  FILE("kernels/conv/direct_bf16.cc", DirectBf16)            \
  FILE("kernels/conv/gather_dots.cc", GatherDots)            \
  FILE("kernels/conv/gather_targets.cc", GatherConv)         \
  FILE("kernels/conv/image_row.cc", ImageRow)                \
  FILE("kernels/conv/row_product.cc", RowProduct)            \
  FILE("kernels/conv/tiles_bf16.cc", TilesBf16)              \
  FILE("kernels/conv/tiles_first_bf16.cc", TilesFirstBf16)   \
  FILE("kernels/conv/tiles_first_u8.cc", TilesFirstU8)       \
  FILE("kernels/conv/tiles_u8.cc", TilesU8)                  \
  FILE("kernels/depthwise/depthwise.cc", Depthwise)          \
  FILE("kernels/depthwise/depthwise_u8.cc", DepthwiseU8)     \
  FILE("kernels/depthwise/depthwise_bf16.cc", DepthwiseBf16) \
  FILE("kernels/depthwise/depthwise3_bf16.cc", Rows3Bf16)    \
  FILE("kernels/eltwise/binary.cc", Binary)                  \
  FILE("kernels/eltwise/channel.cc", Channel)                \
  FILE("kernels/eltwise/pairs.cc", Pairs)                    \
  FILE("kernels/eltwise/integers.cc", Integers)              \
  FILE("kernels/eltwise/rotate.cc", Rotate)                  \
  FILE("kernels/eltwise/rows.cc", Rows)                      \
  FILE("kernels/eltwise/select.cc", Select)                  \
  FILE("kernels/eltwise/unary.cc", Unary)                    \
  FILE("kernels/gemm/gather_gemm.cc", GatherGemm)            \
  FILE("kernels/gemm/gather_pairs.cc", GatherPairs)          \
  FILE("kernels/gemm/narrow.cc", NarrowGemm)                 \
  FILE("kernels/gemm/vector.cc", Vector)                     \
  FILE("kernels/layout/cast.cc", Cast)                       \
  FILE("kernels/layout/convert.cc", Convert)                 \
  FILE("kernels/layout/enlarge.cc", Enlarge)                 \
  FILE("kernels/layout/layout.cc", Layout)                   \
  FILE("kernels/layout/narrow.cc", NarrowLayout)             \
  FILE("kernels/layout/pick.cc", Pick)                       \
  FILE("kernels/nms/box_coder.cc", BoxCoder)                 \
  FILE("kernels/nms/keys.cc", Keys)                          \
  FILE("kernels/nms/nms.cc", Nms)                            \
  FILE("kernels/normalize/normalize.cc", Normalize)          \
  FILE("kernels/pool/pool.cc", Pool)                         \
  FILE("kernels/pool/pool_bf16.cc", PoolBf16)                \
  FILE("kernels/pool/pool_u8.cc", PoolU8)                    \
  FILE("kernels/quantize/code_ops.cc", CodeOps)              \
  FILE("kernels/quantize/integer_dot.cc", IntegerDot)        \
  FILE("kernels/quantize/integer_panels.cc", IntegerPanels)  \
  FILE("kernels/quantize/quantize.cc", Quantize)             \
  FILE("kernels/reduce/arg.cc", Arg)                         \
  FILE("kernels/resize/picture.cc", Picture)                 \
  FILE("kernels/roi/roi_align.cc", RoiAlign)                 \
  FILE("kernels/sample/sample.cc", Sample)                   \
  FILE("kernels/softmax/softmax.cc", Softmax)                \
  FILE("kernels/winograd/transform.cc", Winograd)            \
  FILE("kernels/winograd/winograd_u8.cc", WinogradU8)

namespace kinglet::kernels {
#define DECLARE(path, name) const char* TargetOf##name() noexcept;
KINGLET_DISPATCHED_FILES(DECLARE)
#undef DECLARE
}  // namespace kinglet::kernels

namespace kinglet::testing {
namespace {

// Not what is compiled once: the reference, what BLAS does, and what needs more than a target.
template <typename Variant>
bool HasTargets(const Variant& variant) {
  const std::string_view id = variant.id;
  return variant.needs.empty() && id.find("reference") == id.npos && id.find("blas") == id.npos &&
         id.find("im2col") == id.npos;
}

class Collector {
 public:
  template <typename Result, typename... Args>
  void Add(std::string name, Result (*function)(Args...) noexcept) {
    points_.push_back({std::move(name), reinterpret_cast<const void*>(function)});
  }
  template <typename Table>
  void Add(std::string name, const Table& table) {
    points_.push_back({std::move(name), &table});
  }
  std::vector<EntryPoint> Take() { return std::move(points_); }

 private:
  std::vector<EntryPoint> points_;
};

}  // namespace

const std::vector<DispatchedFile>& DispatchedFiles() {
  static const std::vector<DispatchedFile> files = {
#define LIST(path, name) {path, &kernels::TargetOf##name},
      KINGLET_DISPATCHED_FILES(LIST)
#undef LIST
  };
  return files;
}

std::vector<EntryPoint> EntryPoints() {
  Collector all;
  for (const kernels::ConvVariant& variant : kernels::ConvVariants()) {
    if (HasTargets(variant)) all.Add(variant.id, variant.run);
  }
  for (const kernels::GemmVariant& variant : kernels::GemmVariants()) {
    if (HasTargets(variant)) all.Add(variant.id, variant.run);
  }
  for (const kernels::VolumeVariant& variant : kernels::VolumeVariants()) {
    all.Add(variant.id, variant.run);
  }
  all.Add("chain, image: product", kernels::ResolveGatherGemm());
  all.Add("chain: depthwise rows", kernels::ResolveDepthwiseRows());
  all.Add("image: row", kernels::ResolveImageRow());
  all.Add("activate", kernels::ResolveActivate());
  all.Add("vector", kernels::GetVectorFns());
  all.Add("integer dots", kernels::GetIntegerDots());
  all.Add("integer panels", kernels::GetPanelTable());
  all.Add("pool", kernels::GetPoolTable());
  all.Add("pools of codes", kernels::GetPoolU8Table());
  all.Add("unary", kernels::GetUnary(kernels::UnaryOp::kAbs));
  all.Add("binary", kernels::GetBinary(kernels::BinaryOp::kAdd));
  all.Add("channel", kernels::GetChannelTable());
  all.Add("integers", kernels::FindIntegers(kernels::IntegerOp::kMul, true, 4));
  all.Add("rotate", kernels::GetRotate(false));
  all.Add("rows", kernels::GetRowsTable());
  all.Add("select", kernels::GetSelect(4));
  all.Add("normalize", kernels::GetNormalizeTable());
  all.Add("arg", kernels::GetArgTable(true));
  all.Add("softmax", kernels::GetSoftmax());
  all.Add("layout", kernels::GetLayoutTable());
  using kernels::ElementType;
  all.Add("to bfloat16",
          kernels::FindConversion(ElementType::kFloat32, ElementType::kBFloat16).run);
  all.Add("from bfloat16",
          kernels::FindConversion(ElementType::kBFloat16, ElementType::kFloat32).run);
  all.Add("pick", kernels::GetPick(4, true));
  all.Add("enlarge", kernels::GetEnlarge(4));
  all.Add("cast", kernels::FindCast(ElementType::kFloat32, ElementType::kUInt8));
  all.Add("reorders of bytes", kernels::GetNarrowReorders().to_blocked[0]);
  all.Add("codes", kernels::GetLookUp());
  all.Add("quantize", kernels::GetQuantizeTable());
  all.Add("picture", kernels::GetPictureTable());
  all.Add("nms", kernels::GetNms());
  all.Add("scores", kernels::GetFilterScores());
  all.Add("score rows", kernels::GetScoreRowsTable());
  all.Add("box coder", kernels::GetDecodeBoxes());
  all.Add("roi", kernels::GetRoiAlignTable());
  all.Add("sample", kernels::GetSampleTable());
  all.Add("math", kernels::GetMathTable());
  return all.Take();
}

std::string FilesOnOtherTargets(std::string_view target) {
  std::string found;
  if (kernels::ActiveTarget() != target) {
    found = "active: " + std::string(kernels::ActiveTarget()) + "\n";
  }
  for (const DispatchedFile& file : DispatchedFiles()) {
    if (file.target() == target) continue;
    found += std::string(file.path) + ": " + file.target() + "\n";
  }
  return found;
}

}  // namespace kinglet::testing
