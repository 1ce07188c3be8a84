// Standard output that is complete or an error, and tables on it.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace kinglet::cli {

// Standard output cannot be written. Not an Error, so that no loop over input files takes it for
// the failure of one of them.
class PrintFailure : public std::runtime_error {
 public:
  // `quiet`: the reader went away; there is nobody to tell.
  PrintFailure(const std::string& message, bool quiet)
      : std::runtime_error(message), quiet_(quiet) {}
  bool quiet() const noexcept { return quiet_; }

 private:
  bool quiet_;
};

// Writes to standard output at once. Throws PrintFailure.
void Print(std::string_view text);

// The text of a JSON document on a line of its own; bytes that are no UTF-8 are replaced.
std::string JsonLine(const nlohmann::ordered_json& json);

// Columns a terminal needs for UTF-8 text, one for each code point.
std::size_t DisplayWidth(std::string_view text);

// Columns that output may take: COLUMNS of the environment, else those of the terminal, else 80.
std::size_t OutputWidth();

// The text in at most `width` columns: where it is longer, "..." stands for its middle, and of a
// path rather the end is kept.
std::string Shortened(std::string_view text, std::size_t width);

// The text in lines of at most `width` columns, cut at spaces; a word that is longer has a line of
// its own. At least one line.
std::vector<std::string> Wrapped(std::string_view text, std::size_t width);

// What a column of a table does with text that does not fit into OutputWidth().
enum class Fit {
  kNever,    // numbers: as wide as they are
  kShorten,  // names and paths: shortened in the middle, those of the widest column first
  kWrap,     // the last column: goes on in the next line
};

// Rows of cells under a heading; columns as wide as their widest cell, numbers to the right.
class Table {
 public:
  struct Column {
    std::string heading;
    bool right = false;
    std::size_t width = 0;  // at least; for tables that are printed row by row
    Fit fit = Fit::kNever;
  };

  explicit Table(std::vector<Column> columns);
  void Add(std::vector<std::string> cells);
  // All rows with the heading.
  std::string Text();
  std::string HeadingLine() const;
  // A row of a table whose widths are known before.
  std::string Line(const std::vector<std::string>& cells) const;

 private:
  void FitToOutput();

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Before work whose result goes into the file at `path`: throws Error(kIo) where its folder is not
// there or nothing can be written into it, and for a path that is a folder.
void CheckOutputFile(const std::string& path);

// 4253 -> "4,253".
std::string Thousands(long long value);
// 5242880 -> "5.0 MiB".
std::string Bytes(std::size_t bytes);

}  // namespace kinglet::cli
