// Structure of a BMP file: checks where its parts lie and rewrites it with one form of header.
#include <algorithm>

#include "vision/decode/bytes.h"
#include "vision/decode/fail.h"
#include "vision/decode/formats.h"

namespace kinglet::vision {
namespace {

constexpr std::size_t kFileHeader = 14, kCoreHeader = 12, kInfoHeader = 40, kMasks = 12;
constexpr std::size_t kPalette = 256 * 4;
constexpr std::uint32_t kRgb = 0, kRle8 = 1, kRle4 = 2, kBitFields = 3;
constexpr std::size_t kBmpSlack = std::size_t{1} << 16;

struct BmpHeader {
  std::size_t header_bytes = 0, offset = 0;
  std::int64_t width = 0, height = 0;  // height: negative when the top row comes first
  unsigned bits = 0;
  std::uint32_t compression = kRgb;

  std::size_t RowBytes() const { return (static_cast<std::size_t>(width) * bits + 7) / 8; }
  std::size_t Stride() const { return (RowBytes() + 3) / 4 * 4; }
  std::size_t Rows() const { return static_cast<std::size_t>(height < 0 ? -height : height); }
};

BmpHeader ReadHeader(const Bytes& file, const std::string& name, const ImageLimits& limits) {
  BmpHeader h;
  h.offset = file.U32Le(10);
  h.header_bytes = file.U32Le(kFileHeader);
  constexpr std::size_t kKnown[] = {12, 40, 52, 56, 64, 108, 124};
  if (std::find(std::begin(kKnown), std::end(kKnown), h.header_bytes) == std::end(kKnown)) {
    Fail(ErrorCode::kUnsupported, name, "a BMP with a header of ", h.header_bytes,
         " bytes; 12, 40, 52, 56, 64, 108 and 124 are read");
  }
  if (!file.Has(kFileHeader, h.header_bytes)) {
    FailDamaged(name, "the BMP ends inside its header, after ", file.size(), " bytes");
  }
  const bool core = h.header_bytes == kCoreHeader;
  h.width = core ? static_cast<std::int64_t>(file.U16Le(18))
                 : static_cast<std::int64_t>(static_cast<std::int32_t>(file.U32Le(18)));
  h.height = core ? static_cast<std::int64_t>(file.U16Le(20))
                  : static_cast<std::int64_t>(static_cast<std::int32_t>(file.U32Le(22)));
  h.bits = file.U16Le(core ? 24 : 28);
  h.compression = core ? kRgb : file.U32Le(30);
  if (h.width < 0) FailDamaged(name, "a BMP of width ", h.width);
  CheckSize(h.width, h.height < 0 ? -h.height : h.height, name, limits);
  if (h.compression == kRle8 || h.compression == kRle4) {
    Fail(ErrorCode::kUnsupported, name, "a run-length coded BMP; convert it first");
  }
  const bool masks = h.compression == kBitFields;
  if (h.compression > kBitFields || (masks && h.bits != 16 && h.bits != 32)) {
    Fail(ErrorCode::kUnsupported, name, "a BMP of compression ", h.compression, " with ", h.bits,
         " bits per pixel; convert it first");
  }
  constexpr unsigned kBits[] = {1, 4, 8, 16, 24, 32};
  if (std::find(std::begin(kBits), std::end(kBits), h.bits) == std::end(kBits)) {
    Fail(ErrorCode::kUnsupported, name, "a BMP of ", h.bits,
         " bits per pixel; 1, 4, 8, 16, 24 and 32 are read");
  }
  return h;
}

void PutU16(std::vector<std::uint8_t>& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value));
  out.push_back(static_cast<std::uint8_t>(value >> 8));
}
void PutU32Le(std::vector<std::uint8_t>& out, std::uint32_t value) {
  PutU16(out, value & 0xFFFF);
  PutU16(out, value >> 16);
}
void Put(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// All 256 entries, black where the file has none, because the decoder looks up any index.
void PutPalette(std::vector<std::uint8_t>& out, const Bytes& file, const BmpHeader& h,
                const std::string& name) {
  const std::size_t entry = h.header_bytes == kCoreHeader ? 3 : 4;
  const std::size_t begin = kFileHeader + h.header_bytes;
  const std::size_t entries = std::min((h.offset - begin) / entry, std::size_t{1} << h.bits);
  if (entries == 0) FailDamaged(name, "a BMP of ", h.bits, " bits per pixel without a palette");
  for (std::size_t i = 0; i < entries; ++i) {
    Put(out, file.Part(begin + i * entry, 3));
    out.push_back(0);
  }
  out.resize(out.size() + kPalette - entries * 4);
}

// Header of 40 bytes, masks if any, palette if any, pixel rows with full padding.
std::vector<std::uint8_t> Rewrite(const Bytes& file, const BmpHeader& h, const std::string& name) {
  const bool masks = h.compression == kBitFields, palette = h.bits <= 8;
  const std::size_t offset =
      kFileHeader + kInfoHeader + (masks ? kMasks : 0) + (palette ? kPalette : 0);
  const std::size_t pixels = h.Stride() * h.Rows();
  std::vector<std::uint8_t> out;
  out.reserve(offset + pixels);
  Put(out, file.Part(0, 2));
  PutU32Le(out, 0);
  PutU32Le(out, 0);
  PutU32Le(out, static_cast<std::uint32_t>(offset));
  PutU32Le(out, kInfoHeader);
  PutU32Le(out, static_cast<std::uint32_t>(h.width));
  PutU32Le(out, static_cast<std::uint32_t>(h.height));
  PutU16(out, 1);
  PutU16(out, h.bits);
  PutU32Le(out, h.compression);
  out.resize(kFileHeader + kInfoHeader);
  if (masks) Put(out, file.Part(kFileHeader + kInfoHeader, kMasks));
  if (palette) PutPalette(out, file, h, name);
  Put(out, file.Part(h.offset, pixels));
  out.resize(offset + pixels);
  return out;
}

}  // namespace

CheckedPicture CheckBmp(std::span<const std::uint8_t> data, const std::string& name,
                        const ImageLimits& limits) {
  const Bytes file(data);
  const BmpHeader h = ReadHeader(file, name, limits);
  // The three masks are the header's next 12 bytes, or follow the header of 40.
  const bool masks = h.compression == kBitFields;
  const std::size_t header_end =
      kFileHeader + (masks ? std::max(h.header_bytes, kInfoHeader + kMasks) : h.header_bytes);
  if (h.offset < header_end || !file.Has(h.offset, 1)) {
    FailDamaged(name, "the BMP's pixels begin at byte ", h.offset, " of ", file.size());
  }
  const std::size_t needed = h.Stride() * (h.Rows() - 1) + h.RowBytes();
  if (!file.Has(h.offset, needed)) {
    FailDamaged(name, "a BMP of ", h.width, "x", h.Rows(), " pixels needs ", needed,
                " bytes of pixels, the file has ", file.size() - h.offset);
  }
  CheckedPicture picture;
  picture.width = static_cast<int>(h.width);
  picture.height = static_cast<int>(h.Rows());
  picture.rewritten = Rewrite(file, h, name);
  picture.encoded = picture.rewritten;
  picture.memory_budget = static_cast<std::size_t>(picture.width) * h.Rows() * 4 + kBmpSlack;
  return picture;
}

}  // namespace kinglet::vision
