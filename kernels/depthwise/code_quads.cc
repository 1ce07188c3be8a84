// conv/depthwise_quads_u8 and its plain form: packed weights are those of conv/depthwise_u8, which
// computes what quads do not, followed by quads.
#include "kernels/depthwise/code_quads.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/common/code_lanes.h"
#include "kernels/conv/variants.h"
#include "kernels/depthwise/code_quads-inl.h"

namespace kinglet::kernels {
namespace {

struct Plain {
  struct Codes {
    uint8_t lane[16];
  };
  struct Int {
    int32_t lane[4];
  };
  static constexpr int64_t kChannels = 16, kComputed = 64;

  static Codes LoadCodes(const uint8_t* from) {
    Codes x;
    std::memcpy(x.lane, from, sizeof(x.lane));
    return x;
  }
  template <class T>
  static Int LoadInt(const T* from) {
    Int x;
    std::memcpy(x.lane, from, sizeof(x.lane));
    return x;
  }
  // `kBytes` of each by turns, from byte `first` on.
  template <size_t kBytes>
  static Codes Interleave(const Codes& a, const Codes& b, size_t first) {
    Codes both;
    for (size_t i = 0; i < 8; i += kBytes) {
      std::memcpy(both.lane + 2 * i, a.lane + first + i, kBytes);
      std::memcpy(both.lane + 2 * i + kBytes, b.lane + first + i, kBytes);
    }
    return both;
  }
  static Int Interleaved16(const Codes& a, const Codes& b, size_t first) {
    return LoadInt(Interleave<2>(a, b, first).lane);
  }
  static Codes LowerBytes(const Codes& a, const Codes& b) { return Interleave<1>(a, b, 0); }
  static Codes UpperBytes(const Codes& a, const Codes& b) { return Interleave<1>(a, b, 8); }
  static Int LowerWords(const Codes& a, const Codes& b) { return Interleaved16(a, b, 0); }
  static Int UpperWords(const Codes& a, const Codes& b) { return Interleaved16(a, b, 8); }
  static Int Dot(Int sums, const Int& x, const Int& w) {
    for (size_t i = 0; i < 4; ++i) {
      uint8_t codes[4];
      int8_t weights[4];
      std::memcpy(codes, &x.lane[i], sizeof(codes));
      std::memcpy(weights, &w.lane[i], sizeof(weights));
      auto sum = static_cast<uint32_t>(sums.lane[i]);
      for (size_t k = 0; k < 4; ++k) {
        sum += static_cast<uint32_t>(int32_t{codes[k]} * int32_t{weights[k]});
      }
      sums.lane[i] = static_cast<int32_t>(sum);
    }
    return sums;
  }

  struct Limits {
    Limits(const DepthwiseQuads& job, int64_t channel)
        : low(job.low), high(job.high), zero_point(job.zero_point), valid(job.valid - channel) {}
    float low, high;
    int32_t zero_point;
    int64_t valid;
  };
  static void StoreCodes(const Int (&sums)[4], const float* scales, const Limits& limits,
                         uint8_t* to) {
    for (int64_t c = 0; c < 16; ++c) {
      const float sum = static_cast<float>(sums[c / 4].lane[c % 4]);
      const float code = Clamped(sum * scales[c / 4 * 16 + c % 4], limits.low, limits.high);
      const auto rounded = static_cast<int32_t>(std::nearbyint(code)) + limits.zero_point;
      to[c] = c < limits.valid ? static_cast<uint8_t>(rounded) : uint8_t{0};
    }
  }
};

DepthwiseQuadsFn PlainQuads() noexcept { return &CodeQuads<Plain>::Run; }

ConvVariant General() { return DepthwiseConvU8(); }

// Rows of outputs that the weights of a column are there for.
int64_t RowsAtOnce(const ConvShape& s) { return s.sh == 1 ? 2 : 1; }

// What is packed of 64 channels.
struct Header {
  int32_t sets;  // that make up the weights; 0: they do not
  int32_t unused[15];
  int32_t weight_sums[kCodes];
};
constexpr int64_t kMostSets = 2;

int64_t SetBytes(const ConvShape& s) { return RowsAtOnce(s) * s.kw * kQuadColumn; }
int64_t BlockBytes(const ConvShape& s) {
  return static_cast<int64_t>(sizeof(Header)) + kMostSets * SetBytes(s);
}
int64_t QuadsOffset(const ConvShape& s) { return static_cast<int64_t>(General().packed_bytes(s)); }

bool Supports(const ConvShape& s) {
  return General().supports(s) && s.kh == 3 && s.kw == 3 && s.sh == s.sw && s.sh <= 2 &&
         s.dh == 1 && s.dw == 1;
}

size_t PackedBytes(const ConvShape& s) {
  return static_cast<size_t>(QuadsOffset(s) + BlockCount(s.ic, kCodes) * BlockBytes(s));
}

// Of channel `c` of a block: how many sets its weights need, which are written.
int32_t PackChannel(const ConvShape& s, const int16_t* weights, int64_t c, int8_t* to) {
  int32_t sets = 1;
  for (int64_t i = 0; i < s.kh; ++i) {
    for (int64_t j = 0; j < s.kw; ++j) {
      const int32_t w = weights[i * s.kw + j];
      const int32_t part = std::clamp(w, -128, 127), rest = w - part;
      if (rest < -128 || rest > 127) return 0;
      if (rest != 0) sets = 2;
      for (int64_t row = 0; row < RowsAtOnce(s); ++row) {
        int8_t* at = to + (row * s.kw + j) * kQuadColumn + QuadPlaceOf(c) * 4 + row + i;
        at[0] = static_cast<int8_t>(part);
        at[SetBytes(s)] = static_cast<int8_t>(rest);
      }
    }
  }
  return sets;
}

void Pack(const ConvShape& s, const void* oihw, void* packed) {
  std::memset(packed, 0, PackedBytes(s));
  General().pack(s, oihw, packed);
  const auto* weights = static_cast<const int16_t*>(oihw);
  auto* block = static_cast<std::byte*>(packed) + QuadsOffset(s);
  for (int64_t first = 0; first < s.ic; first += kCodes, block += BlockBytes(s)) {
    Header header = {.sets = 1, .unused = {}, .weight_sums = {}};
    auto* sets = reinterpret_cast<int8_t*>(block + sizeof(Header));
    for (int64_t c = 0; c < std::min(kCodes, s.ic - first); ++c) {
      const int16_t* of_channel = weights + (first + c) * s.kh * s.kw;
      for (int64_t tap = 0; tap < s.kh * s.kw; ++tap) header.weight_sums[c] += of_channel[tap];
      const int32_t needed = PackChannel(s, of_channel, c, sets);
      header.sets = needed == 0 || header.sets == 0 ? 0 : std::max(header.sets, needed);
    }
    std::memcpy(block, &header, sizeof(header));
  }
}

// What a block's rows share; false where quads do not compute it.
bool FillBlock(const ConvShape& s, const ConvArgs& args, int64_t block, DepthwiseQuads& job) {
  const auto* packed =
      static_cast<const std::byte*>(args.packed) + QuadsOffset(s) + block * BlockBytes(s);
  const auto& header = *reinterpret_cast<const Header*>(packed);
  const Requantisation& r = args.epilogue.requantisation;
  if (header.sets == 0 || args.epilogue.activation != Activation::kNone) return false;
  job.sets = header.sets;
  job.weights = reinterpret_cast<const int8_t*>(packed + sizeof(Header));
  job.valid = std::min(kCodes, s.ic - block * kCodes);
  for (int64_t c = 0; c < kCodes; ++c) {
    const int64_t channel = block * kCodes + c, place = QuadPlaceOf(c);
    const bool there = c < job.valid;
    const int32_t bias = there && args.integer_bias != nullptr ? args.integer_bias[channel] : 0;
    job.bias[place] = static_cast<int32_t>(static_cast<uint32_t>(bias) -
                                           static_cast<uint32_t>(header.weight_sums[c]) *
                                               static_cast<uint32_t>(args.input_zero_point));
    job.scales[place] = !there ? 0.0f : r.scales != nullptr ? r.scales[channel] : r.scale;
    if (!std::isfinite(job.scales[place])) return false;
  }
  return true;
}

template <DepthwiseQuadsFn (*kProduct)() noexcept>
void Run(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
         void* scratch) noexcept {
  const int64_t parts = CodeRowParts(s), blocks = BlockCount(s.ic, kCodes);
  const int64_t plane_bytes = s.oh * s.ow * kCodes;
  const int64_t image = args.output_stride != 0 ? args.output_stride : blocks * plane_bytes;
  DepthwiseQuads job;
  job.columns = s.iw;
  job.rows = s.ih;
  job.pad_top = s.pad_top;
  job.pad_left = s.pad_left;
  job.stride = s.sw;
  job.out_columns = s.ow;
  job.outside = static_cast<const uint8_t*>(scratch);
  job.low = CodesOf(args.epilogue).low;
  job.high = CodesOf(args.epilogue).high;
  job.zero_point = args.epilogue.requantisation.zero_point;
  const auto outside_bytes = static_cast<size_t>(s.iw * kCodes);
  bool outside = false;  // is filled: other ways have other uses for the scratch
  while (begin < end) {
    const int64_t plane = begin / parts;
    const int64_t last = std::min(end, (plane + 1) * parts);
    if (!FillBlock(s, args, plane % blocks, job)) {
      General().run(s, args, begin, last, scratch);
      outside = false;
    } else {
      if (!outside) std::memset(scratch, args.input_zero_point, outside_bytes);
      outside = true;
      job.out_rows = {EvenPart(s.oh, parts, begin % parts).begin,
                      EvenPart(s.oh, parts, (last - 1) % parts).end};
      job.in = static_cast<const uint8_t*>(args.input) + plane * s.ih * s.iw * kCodes;
      job.out = static_cast<uint8_t*>(args.output) + plane / blocks * image +
                plane % blocks * plane_bytes + job.out_rows.begin * s.ow * kCodes;
      kProduct()(job);
    }
    begin = last;
  }
}

PackedFormat Format(const ConvShape& s) {
  PackedFormat format =
      ConvFormat(s.sh == 1 ? "depthwise-quads" : "depthwise-quads-strided", kPixelBytes, s);
  format.type = ElementType::kInt8;
  return format;
}

// Twice as many products at once as pairs of int16.
Work WorkOf(const ConvShape& s, int threads) {
  Work work = General().work(s, threads);
  for (WorkStage& stage : work.stages) {
    for (Operations& operations : stage.operations) operations.count /= 2;
  }
  return work;
}

ConvVariant Variant(const char* id, CpuFeatures needs, ConvRunFn run) {
  ConvVariant variant = General();
  variant.id = id;
  variant.needs = needs;
  variant.supports = &Supports;
  variant.work = &WorkOf;
  variant.packed_format = &Format;
  variant.packed_bytes = &PackedBytes;
  variant.pack = &Pack;
  variant.scratch_bytes = [](const ConvShape& s) {
    return std::max(General().scratch_bytes(s), static_cast<size_t>(s.iw * kCodes));
  };
  variant.run = run;
  variant.revision = 1;
  return variant;
}

}  // namespace

ConvVariant DepthwiseQuadsConvU8() {
  return Variant("conv/depthwise_quads_u8", {CpuFeature::kAvx512Vnni},
                 &Run<&DepthwiseQuadsAvx512Vnni>);
}
ConvVariant PlainDepthwiseQuadsConvU8() {
  return Variant("conv/plain_depthwise_quads_u8", {}, &Run<&PlainQuads>);
}

}  // namespace kinglet::kernels
