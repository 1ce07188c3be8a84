#include "characterize/report/report.h"

#include <fmt/format.h>

#include "characterize/pictures/gnuplot.h"
#include "characterize/pictures/text.h"
#include "kinglet/file.h"

namespace kinglet::characterize {
namespace {

constexpr std::size_t kPartsWithContents = 3;  // from which there is a table of contents

constexpr int kPanelWidth = 520;
constexpr int kWidePanel = 640;  // from which a panel keeps its width and scrolls

// Text of 16 pixels, lines of at most about 90 characters, pictures in up to two columns; wide
// tables scroll by themselves.
constexpr const char* kStyle = R"(
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1260px; padding: 12px 16px 48px; background: #fff; color: #222;
  font: 16px/1.5 sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.7em; line-height: 1.25; margin: .4em 0 .6em; }
h2 { font-size: 1.35em; line-height: 1.3; margin: 1.8em 0 .5em; padding-top: .5em;
  border-top: 1px solid #ddd; }
h3 { font-size: 1.1em; margin: 1.4em 0 .4em; }
p, ul, nav { max-width: 46em; }
li { margin: .25em 0; }
a { color: #0b5394; }
.scroll { overflow-x: auto; margin: .8em 0; }
table { border-collapse: collapse; font-size: .92em; }
caption, summary, figcaption { text-align: left; color: #444; padding: .3em 0; }
th, td { padding: .25em .7em; border-bottom: 1px solid #e2e2e2; text-align: left;
  vertical-align: top; overflow-wrap: normal; }
thead th { border-bottom: 2px solid #999; vertical-align: bottom; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
summary { cursor: pointer; }
figure { margin: 1.2em 0; }
.panels { display: grid; gap: 12px 20px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr)); }
.panels svg { display: block; }
.panels .scroll { grid-column: 1 / -1; margin: 0; }
.panels .scroll svg { min-width: 680px; }
@media print { .panels > svg { break-inside: avoid; } }
)";

std::string CellClass(const ReportTable::Column& column) {
  return column.right ? " class=\"number\"" : "";
}

}  // namespace

Report::Report(std::string title) : title_(std::move(title)) {}

void Report::AddHeading(const std::string& text, int level) {
  if (level == 1) {
    parts_.push_back(text);
    body_ += fmt::format("<h2 id=\"part{}\">{}</h2>\n", parts_.size(), MarkupText(text));
  } else {
    body_ += fmt::format("<h3>{}</h3>\n", MarkupText(text));
  }
}

void Report::AddParagraph(const std::string& text) {
  body_ += fmt::format("<p>{}</p>\n", MarkupText(text));
}

void Report::AddList(const std::vector<std::string>& items) {
  if (items.empty()) return;
  body_ += "<ul>\n";
  for (const std::string& item : items) body_ += fmt::format("<li>{}</li>\n", MarkupText(item));
  body_ += "</ul>\n";
}

void Report::AddFacts(const std::vector<std::pair<std::string, std::string>>& facts) {
  body_ += "<div class=\"scroll\"><table>\n";
  for (const auto& [name, value] : facts) {
    body_ += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", MarkupText(name),
                         MarkupText(value));
  }
  body_ += "</table></div>\n";
}

void Report::AddTable(const ReportTable& table) {
  if (table.folded)
    body_ += fmt::format("<details><summary>{}</summary>\n", MarkupText(table.caption));
  body_ += "<div class=\"scroll\"><table>\n";
  if (!table.folded && !table.caption.empty()) {
    body_ += fmt::format("<caption>{}</caption>\n", MarkupText(table.caption));
  }
  body_ += "<thead><tr>";
  for (const ReportTable::Column& column : table.columns) {
    body_ +=
        fmt::format("<th scope=\"col\"{}>{}</th>", CellClass(column), MarkupText(column.heading));
  }
  body_ += "</tr></thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : table.rows) {
    body_ += "<tr>";
    for (std::size_t i = 0; i < row.size() && i < table.columns.size(); ++i) {
      body_ += fmt::format("<td{}>{}</td>", CellClass(table.columns[i]), MarkupText(row[i]));
    }
    body_ += "</tr>\n";
  }
  body_ += table.folded ? "</tbody></table></div></details>\n" : "</tbody></table></div>\n";
}

void Report::AddPicture(const Plot& plot, const std::string& caption) {
  body_ += "<figure><div class=\"panels\">\n";
  for (Panel panel : plot.panels) {
    const bool wide = panel.width > kWidePanel;
    if (!wide) {  // so that its text is legible on a narrow screen
      panel.height = panel.height * kPanelWidth / panel.width;
      panel.width = kPanelWidth;
    }
    const std::string svg = DrawSvg({.title = "", .panels = {panel}});
    const std::string shown = panel.title.empty() ? caption : panel.title + ": " + caption;
    const std::string inlined = InlineSvg(svg, fmt::format("picture{}_", ++pictures_), shown);
    body_ += wide ? "<div class=\"scroll\">" + inlined + "</div>" : inlined;
  }
  body_ += fmt::format("</div><figcaption>{}</figcaption></figure>\n", MarkupText(caption));
}

std::string Report::Html() const {
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      // Nothing is loaded and nothing runs, whatever a name in the page looks like.
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'\">\n";
  html += fmt::format("<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
                      MarkupText(title_), kStyle);
  if (parts_.size() >= kPartsWithContents) {
    html += "<nav><ul>\n";
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      html += fmt::format("<li><a href=\"#part{}\">{}</a></li>\n", i + 1, MarkupText(parts_[i]));
    }
    html += "</ul></nav>\n";
  }
  return html + body_ + "</body>\n</html>\n";
}

void Report::Write(const std::string& path) const { WriteFile(path, Html()); }

}  // namespace kinglet::characterize
