// Structure of a PNG file (ISO/IEC 15948): walks the chunks and rewrites those the decoder needs.
#include <algorithm>
#include <array>

#include "vision/decode/bytes.h"
#include "vision/decode/exif.h"
#include "vision/decode/fail.h"
#include "vision/decode/formats.h"

namespace kinglet::vision {
namespace {

constexpr std::size_t kSignature = 8, kMaxPalette = 256 * 3;
// Deflate cannot expand by more: 258 bytes from two bits.
constexpr std::uint64_t kMaxExpansion = 1032;
constexpr std::size_t kPngSlack = std::size_t{1} << 16;

std::array<std::uint32_t, 256> MakeCrcTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ (value & 1 ? 0xEDB88320u : 0u);
    table[i] = value;
  }
  return table;
}

std::uint32_t Crc(std::span<const std::uint8_t> bytes) {
  static const std::array<std::uint32_t, 256> table = MakeCrcTable();
  std::uint32_t crc = ~0u;
  for (const std::uint8_t byte : bytes) crc = table[(crc ^ byte) & 255] ^ (crc >> 8);
  return ~crc;
}

void PutU32Be(std::vector<std::uint8_t>& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(value >> shift));
}

struct PngHeader {
  std::int64_t width = 0, height = 0;
  unsigned depth = 0, color = 0;
  bool interlaced = false;

  unsigned Channels() const {
    constexpr unsigned kChannels[] = {1, 0, 3, 1, 2, 0, 4};
    return kChannels[color];
  }
  std::uint64_t RowBytes(std::int64_t pixels) const {
    return (static_cast<std::uint64_t>(pixels) * Channels() * depth + 7) / 8;
  }
  // Bytes of the decompressed stream: each row has one more for its filter.
  std::uint64_t RawBytes() const {
    if (!interlaced) return (RowBytes(width) + 1) * static_cast<std::uint64_t>(height);
    constexpr int kX0[] = {0, 4, 0, 2, 0, 1, 0}, kY0[] = {0, 0, 4, 0, 2, 0, 1};
    constexpr int kDx[] = {8, 8, 4, 4, 2, 2, 1}, kDy[] = {8, 8, 8, 4, 4, 2, 2};
    std::uint64_t bytes = 0;
    for (int pass = 0; pass < 7; ++pass) {
      const std::int64_t w = (width - kX0[pass] + kDx[pass] - 1) / kDx[pass];
      const std::int64_t h = (height - kY0[pass] + kDy[pass] - 1) / kDy[pass];
      if (w > 0 && h > 0) bytes += (RowBytes(w) + 1) * static_cast<std::uint64_t>(h);
    }
    return bytes;
  }
};

class PngWalker {
 public:
  PngWalker(std::span<const std::uint8_t> file, const std::string& name, const ImageLimits& limits)
      : file_(file), name_(name), limits_(limits) {}

  CheckedPicture Run() {
    std::size_t pos = kSignature;
    bool ended = false;
    for (bool first = true; !ended; first = false) {
      const std::size_t length = file_.U32Be(pos);
      if (!file_.Has(pos, 12) || !file_.Has(pos + 12, length)) {
        FailDamaged(name_, "the PNG chunk at byte ", pos, " goes beyond the end of the file (",
                    file_.size(), " bytes)");
      }
      const std::string type(reinterpret_cast<const char*>(file_.data()) + pos + 4, 4);
      if (first != (type == "IHDR")) {
        FailDamaged(name_, "the first PNG chunk, and no other, has to be IHDR; chunk at byte ",
                    pos);
      }
      Chunk(type, pos, length);
      ended = type == "IEND";
      pos += 12 + length;
    }
    return Finish();
  }

 private:
  void Chunk(const std::string& type, std::size_t pos, std::size_t length) {
    const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
    if (!std::all_of(type.begin(), type.end(), letter)) {
      FailDamaged(name_, "the PNG chunk at byte ", pos, " has no valid name");
    }
    const std::span<const std::uint8_t> body = file_.Part(pos + 8, length);
    if (type == "eXIf") orientation_ = ExifOrientation(body);
    if ((type[0] & 0x20) != 0) return;  // ancillary
    const std::uint32_t wanted = file_.U32Be(pos + 8 + length);
    if (wanted != Crc(file_.Part(pos + 4, length + 4))) {
      FailDamaged(name_, "the PNG chunk ", type, " at byte ", pos, " has a wrong checksum");
    }
    if (type == "IHDR") {
      ReadHeader(Bytes(body));
    } else if (type == "PLTE") {
      if (length == 0 || length % 3 != 0 || length > kMaxPalette) {
        FailDamaged(name_, "a PNG palette of ", length, " bytes");
      }
      palette_ = body;
    } else if (type == "IDAT") {
      data_.push_back(body);
      data_bytes_ += length;
    } else if (type != "IEND") {
      Fail(ErrorCode::kUnsupported, name_, "the PNG needs the unknown chunk ", type,
           " to be understood; convert it first");
    }
  }

  void ReadHeader(const Bytes& body) {
    if (body.size() != 13) FailDamaged(name_, "a PNG header of ", body.size(), " bytes");
    header_.width = body.U32Be(0);
    header_.height = body.U32Be(4);
    header_.depth = body.U8(8);
    header_.color = body.U8(9);
    CheckSize(header_.width, header_.height, name_, limits_);
    const unsigned depth = header_.depth, color = header_.color;
    const bool small = depth == 1 || depth == 2 || depth == 4;
    const bool known = (depth == 8 && (color <= 6 && color != 1 && color != 5)) ||
                       (depth == 16 && (color <= 6 && color % 2 == 0)) ||
                       (small && (color == 0 || color == 3));
    if (!known || body.U8(10) != 0 || body.U8(11) != 0 || body.U8(12) > 1) {
      FailDamaged(name_, "a PNG of colour type ", color, ", ", depth, " bits, compression ",
                  body.U8(10), ", filter ", body.U8(11), ", interlace ", body.U8(12));
    }
    header_.interlaced = body.U8(12) == 1;
  }

  CheckedPicture Finish() const {
    const bool indexed = header_.color == 3;
    if (indexed && palette_.empty()) FailDamaged(name_, "a palette PNG without a palette");
    const std::uint64_t raw = header_.RawBytes();
    if (data_bytes_ * kMaxExpansion + kPngSlack / 64 < raw) {
      FailDamaged(name_, "a PNG of ", header_.width, "x", header_.height, " pixels with ",
                  data_bytes_, " bytes of compressed data, too few for ", raw, " bytes");
    }
    CheckedPicture picture;
    picture.width = static_cast<int>(header_.width);
    picture.height = static_cast<int>(header_.height);
    picture.orientation = orientation_;
    Rewrite(picture.rewritten, indexed);
    picture.encoded = picture.rewritten;

    // At most: the compressed data, the decompressed stream in a buffer that doubles, and the
    // samples with a copy in another number of channels and another for interlacing.
    const std::uint64_t pixels = static_cast<std::uint64_t>(header_.width * header_.height);
    const std::uint64_t sample = header_.depth == 16 ? 2 : 1;
    const std::uint64_t decoded = pixels * sample * (header_.Channels() + 3);
    picture.memory_budget =
        static_cast<std::size_t>(data_bytes_ + 2 * raw + decoded + decoded / 2 + kPngSlack);
    return picture;
  }

  // Header, palette, one data chunk, end. No transparency: alpha is dropped anyway. The palette is
  // filled up with black, because the decoder looks up any index that a pixel has.
  void Rewrite(std::vector<std::uint8_t>& out, bool indexed) const {
    const auto chunk = [&out](std::string_view type, std::size_t length) {
      PutU32Be(out, static_cast<std::uint32_t>(length));
      out.insert(out.end(), type.begin(), type.end());
    };
    out.reserve(kSignature + 33 + kMaxPalette + 12 + data_bytes_ + 24);
    const auto head = file_.Part(0, kSignature + 25);
    out.insert(out.end(), head.begin(), head.end());
    if (indexed) {
      chunk("PLTE", kMaxPalette);
      out.insert(out.end(), palette_.begin(), palette_.end());
      out.insert(out.end(), kMaxPalette - palette_.size(), 0);
      PutU32Be(out, 0);  // checksums are not looked at again
    }
    chunk("IDAT", data_bytes_);
    for (const auto& part : data_) out.insert(out.end(), part.begin(), part.end());
    PutU32Be(out, 0);
    chunk("IEND", 0);
    PutU32Be(out, 0);
  }

  Bytes file_;
  const std::string& name_;
  const ImageLimits& limits_;
  PngHeader header_;
  int orientation_ = 1;
  std::span<const std::uint8_t> palette_;
  std::vector<std::span<const std::uint8_t>> data_;
  std::uint64_t data_bytes_ = 0;
};

}  // namespace

CheckedPicture CheckPng(std::span<const std::uint8_t> file, const std::string& name,
                        const ImageLimits& limits) {
  return PngWalker(file, name, limits).Run();
}

}  // namespace kinglet::vision
