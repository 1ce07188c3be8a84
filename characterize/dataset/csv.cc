// Rows as text.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "characterize/dataset/dataset.h"
#include "kinglet/error.h"

namespace kinglet::characterize {
namespace {

constexpr std::size_t kMaxTextCell = 4096;

void AppendCell(std::string_view text, std::string& line) {
  if (!line.empty() && line.back() != '\n') line += ',';
  if (text.find_first_of(",\"\r\n") == text.npos) {
    line += text;
    return;
  }
  line += '"';
  for (const char c : text) {
    if (c == '"') line += '"';
    line += c == '\n' || c == '\r' ? ' ' : c;
  }
  line += '"';
}

std::string NumberText(double value) { return fmt::format("{:.9g}", value); }

// One line of cells, with what errors say.
class LineReader {
 public:
  LineReader(std::string_view line, std::string where) : line_(line), where_(std::move(where)) {}

  std::string Next(const char* column) {
    if (ended_) Refuse(column, "a value", "the end of the line");
    std::string cell;
    if (at_ < line_.size() && line_[at_] == '"') {
      ReadQuoted(column, cell);
    } else {
      const std::size_t comma = std::min(line_.find(',', at_), line_.size());
      cell = line_.substr(at_, comma - at_);
      at_ = comma;
    }
    ended_ = at_ >= line_.size();
    if (!ended_ && line_[at_++] != ',') Refuse(column, "a comma behind it", "more");
    return cell;
  }
  void Finish() const {
    if (!ended_) Refuse("the last", "the end of the line", "more values");
  }
  [[noreturn]] void Refuse(const std::string& column, const std::string& expected,
                           const std::string& found) const {
    throw Error(ErrorCode::kInvalidInput, fmt::format("{}: column '{}': expected {}, found {}",
                                                      where_, column, expected, found));
  }

 private:
  void ReadQuoted(const char* column, std::string& cell) {
    for (++at_; at_ < line_.size(); ++at_) {
      if (line_[at_] != '"') {
        cell += line_[at_];
      } else if (at_ + 1 < line_.size() && line_[at_ + 1] == '"') {
        cell += line_[at_++];
      } else {
        ++at_;
        return;
      }
    }
    Refuse(column, "a closing quote", "the end of the line");
  }

  std::string_view line_;
  std::string where_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

DataRow ParseRow(std::string_view line, const std::string& where) {
  LineReader reader(line, where);
  DataRow row;
  for (std::size_t i = 0; i < row.texts.size(); ++i) {
    row.texts[i] = reader.Next(kTextColumns[i].name);
    if (row.texts[i].size() > kMaxTextCell) {
      reader.Refuse(kTextColumns[i].name, "a shorter text", "a longer one");
    }
  }
  for (std::size_t i = 0; i < row.numbers.size(); ++i) {
    const std::string cell = reader.Next(kNumberColumns[i].name);
    const auto [end, error] =
        std::from_chars(cell.data(), cell.data() + cell.size(), row.numbers[i]);
    const bool read = error == std::errc() && end == cell.data() + cell.size();
    if (!read || !std::isfinite(row.numbers[i]) || row.numbers[i] < 0) {
      reader.Refuse(kNumberColumns[i].name, "a number from 0", "'" + cell.substr(0, 60) + "'");
    }
  }
  reader.Finish();
  const std::string& kind = row[RowText::kKind];
  constexpr const char* kKinds[] = {"network", "layer", "alternative", "done", "failed"};
  if (std::find(std::begin(kKinds), std::end(kKinds), kind) == std::end(kKinds)) {
    reader.Refuse("kind", "network, layer, alternative, done or failed",
                  "'" + kind.substr(0, 60) + "'");
  }
  return row;
}

}  // namespace

std::string HeadingText() {
  std::string line;
  for (const TextColumn& column : kTextColumns) AppendCell(column.name, line);
  for (const NumberColumn& column : kNumberColumns) AppendCell(column.name, line);
  return line + '\n';
}

std::string RowsText(const std::vector<DataRow>& rows) {
  std::string text;
  for (const DataRow& row : rows) {
    std::string line;
    AppendCell(row.texts[0], line);
    for (std::size_t i = 1; i < row.texts.size(); ++i) AppendCell(row.texts[i], line);
    for (const double number : row.numbers) AppendCell(NumberText(number), line);
    text += line + '\n';
  }
  return text;
}

std::vector<DataRow> ParseRows(std::string_view text, const std::string& source,
                               std::size_t first_line) {
  std::vector<DataRow> rows;
  for (std::size_t line = first_line; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view row = text.substr(0, end);
    if (row.ends_with('\r')) row.remove_suffix(1);
    rows.push_back(ParseRow(row, fmt::format("{}: line {}", source, line)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return rows;
}

}  // namespace kinglet::characterize
