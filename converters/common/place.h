// Where in a model the reader is, for its messages.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kinglet/error.h"

namespace kinglet::converters {

// The text on one line: control characters and bytes that are not UTF-8 are written as \xNN.
std::string Printable(std::string_view text);
// The same, cut to what fits in a message.
std::string Shortened(std::string_view text);
// 'name', shortened.
std::string Quoted(std::string_view name);

// " (no such file)": what an error number of the system means, behind a message.
std::string ErrnoText(int error);

// A chain on the stack: it costs nothing until an error is worded. The texts are not copied.
class Place {
 public:
  explicit Place(std::string_view source) : kind_(source) {}
  Place(const Place& parent, std::string_view kind, std::string_view name = {},
        std::int64_t index = -1, std::string_view op = {})
      : parent_(&parent), kind_(kind), name_(name), op_(op), index_(index) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  // "model.onnx: graph 'g': node 3 'conv1' (Conv)".
  std::string Text() const;

 private:
  std::string Own() const;

  const Place* parent_ = nullptr;
  std::string_view kind_;
  std::string_view name_;
  std::string_view op_;
  std::int64_t index_ = -1;
};

[[noreturn]] void Fail(ErrorCode code, const Place& place, const std::string& what);
[[noreturn]] inline void Invalid(const Place& place, const std::string& what) {
  Fail(ErrorCode::kInvalidModel, place, what);
}
[[noreturn]] inline void Unsupported(const Place& place, const std::string& what) {
  Fail(ErrorCode::kUnsupported, place, what);
}

}  // namespace kinglet::converters
