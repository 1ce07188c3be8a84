// The first picture of a GIF file (GIF89a, https://www.w3.org/Graphics/GIF/spec-gif89a.txt).
// Whether a file is whole shows only when it is decoded, so that it is decoded here.
#include <algorithm>
#include <array>

#include "vision/decode/bytes.h"
#include "vision/decode/fail.h"
#include "vision/decode/formats.h"

namespace kinglet::vision {
namespace {

constexpr std::size_t kHeader = 13, kDescriptor = 10;
constexpr unsigned kExtension = 0x21, kImage = 0x2C, kTrailer = 0x3B;
constexpr int kMostBits = 12;
constexpr std::size_t kMostCodes = std::size_t{1} << kMostBits;

struct Frame {
  int left = 0, top = 0, width = 0, height = 0;
  bool interlaced = false;
  std::size_t table = 0, table_size = 0;  // where its colours are, and how many; 0: none
};

// Rows of a picture that come one after the other.
struct Pass {
  int first, step;
};

// Codes of the variable-length code of a GIF, from the bytes of its sub-blocks.
class Lzw {
 public:
  Lzw(int bits, const std::string& name) : clear_(1u << bits), bits_(bits), name_(name) {
    for (unsigned code = 0; code < clear_; ++code) {
      last_[code] = first_[code] = static_cast<std::uint8_t>(code);
      length_[code] = 1;
    }
    Clear();
  }

  // Decodes `data` until `indices` is full.
  void Decode(std::span<const std::uint8_t> data, std::span<std::uint8_t> indices) {
    std::size_t done = 0;
    std::uint32_t pending = 0;
    int count = 0;
    for (const std::uint8_t byte : data) {
      pending |= std::uint32_t{byte} << count;
      count += 8;
      while (count >= width_) {
        const unsigned code = pending & ((1u << width_) - 1);
        pending >>= width_;
        count -= width_;
        if (code == clear_) {
          Clear();
          continue;
        }
        if (code == clear_ + 1) return CheckFull(done, indices.size());
        done += Put(code, indices.subspan(done));
        if (done == indices.size()) return;
      }
    }
    CheckFull(done, indices.size());
  }

 private:
  void Clear() {
    next_ = clear_ + 2;
    width_ = bits_ + 1;
    before_ = -1;
  }

  void CheckFull(std::size_t done, std::size_t all) const {
    if (done == all) return;
    FailDamaged(name_, "the GIF has data of ", done, " pixels of ", all);
  }

  // The string of the code, as much of it as there is room for; returns how much that is.
  std::size_t Put(unsigned code, std::span<std::uint8_t> to) {
    const bool first = before_ < 0;
    const bool known = first ? code < clear_ : code < next_;
    if (!known && (first || code != next_ || next_ >= kMostCodes)) {
      FailDamaged(name_, "the GIF's data has a code that stands for nothing");
    }
    // The new string is the one before with the first index of this one.
    if (!first && next_ < kMostCodes) {
      const auto before = static_cast<unsigned>(before_);
      prefix_[next_] = static_cast<std::uint16_t>(before);
      first_[next_] = first_[before];
      last_[next_] = first_[known ? code : before];
      length_[next_] = static_cast<std::uint16_t>(length_[before] + 1);
      ++next_;
      if (next_ == std::size_t{1} << width_ && width_ < kMostBits) ++width_;
    }
    before_ = static_cast<int>(code);
    const std::size_t length = length_[code];
    unsigned at = code;
    for (std::size_t i = length; i-- > 0; at = prefix_[at]) {
      if (i < to.size()) to[i] = last_[at];
    }
    return std::min(length, to.size());
  }

  unsigned clear_;
  int bits_;
  const std::string& name_;
  int width_ = 0;
  std::size_t next_ = 0;
  int before_ = -1;
  std::array<std::uint16_t, kMostCodes> prefix_{}, length_{};
  std::array<std::uint8_t, kMostCodes> first_{}, last_{};
};

class Reader {
 public:
  Reader(std::span<const std::uint8_t> data, const std::string& name, const ImageLimits& limits)
      : file_(data), name_(name), limits_(limits) {}

  Image Read() {
    if (!file_.Has(0, kHeader)) FailCut();
    const unsigned flags = file_.U8(10);
    pos_ = kHeader;
    global_ = pos_;
    global_size_ = ReadTable(flags);
    const Frame frame = FindFrame();
    int width = static_cast<int>(file_.U16Le(6));
    int height = static_cast<int>(file_.U16Le(8));
    if (width == 0 || height == 0) {  // as some programs write it
      width = frame.width;
      height = frame.height;
    }
    CheckSize(width, height, name_, limits_);
    CheckSize(frame.width, frame.height, name_, limits_);
    const std::vector<std::uint8_t> indices = ReadIndices(frame);
    Image image{width, height, {}};
    image.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
    Fill(image);
    Draw(frame, indices, image);
    return image;
  }

 private:
  [[noreturn]] void FailCut() const {
    FailDamaged(name_, "the GIF ends too early, after ", file_.size(), " bytes");
  }

  // Skips the table of colours that the flags tell of; how many there are.
  std::size_t ReadTable(unsigned flags) {
    if ((flags & 0x80) == 0) return 0;
    const std::size_t colours = std::size_t{2} << (flags & 7);
    if (!file_.Has(pos_, 3 * colours)) FailCut();
    pos_ += 3 * colours;
    return colours;
  }

  // Goes to the end of the sub-blocks, and hands each one to `block`.
  template <typename Block>
  void ForEachBlock(Block&& block) {
    while (true) {
      if (!file_.Has(pos_, 1)) FailCut();
      const std::size_t bytes = file_.U8(pos_++);
      if (bytes == 0) return;
      if (!file_.Has(pos_, bytes)) FailCut();
      block(file_.Part(pos_, bytes));
      pos_ += bytes;
    }
  }

  Frame FindFrame() {
    while (true) {
      if (!file_.Has(pos_, 1)) FailCut();
      const unsigned kind = file_.U8(pos_);
      if (kind == kImage) break;
      if (kind == kTrailer) FailDamaged(name_, "the GIF has no picture");
      if (kind != kExtension) FailDamaged(name_, "the GIF has no block at byte ", pos_);
      pos_ += 2;
      ForEachBlock([](std::span<const std::uint8_t>) {});
    }
    if (!file_.Has(pos_, kDescriptor)) FailCut();
    const auto number = [&](std::size_t offset) {
      return static_cast<int>(file_.U16Le(pos_ + offset));
    };
    Frame frame{number(1), number(3), number(5), number(7)};
    const unsigned flags = file_.U8(pos_ + 9);
    frame.interlaced = (flags & 0x40) != 0;
    pos_ += kDescriptor;
    frame.table = pos_;
    frame.table_size = ReadTable(flags);
    if (frame.table_size == 0) {
      frame.table = global_;
      frame.table_size = global_size_;
    }
    if (frame.table_size == 0) {
      Fail(ErrorCode::kUnsupported, name_, "a GIF without a table of colours; convert it first");
    }
    return frame;
  }

  std::vector<std::uint8_t> ReadIndices(const Frame& frame) {
    const unsigned bits = file_.U8(pos_);
    if (!file_.Has(pos_++, 1)) FailCut();
    if (bits < 1 || bits > 8) FailDamaged(name_, "a GIF of ", bits, " bits for each pixel");
    std::vector<std::uint8_t> data;
    ForEachBlock([&](std::span<const std::uint8_t> block) {
      data.insert(data.end(), block.begin(), block.end());
    });
    const unsigned next = file_.U8(pos_);
    if (next != kTrailer && next != kExtension && next != kImage) FailCut();
    std::vector<std::uint8_t> indices(static_cast<std::size_t>(frame.width) *
                                      static_cast<std::size_t>(frame.height));
    Lzw(static_cast<int>(bits), name_).Decode(data, indices);
    return indices;
  }

  std::array<std::uint8_t, 3> Colour(std::size_t table, std::size_t size, std::size_t index) const {
    if (index >= size) return {};
    const auto colour = file_.Part(table + 3 * index, 3);
    return {colour[0], colour[1], colour[2]};
  }

  // Where the first picture does not cover the whole: the background.
  void Fill(Image& image) const {
    const std::array<std::uint8_t, 3> colour = Colour(global_, global_size_, file_.U8(11));
    for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = colour[i % 3];
  }

  void Draw(const Frame& frame, const std::vector<std::uint8_t>& indices, Image& image) const {
    constexpr Pass kWhole[] = {{0, 1}};
    constexpr Pass kInterlaced[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}};
    const auto width = static_cast<std::size_t>(frame.width);
    std::size_t from = 0;
    for (const Pass& pass :
         frame.interlaced ? std::span<const Pass>(kInterlaced) : std::span<const Pass>(kWhole)) {
      for (int y = pass.first; y < frame.height; y += pass.step, from += width) {
        DrawRow(frame, y, std::span(indices).subspan(from, width), image);
      }
    }
  }

  void DrawRow(const Frame& frame, int y, std::span<const std::uint8_t> indices,
               Image& image) const {
    if (frame.top + y >= image.height) return;
    for (int x = 0; x < frame.width && frame.left + x < image.width; ++x) {
      const auto colour =
          Colour(frame.table, frame.table_size, indices[static_cast<std::size_t>(x)]);
      std::copy(colour.begin(), colour.end(), image.row(frame.top + y) + 3 * (frame.left + x));
    }
  }

  Bytes file_;
  const std::string& name_;
  const ImageLimits& limits_;
  std::size_t pos_ = 0;
  std::size_t global_ = 0, global_size_ = 0;  // the table of colours for all pictures
};

}  // namespace

Image DecodeGif(std::span<const std::uint8_t> file, const std::string& name,
                const ImageLimits& limits) {
  return Reader(file, name, limits).Read();
}

}  // namespace kinglet::vision
