#include "converters/npy/npy_format.h"

#include <charconv>
#include <cstring>
#include <optional>

namespace kinglet::converters {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr std::size_t kMaxHeaderBytes = 64 * 1024;
constexpr std::size_t kMaxRank = 64;

[[noreturn]] void Bad(const Place& place, const std::string& what) {
  Fail(ErrorCode::kInvalidInput, place, what);
}

struct Descr {
  std::string_view text;  // without the byte order
  DataType type;
};

constexpr Descr kDescrs[] = {
    {"f4", DataType::kFloat32}, {"f8", DataType::kFloat64}, {"f2", DataType::kFloat16},
    {"i1", DataType::kInt8},    {"i2", DataType::kInt16},   {"i4", DataType::kInt32},
    {"i8", DataType::kInt64},   {"u1", DataType::kUInt8},   {"u2", DataType::kUInt16},
    {"u4", DataType::kUInt32},  {"u8", DataType::kUInt64},  {"b1", DataType::kBool},
};

DataType TypeOf(std::string_view descr, const Place& place) {
  const std::string shown = "holds elements of type " + Quoted(descr);
  if (descr.empty()) Bad(place, "the header has an empty element type");
  const char order = descr.front();
  const std::string_view kind = descr.substr(1);
  for (const Descr& known : kDescrs) {
    if (known.text != kind) continue;
    if (order == '<' || order == '|' || order == '=') return known.type;
    if (order == '>' && DataTypeSize(known.type) == 1) return known.type;
    if (order == '>') Bad(place, shown + ", which is big-endian; save it as little-endian");
  }
  if (kind.substr(0, 1) == "O") Bad(place, shown + ": Python objects; save an array of numbers");
  Bad(place, shown + "; supported are float64/32/16, integers of 8 to 64 bits and bool");
}

// The Python literal {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const Place& place) : text_(text), place_(place) {}

  void Parse() {
    Expect('{');
    while (!Take('}')) {
      const std::string_view key = String();
      Expect(':');
      if (key == "descr" && !descr_) {
        if (Peek() == '[') Bad(place_, "holds structures; save an array of numbers");
        descr_ = TypeOf(String(), place_);
      } else if (key == "fortran_order" && !fortran_) {
        fortran_ = Bool();
      } else if (key == "shape" && !shape_) {
        shape_ = Tuple();
      } else {
        Bad(place_, "the header has the unexpected key " + Quoted(key));
      }
      if (Take(',')) continue;
      Expect('}');
      break;
    }
    if (Peek() != '\0') Malformed("nothing more");
    if (!descr_ || !fortran_ || !shape_) {
      Bad(place_, "the header lacks one of descr, fortran_order and shape");
    }
    if (*fortran_ && shape_->size() > 1) {
      Bad(place_, "is in Fortran order; save it with numpy.ascontiguousarray");
    }
  }

  DataType type() const { return *descr_; }
  const Shape& shape() const { return *shape_; }

 private:
  // The next character that is no space, '\0' at the end.
  char Peek() {
    while (!text_.empty() && (text_[0] == ' ' || text_[0] == '\n')) text_.remove_prefix(1);
    return text_.empty() ? '\0' : text_[0];
  }
  bool Take(char c) {
    if (Peek() != c || text_.empty()) return false;
    text_.remove_prefix(1);
    return true;
  }
  void Expect(char c) {
    if (!Take(c)) Malformed(std::string("'") + c + "'");
  }
  [[noreturn]] void Malformed(const std::string& expected) {
    Bad(place_, "the header is malformed: expected " + expected + " at " + Quoted(text_));
  }
  std::string_view String() {
    const char quote = Peek();
    if (quote != '\'' && quote != '"') Malformed("a string");
    const std::size_t end = text_.find(quote, 1);
    if (end == std::string_view::npos) Malformed("the end of a string");
    const std::string_view string = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return string;
  }
  bool Bool() {
    Peek();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(0, word.size()) == word) {
        text_.remove_prefix(word.size());
        return value;
      }
    }
    Malformed("True or False");
  }
  Shape Tuple() {
    Shape shape;
    Expect('(');
    while (!Take(')')) {
      Peek();
      std::int64_t size = 0;
      const char* const begin = text_.data();
      const auto [end, error] = std::from_chars(begin, begin + text_.size(), size);
      if (error != std::errc() || size < 0) Malformed("a size from 0");
      text_.remove_prefix(static_cast<std::size_t>(end - begin));
      Take('L');  // Python 2 wrote long integers so
      if (shape.size() == kMaxRank) Bad(place_, "has more than 64 dimensions");
      shape.push_back(size);
      if (Take(',')) continue;
      Expect(')');
      break;
    }
    return shape;
  }

  std::string_view text_;
  const Place& place_;
  std::optional<DataType> descr_;
  std::optional<bool> fortran_;
  std::optional<Shape> shape_;
};

// Splits the header off: `bytes` are the elements afterwards.
std::string_view TakeHeader(std::string_view& bytes, const Place& place) {
  if (bytes.substr(0, kMagic.size()) != kMagic) Bad(place, "is no .npy file");
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const std::size_t length_bytes = bytes.size() > 6 && byte(6) == 1 ? 2 : 4;
  const std::size_t start = kMagic.size() + 2 + length_bytes;
  if (bytes.size() < start) Bad(place, "is cut within its header");
  if (byte(6) < 1 || byte(6) > 3) {
    Bad(place, "has format version " + std::to_string(byte(6)) + ", supported are 1 to 3");
  }
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) {
    length |= std::size_t{byte(kMagic.size() + 2 + i)} << (8 * i);
  }
  if (length > kMaxHeaderBytes) {
    Bad(place, "claims a header of " + std::to_string(length) + " bytes, more than the limit of " +
                   std::to_string(kMaxHeaderBytes));
  }
  if (length > bytes.size() - start) Bad(place, "is cut within its header");
  const std::string_view header = bytes.substr(start, length);
  bytes.remove_prefix(start + length);
  return header;
}

}  // namespace

Tensor ParseNpy(std::string_view bytes, const Place& place) {
  HeaderParser header(TakeHeader(bytes, place), place);
  header.Parse();
  std::uint64_t needed = DataTypeSize(header.type());
  bool empty = false;
  for (const std::int64_t dim : header.shape()) {
    if (dim == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(needed, static_cast<std::uint64_t>(dim), &needed)) {
      Bad(place, "has the shape " + ShapeToString(header.shape()) + ", too large to count");
    }
  }
  if (empty) needed = 0;
  if (needed != bytes.size()) {
    Bad(place, "holds " + std::to_string(bytes.size()) + " bytes of elements, expected " +
                   std::to_string(needed) + " for " + DataTypeName(header.type()) + " " +
                   ShapeToString(header.shape()));
  }
  Tensor tensor(header.type(), header.shape());
  if (needed == 0) return tensor;
  auto* const out = static_cast<unsigned char*>(tensor.raw());
  std::memcpy(out, bytes.data(), needed);
  if (header.type() == DataType::kBool) {
    for (std::size_t i = 0; i < needed; ++i) out[i] = out[i] != 0;
  }
  return tensor;
}

std::string NpyHeader(const Tensor& tensor, const Place& place) {
  std::string_view descr;
  for (const Descr& known : kDescrs) {
    if (known.type == tensor.type()) descr = known.text;
  }
  if (descr.empty()) {
    Bad(place, std::string("NumPy has no type for a tensor of ") + DataTypeName(tensor.type()));
  }
  std::string dict = std::string("{'descr': '") + (DataTypeSize(tensor.type()) == 1 ? "|" : "<") +
                     std::string(descr) + "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < tensor.shape().size(); ++i) {
    dict += (i > 0 ? ", " : "") + std::to_string(tensor.shape()[i]);
  }
  dict += tensor.shape().size() == 1 ? ",), }" : "), }";
  // Magic, version, and the length in 2 bytes precede; the elements start at a multiple of 64.
  const std::size_t before = kMagic.size() + 4;
  dict.append((64 - (before + dict.size() + 1) % 64) % 64, ' ');
  dict += '\n';
  if (dict.size() > 0xffff) Bad(place, "has too many dimensions for a .npy file");
  std::string header(kMagic);
  header +=
      {'\x01', '\x00', static_cast<char>(dict.size() & 0xff), static_cast<char>(dict.size() >> 8)};
  return header + dict;
}

}  // namespace kinglet::converters
