#include "apps/cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "apps/cli/progress.h"

namespace kinglet::cli {

void Print(std::string_view text) {
  Progress::Hide();
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

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  for (Column& column : columns_) column.width = std::max(column.width, column.heading.size());
}

void Table::Add(std::vector<std::string> cells) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    columns_[i].width = std::max(columns_[i].width, DisplayWidth(cells[i]));
  }
  rows_.push_back(std::move(cells));
}

std::string Table::Line(const std::vector<std::string>& cells) const {
  std::string line;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::size_t width = DisplayWidth(cells[i]);
    const std::string padding(columns_[i].width > width ? columns_[i].width - width : 0, ' ');
    if (i > 0) line += "  ";
    line += columns_[i].right ? padding + cells[i] : cells[i] + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

std::string Table::HeadingLine() const {
  std::vector<std::string> cells;
  for (const Column& column : columns_) cells.push_back(column.heading);
  return Line(cells);
}

std::string Table::Text() const {
  std::string text = HeadingLine();
  for (const auto& row : rows_) text += Line(row);
  return text;
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
