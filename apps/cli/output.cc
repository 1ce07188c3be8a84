#include "apps/cli/output.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/cli/input_file.h"
#include "apps/cli/progress.h"
#include "kinglet/error.h"

namespace kinglet::cli {

void Print(std::string_view printed) {
  Progress::Hide();
  const std::string text = WithShownNames(printed);
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (std::fflush(stdout) == 0 && written) return;
  const bool gone = errno == EPIPE;
  throw PrintFailure(std::string("standard output cannot be written: ") + std::strerror(errno),
                     gone);
}

std::string JsonLine(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::size_t DisplayWidth(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // not a continuation byte
  }));
}

std::size_t OutputWidth() {
  constexpr std::size_t kDefault = 80, kLeast = 20, kMost = 10'000;
  if (const char* columns = std::getenv("COLUMNS")) {
    std::size_t width = 0;
    const char* end = columns + std::strlen(columns);
    const auto result = std::from_chars(columns, end, width);
    if (result.ec == std::errc() && result.ptr == end && width > 0) {
      return std::clamp(width, kLeast, kMost);
    }
  }
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    return std::max<std::size_t>(size.ws_col, kLeast);
  }
  return kDefault;
}

namespace {

// Where code point number `count` begins.
std::size_t OffsetOf(std::string_view text, std::size_t count) {
  std::size_t offset = 0;
  for (; offset < text.size(); ++offset) {
    const bool begins = (static_cast<unsigned char>(text[offset]) & 0xC0) != 0x80;
    if (begins && count-- == 0) break;
  }
  return offset;
}

}  // namespace

std::string Shortened(std::string_view text, std::size_t width) {
  constexpr std::string_view kDots = "...";
  const std::size_t length = DisplayWidth(text);
  if (length <= width) return std::string(text);
  if (width <= kDots.size()) return std::string(text.substr(0, OffsetOf(text, width)));
  const std::size_t kept = width - kDots.size();
  const std::size_t head = kept / 3;
  std::string shortened(text.substr(0, OffsetOf(text, head)));
  shortened += kDots;
  shortened += text.substr(OffsetOf(text, length - (kept - head)));
  return shortened;
}

std::vector<std::string> Wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    std::string& line = lines.back();
    if (line.empty()) {
      line = word;
    } else if (DisplayWidth(line) + 1 + DisplayWidth(word) <= width) {
      line += ' ';
      line += word;
    } else {
      lines.emplace_back(word);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

namespace {

constexpr std::size_t kGap = 2;             // between columns
constexpr std::size_t kLeastShortened = 8;  // columns that a shortened text keeps

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  for (Column& column : columns_) {
    column.width = std::max(column.width, DisplayWidth(column.heading));
  }
  FitToOutput();
}

void Table::Add(std::vector<std::string> cells) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    columns_[i].width = std::max(columns_[i].width, DisplayWidth(cells[i]));
  }
  rows_.push_back(std::move(cells));
}

void Table::FitToOutput() {
  std::size_t total = kGap * (columns_.size() - 1);
  for (const Column& column : columns_) total += column.width;
  const auto narrower = [](const Column& a, const Column& b) {
    const auto spare = [](const Column& column) {
      const std::size_t least = std::max(kLeastShortened, DisplayWidth(column.heading));
      return column.fit == Fit::kNever || column.width <= least ? 0 : column.width;
    };
    return spare(a) < spare(b);
  };
  for (const std::size_t most = OutputWidth(); total > most; --total) {
    Column& widest = *std::max_element(columns_.begin(), columns_.end(), narrower);
    if (!narrower(Column{}, widest)) return;  // there is nothing more to take
    --widest.width;
  }
}

std::string Table::Line(const std::vector<std::string>& cells) const {
  std::string line;
  std::vector<std::string> rest;  // of a cell that goes on in further lines
  std::size_t begin = 0;          // of that cell
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const Column& column = columns_[i];
    std::string cell = cells[i];
    if (column.fit == Fit::kShorten) cell = Shortened(cell, column.width);
    if (column.fit == Fit::kWrap) {
      rest = Wrapped(cell, column.width);
      cell = rest.front();
    }
    const std::size_t width = DisplayWidth(cell);
    const std::string padding(column.width > width ? column.width - width : 0, ' ');
    if (i > 0) line.append(kGap, ' ');
    if (column.fit == Fit::kWrap) begin = DisplayWidth(line);
    line += column.right ? padding + cell : cell + padding;
  }
  const auto end_line = [&] {
    line.erase(line.find_last_not_of(' ') + 1);
    line += '\n';
  };
  end_line();
  for (std::size_t i = 1; i < rest.size(); ++i) {
    line += std::string(begin, ' ') + rest[i];
    end_line();
  }
  return line;
}

std::string Table::HeadingLine() const {
  std::vector<std::string> cells;
  for (const Column& column : columns_) cells.push_back(column.heading);
  return Line(cells);
}

std::string Table::Text() {
  FitToOutput();
  std::string text = HeadingLine();
  for (const auto& row : rows_) text += Line(row);
  return text;
}

void CheckOutputFile(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    throw Error(ErrorCode::kIo, path + ": is a folder; name a file in it");
  }
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) != 0) {
    throw Error(ErrorCode::kIo, path + ": cannot be written: " + std::strerror(errno));
  }
}

std::string Thousands(long long value) {
  std::string digits = std::to_string(value);
  for (std::size_t i = digits.size(); i > 3 && digits[i - 4] != '-';) {
    i -= 3;
    digits.insert(i, 1, ',');
  }
  return digits;
}

std::string Bytes(std::size_t bytes) {
  constexpr double kKibi = 1024.0;
  const double value = static_cast<double>(bytes);
  if (value < kKibi) return fmt::format("{} bytes", bytes);
  if (value < kKibi * kKibi) return fmt::format("{:.1f} KiB", value / kKibi);
  if (value < kKibi * kKibi * kKibi) return fmt::format("{:.1f} MiB", value / (kKibi * kKibi));
  return fmt::format("{:.2f} GiB", value / (kKibi * kKibi * kKibi));
}

}  // namespace kinglet::cli
