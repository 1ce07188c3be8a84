// One self-contained page with what was found: words, tables and pictures. It needs no network, and
// is readable on a wide and on a narrow screen. Commands add their sections to it, one after the
// other.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "characterize/pictures/plot.h"

namespace kinglet::characterize {

struct ReportTable {
  struct Column {
    std::string heading;
    bool right = false;  // numbers
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows{};  // of as many cells as there are columns
  std::string caption{};                         // "": none
  bool folded = false;  // shown when the reader opens it; for long ones, which need a caption
};

// All text is plain text: what looks like markup is shown as it is.
class Report {
 public:
  explicit Report(std::string title);

  // Level 1: a part of the page, which its table of contents names; 2: within that.
  void AddHeading(const std::string& text, int level = 1);
  void AddParagraph(const std::string& text);
  void AddList(const std::vector<std::string>& items);
  // Names and values, as of a machine.
  void AddFacts(const std::vector<std::pair<std::string, std::string>>& facts);
  void AddTable(const ReportTable& table);
  // The panels beside one another where there is room, each as wide as a narrow screen elsewhere
  // (those of more than 640 pixels scroll there); the plot's title is not shown, the caption is.
  // Throws as DrawSvg does.
  void AddPicture(const Plot& plot, const std::string& caption);

  std::string Html() const;
  // Throws Error(kIo).
  void Write(const std::string& path) const;

 private:
  std::string title_;
  std::string body_;
  std::vector<std::string> parts_;  // headings of level 1
  std::size_t pictures_ = 0;
};

}  // namespace kinglet::characterize
