// DepthwiseQuads, written once for vectors of any width. Each file that includes it is compiled for
// instructions of its own, so all is local to it. `Ops` has:
//   Codes, Int, Float      vectors of kChannels codes, and of a fourth of as many int32 and float
//   LoadCodes, LoadInt, LoadFloat
//   LowerBytes, UpperBytes, LowerWords, UpperWords
//                          interleave the lower or upper halves of each 16 bytes of two Codes
//   Dot(sums, x, w)        sums + the products of the four unsigned bytes of x and signed ones of w
//   kComputed              channels of a pixel that are computed, kChannels at a time
//   Limits                 what StoreCodes wants to know of the job, for channels from `channel` on
//   StoreCodes             four vectors of sums as codes of channels in their order; those that are
//                          none become zero
#include <cstddef>
#include <cstdint>

#include "kernels/common/unroll.h"
#include "kernels/depthwise/code_quads.h"

namespace kinglet::kernels {
namespace {

#define KINGLET_INLINE_QUADS inline __attribute__((always_inline))

template <class Ops>
struct CodeQuads {
  static constexpr int kParts = 4;
  static constexpr int kColumns = 3;
  using Int = typename Ops::Int;

  // Input rows, at the first of the channels that are computed.
  struct Rows {
    const uint8_t* row[4];
    const uint8_t* outside;
    int64_t columns;
  };

  static KINGLET_INLINE_QUADS void LoadColumn(const Rows& rows, int64_t column,
                                              Int (&quads)[kParts]) {
    const bool inside = column >= 0 && column < rows.columns;
    const int64_t at = column * kCodes;
    const auto code = [&](int i) __attribute__((always_inline)) {
      return Ops::LoadCodes(inside ? rows.row[i] + at : rows.outside);
    };
    const auto a = code(0), b = code(1), c = code(2), d = code(3);
    const auto ab_lower = Ops::LowerBytes(a, b), ab_upper = Ops::UpperBytes(a, b);
    const auto cd_lower = Ops::LowerBytes(c, d), cd_upper = Ops::UpperBytes(c, d);
    quads[0] = Ops::LowerWords(ab_lower, cd_lower);
    quads[1] = Ops::UpperWords(ab_lower, cd_lower);
    quads[2] = Ops::LowerWords(ab_upper, cd_upper);
    quads[3] = Ops::UpperWords(ab_upper, cd_upper);
  }

  // sums + a column of the window of row `row` of the outputs. `weights` are those of the group.
  template <int kSets, int kRows>
  static KINGLET_INLINE_QUADS Int Add(Int sums, Int quads, const int8_t* weights, int row,
                                      int column, int part) {
    KINGLET_UNROLL
    for (int set = 0; set < kSets; ++set) {
      const int64_t at = ((set * kRows + row) * kColumns + column) * kQuadColumn + part * kCodes;
      sums = Ops::Dot(sums, quads, Ops::LoadInt(weights + at));
    }
    return sums;
  }

  // The outputs of kComputed rows of the kRows that the weights have, column by column of the
  // input: two of each row are under way.
  template <int kSets, int kRows, int kComputed>
  static __attribute__((noinline)) void RunStride1(const DepthwiseQuads& job, const Rows& of_job,
                                                   int64_t channel, uint8_t* out) {
    // Copies: bytes that are stored might be theirs.
    const Rows rows = of_job;
    const typename Ops::Limits limits(job, channel);
    const int8_t* const weights = job.weights + channel;
    const int32_t* const bias = job.bias + channel / 4;
    const float* const scales = job.scales + channel / 4;
    const int64_t count = job.out_columns, pad = job.pad_left, row_bytes = count * kCodes;
    Int next[kComputed][kParts], last[kComputed][kParts];
    KINGLET_UNROLL
    for (int row = 0; row < kComputed; ++row) {
      KINGLET_UNROLL
      for (int part = 0; part < kParts; ++part) {
        next[row][part] = last[row][part] = Ops::LoadInt(bias + part * 16);
      }
    }
    for (int64_t x = -2; x < count; ++x) {
      Int quads[kParts];
      LoadColumn(rows, x + 2 - pad, quads);
      KINGLET_UNROLL
      for (int row = 0; row < kComputed; ++row) {
        Int done[kParts];
        KINGLET_UNROLL
        for (int part = 0; part < kParts; ++part) {
          done[part] = Add<kSets, kRows>(last[row][part], quads[part], weights, row, 2, part);
          last[row][part] = Add<kSets, kRows>(next[row][part], quads[part], weights, row, 1, part);
          next[row][part] =
              Add<kSets, kRows>(Ops::LoadInt(bias + part * 16), quads[part], weights, row, 0, part);
        }
        if (x >= 0) Ops::StoreCodes(done, scales, limits, out + row * row_bytes + x * kCodes);
      }
    }
  }

  template <int kSets>
  static __attribute__((noinline)) void RunStride2(const DepthwiseQuads& job, const Rows& of_job,
                                                   int64_t channel, uint8_t* out) {
    const Rows rows = of_job;
    const typename Ops::Limits limits(job, channel);
    const int8_t* const weights = job.weights + channel;
    const int32_t* const bias = job.bias + channel / 4;
    const float* const scales = job.scales + channel / 4;
    const int64_t count = job.out_columns, pad = job.pad_left;
    Int sums[kParts], quads[kParts];
    LoadColumn(rows, -pad, quads);
    for (int64_t x = 0; x < count; ++x) {
      const int64_t column = 2 * x - pad;
      KINGLET_UNROLL
      for (int part = 0; part < kParts; ++part) {
        sums[part] =
            Add<kSets, 1>(Ops::LoadInt(bias + part * 16), quads[part], weights, 0, 0, part);
      }
      for (int next = 1; next < kColumns; ++next) {
        LoadColumn(rows, column + next, quads);
        KINGLET_UNROLL
        for (int part = 0; part < kParts; ++part) {
          sums[part] = Add<kSets, 1>(sums[part], quads[part], weights, 0, next, part);
        }
      }
      Ops::StoreCodes(sums, scales, limits, out + x * kCodes);
    }
  }

  template <int kSets>
  static void RunGroup(const DepthwiseQuads& job, int64_t channel) {
    const int64_t at_once = job.stride == 1 ? 2 : 1;
    Rows rows;
    rows.outside = job.outside + channel;
    rows.columns = job.columns;
    uint8_t* out = job.out + channel;
    for (int64_t y = job.out_rows.begin; y < job.out_rows.end; y += at_once) {
      const int64_t top = y * job.stride - job.pad_top;
      for (int64_t i = 0; i < 4; ++i) {
        const int64_t row = top + i;
        const bool inside = row >= 0 && row < job.rows;
        rows.row[i] = (inside ? job.in + row * job.columns * kCodes : job.outside) + channel;
      }
      if (job.stride == 2) {
        RunStride2<kSets>(job, rows, channel, out);
      } else if (job.out_rows.end - y > 1) {
        RunStride1<kSets, 2, 2>(job, rows, channel, out);
      } else {
        RunStride1<kSets, 2, 1>(job, rows, channel, out);
      }
      out += at_once * job.out_columns * kCodes;
    }
  }

  static void Run(const DepthwiseQuads& job) noexcept {
    for (int64_t channel = 0; channel < Ops::kComputed; channel += Ops::kChannels) {
      if (job.sets == 1) {
        RunGroup<1>(job, channel);
      } else {
        RunGroup<2>(job, channel);
      }
    }
  }
};

#undef KINGLET_INLINE_QUADS

}  // namespace
}  // namespace kinglet::kernels
