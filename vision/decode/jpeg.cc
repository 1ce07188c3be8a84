// Structure of a JPEG file (ITU-T T.81): walks the markers and checks what the decoder relies on.
#include <algorithm>
#include <array>

#include "vision/decode/bytes.h"
#include "vision/decode/exif.h"
#include "vision/decode/fail.h"
#include "vision/decode/formats.h"

namespace kinglet::vision {
namespace {

enum Marker : unsigned {
  kSof0 = 0xC0,
  kSof1 = 0xC1,
  kSof2 = 0xC2,
  kDht = 0xC4,
  kJpg = 0xC8,
  kDac = 0xCC,
  kSof15 = 0xCF,
  kRst0 = 0xD0,
  kRst7 = 0xD7,
  kSoi = 0xD8,
  kEoi = 0xD9,
  kSos = 0xDA,
  kDqt = 0xDB,
  kDri = 0xDD,
  kApp1 = 0xE1,
  kApp14 = 0xEE,
  kTem = 0x01,
};

// A progressive file has about ten scans. Thousands of tiny ones over a large picture are a way to
// keep a decoder busy for minutes.
constexpr int kMaxScans = 100;
// The decoder's own state and tables.
constexpr std::size_t kDecoderState = std::size_t{1} << 17;

struct Component {
  unsigned id = 0, h = 0, v = 0, quant_table = 0;
  std::int64_t blocks_x = 0, blocks_y = 0;  // 8x8 blocks that hold samples
  int scans = 0;
};

class JpegWalker {
 public:
  JpegWalker(std::span<const std::uint8_t> file, const std::string& name, const ImageLimits& limits)
      : file_(file), name_(name), limits_(limits) {}

  CheckedPicture Run() {
    std::size_t pos = 2;
    while (true) {
      const unsigned marker = NextMarker(pos);
      if (marker == kEoi) break;
      if (marker == kTem || (marker >= kRst0 && marker <= kRst7)) continue;
      if (marker == kSoi) FailDamaged(name_, "a second JPEG start marker inside the picture");
      const std::size_t length = file_.U16Be(pos);
      if (length < 2 || !file_.Has(pos, length)) {
        FailDamaged(name_, "the JPEG segment at byte ", pos - 2, " claims ", length,
                    " bytes, of which ", file_.size() - std::min(pos, file_.size()),
                    " are in the file");
      }
      Segment(marker, Bytes(file_.Part(pos + 2, length - 2)), pos);
      pos += length;
      if (marker == kSos) pos = SkipScan(pos);
    }
    return Finish(pos);
  }

 private:
  // Moves behind the next marker and returns its code.
  unsigned NextMarker(std::size_t& pos) const {
    const std::uint8_t* const end = file_.data() + file_.size();
    while (pos < file_.size()) {
      const std::uint8_t* at = std::find(file_.data() + pos, end, std::uint8_t{0xFF});
      at = std::find_if(at, end, [](std::uint8_t byte) { return byte != 0xFF; });
      if (at == end) break;
      pos = static_cast<std::size_t>(at - file_.data()) + 1;
      if (*at != 0) return *at;
    }
    FailDamaged(name_, "the JPEG ends at byte ", file_.size(), " without an end marker");
  }

  void Segment(unsigned marker, const Bytes& body, std::size_t pos) {
    if (marker == kDht) {
      HuffmanTables(body);
    } else if (marker == kDqt) {
      QuantTables(body);
    } else if (marker >= kSof0 && marker <= kSof15 && marker != kJpg && marker != kDac) {
      Frame(marker, body);
    } else if (marker == kSos) {
      ScanHeader(body);
    } else if (marker == kDri) {
      if (body.size() != 2)
        FailDamaged(name_, "a JPEG restart interval of ", body.size(), " bytes");
    } else if (marker == kApp1 && !has_exif_ && body.StartsWith(0, {"Exif\0", 5})) {
      has_exif_ = true;
      orientation_ =
          ExifOrientation(file_.Part(pos + 8, body.size() - std::min<std::size_t>(6, body.size())));
    } else if (marker == kApp14 && body.StartsWith(0, "Adobe") && body.size() >= 12) {
      adobe_ = true;
    }
  }

  // Code lengths that overrun the symbols or the code space make the decoder write beyond its
  // tables.
  void HuffmanTables(const Bytes& body) {
    std::size_t pos = 0;
    while (pos < body.size()) {
      const unsigned kind = body.U8(pos) >> 4, index = body.U8(pos) & 15;
      std::size_t symbols = 0;
      unsigned codes = 0;
      bool fits = true;
      for (unsigned length = 1; length <= 16; ++length) {
        const unsigned count = body.U8(pos + length);
        symbols += count;
        codes = codes * 2 + count;
        if (codes > 1u << length) fits = false;
      }
      if (kind > 1 || index > 3 || symbols > 256 || !fits || !body.Has(pos, 17 + symbols)) {
        FailDamaged(name_, "a malformed JPEG Huffman table");
      }
      huffman_[kind][index] = true;
      pos += 17 + symbols;
    }
  }

  void QuantTables(const Bytes& body) {
    std::size_t pos = 0;
    while (pos < body.size()) {
      const unsigned precision = body.U8(pos) >> 4, index = body.U8(pos) & 15;
      const std::size_t bytes = precision == 0 ? 65 : 129;
      if (precision > 1 || index > 3 || !body.Has(pos, bytes)) {
        FailDamaged(name_, "a malformed JPEG quantization table");
      }
      quant_[index] = true;
      pos += bytes;
    }
  }

  void Frame(unsigned marker, const Bytes& body) {
    if (marker > kSof2) {
      Fail(ErrorCode::kUnsupported, name_,
           "a JPEG with lossless, hierarchical or arithmetic coding (SOF", marker - kSof0,
           "); baseline and progressive Huffman coding are read: convert it first");
    }
    if (count_ != 0) FailDamaged(name_, "a second JPEG frame header");
    progressive_ = marker == kSof2;
    const unsigned precision = body.U8(0), count = body.U8(5);
    if (body.size() < 6 || body.size() != 6 + 3 * count) {
      FailDamaged(name_, "a JPEG frame header of ", body.size(), " bytes for ", count,
                  " components");
    }
    if (precision != 8) {
      Fail(ErrorCode::kUnsupported, name_, "a JPEG of ", precision,
           " bits per sample; 8 are read: convert it first");
    }
    height_ = static_cast<int>(body.U16Be(1));
    width_ = static_cast<int>(body.U16Be(3));
    CheckSize(width_, height_, name_, limits_);
    if (count != 1 && count != 3 && count != 4) {
      Fail(ErrorCode::kUnsupported, name_, "a JPEG of ", count,
           " components; 1 (gray), 3 and 4 (CMYK) are read: convert it first");
    }
    count_ = count;
    for (unsigned i = 0; i < count_; ++i) {
      Component& c = components_[i];
      const std::size_t at = 6 + 3 * i;
      c.id = body.U8(at);
      c.h = body.U8(at + 1) >> 4;
      c.v = body.U8(at + 1) & 15;
      c.quant_table = body.U8(at + 2);
      if (c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.quant_table > 3) {
        FailDamaged(name_, "JPEG component ", i, " has sampling ", c.h, "x", c.v, ", table ",
                    c.quant_table);
      }
      h_max_ = std::max(h_max_, c.h);
      v_max_ = std::max(v_max_, c.v);
    }
    for (unsigned i = 0; i < count_; ++i) {
      Component& c = components_[i];
      c.blocks_x = Blocks(width_, c.h, h_max_);
      c.blocks_y = Blocks(height_, c.v, v_max_);
    }
  }

  static std::int64_t Blocks(std::int64_t size, unsigned factor, unsigned largest) {
    return ((size * factor + largest - 1) / largest + 7) / 8;
  }
  static std::int64_t Mcus(std::int64_t size, std::int64_t factor) {
    return (size + 8 * factor - 1) / (8 * factor);
  }
  std::int64_t McusX() const { return Mcus(width_, h_max_); }
  std::int64_t McusY() const { return Mcus(height_, v_max_); }

  void ScanHeader(const Bytes& body) {
    if (count_ == 0) FailDamaged(name_, "a JPEG scan before the frame header");
    if (++scans_ > kMaxScans) {
      Fail(ErrorCode::kResource, name_, "a JPEG of more than ", kMaxScans, " scans");
    }
    const unsigned n = body.U8(0);
    if (n < 1 || n > count_ || body.size() != 4 + 2 * n) {
      FailDamaged(name_, "a JPEG scan header of ", body.size(), " bytes for ", n, " components");
    }
    const unsigned start = body.U8(1 + 2 * n), high = body.U8(3 + 2 * n) >> 4;
    const bool needs_dc = start == 0 && high == 0, needs_ac = !progressive_ || start != 0;
    std::int64_t blocks = 0;
    for (unsigned i = 0; i < n; ++i) {
      const unsigned id = body.U8(1 + 2 * i), tables = body.U8(2 + 2 * i);
      Component* c = std::find_if(components_.data(), components_.data() + count_,
                                  [id](const Component& it) { return it.id == id; });
      if (c == components_.data() + count_) {
        FailDamaged(name_, "a JPEG scan of component ", id, ", which the frame does not have");
      }
      const unsigned dc = tables >> 4, ac = tables & 15;
      if (dc > 3 || ac > 3 || (needs_dc && !huffman_[0][dc]) || (needs_ac && !huffman_[1][ac]) ||
          !quant_[c->quant_table]) {
        FailDamaged(name_, "a JPEG scan uses a table that is not in the file");
      }
      if (!progressive_ && c->scans > 0) {
        FailDamaged(name_, "two JPEG scans of component ", id);
      }
      ++c->scans;
      blocks += n == 1 ? c->blocks_x * c->blocks_y : McusX() * McusY() * c->h * c->v;
    }
    // Each block takes at least one bit for its DC value and, in sequential files, one for AC.
    least_scan_bytes_ = needs_dc ? blocks * (progressive_ ? 1 : 2) / 8 : 0;
  }

  // The position of the marker that ends the entropy-coded data.
  std::size_t SkipScan(std::size_t begin) {
    std::size_t pos = begin;
    while (true) {
      std::size_t next = pos;
      const unsigned marker = NextMarker(next);
      pos = next;
      if (marker >= kRst0 && marker <= kRst7) continue;
      pos -= 2;
      break;
    }
    const std::int64_t found = static_cast<std::int64_t>(pos - begin);
    if (found < least_scan_bytes_) {
      FailDamaged(name_, "a JPEG of ", width_, "x", height_, " pixels with ", found,
                  " bytes in a scan, where at least ", least_scan_bytes_, " are needed");
    }
    return pos;
  }

  CheckedPicture Finish(std::size_t end) const {
    if (count_ == 0) FailDamaged(name_, "a JPEG without a frame header");
    std::size_t budget = kDecoderState;
    for (unsigned i = 0; i < count_; ++i) {
      const Component& c = components_[i];
      if (c.scans == 0) FailDamaged(name_, "no JPEG scan of component ", c.id);
      const std::int64_t samples = McusX() * McusY() * c.h * c.v * 64;
      budget += static_cast<std::size_t>(samples) * (progressive_ ? 3 : 1);
    }
    if (count_ == 4 && !adobe_) {
      Fail(ErrorCode::kUnsupported, name_,
           "a CMYK JPEG without an Adobe marker, so that its colours are ambiguous; convert it to "
           "RGB first");
    }
    CheckedPicture picture;
    picture.width = width_;
    picture.height = height_;
    picture.orientation = orientation_;
    picture.memory_budget =
        budget + static_cast<std::size_t>(width_) * (4 * static_cast<std::size_t>(height_) + 16);
    picture.encoded = file_.Part(0, end);
    return picture;
  }

  Bytes file_;
  const std::string& name_;
  const ImageLimits& limits_;
  std::array<Component, 4> components_;
  unsigned count_ = 0, h_max_ = 1, v_max_ = 1;
  int width_ = 0, height_ = 0, orientation_ = 1, scans_ = 0;
  bool progressive_ = false, adobe_ = false, has_exif_ = false;
  bool huffman_[2][4] = {}, quant_[4] = {};
  std::int64_t least_scan_bytes_ = 0;
};

}  // namespace

CheckedPicture CheckJpeg(std::span<const std::uint8_t> file, const std::string& name,
                         const ImageLimits& limits) {
  return JpegWalker(file, name, limits).Run();
}

}  // namespace kinglet::vision
