#include "characterize/pictures/gnuplot.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "characterize/pictures/script.h"
#include "characterize/pictures/text.h"
#include "kinglet/error.h"
#include "kinglet/file.h"
#include "measure/common/process.h"

namespace kinglet::characterize {
namespace {

constexpr const char* kProgram = "gnuplot";
constexpr double kMostScale = 1.2;  // of a picture in a page
// Nothing that a user has set for plots of his own.
constexpr const char* kPlain = "--default-settings";

[[noreturn]] void FailWithoutGnuplot(const std::string& why) {
  throw Error(ErrorCode::kIo,
              "pictures are drawn by gnuplot, which " + why + ": install the package gnuplot-nox");
}

measure::ProcessResult RunGnuplot(const std::vector<std::string>& arguments) {
  try {
    return measure::RunProcess(kProgram, kProgram, arguments);
  } catch (const Error&) {
    FailWithoutGnuplot("is not there");
  }
}

// A folder of its own, gone at the end.
class WorkFolder {
 public:
  WorkFolder() {
    std::error_code error;
    std::string name =
        (std::filesystem::temp_directory_path(error) / "kinglet-picture-XXXXXX").string();
    if (error || mkdtemp(name.data()) == nullptr) {
      throw Error(ErrorCode::kIo,
                  "a picture: no folder can be made in that for temporary files "
                  "(TMPDIR, or /tmp)");
    }
    path_ = name;
  }
  ~WorkFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  std::string File(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string Draw(const Plot& plot, PictureFormat format) {
  const WorkFolder folder;
  const std::string picture = folder.File("picture");
  WriteFile(folder.File("script"), GnuplotScript(plot, format, picture));
  const measure::ProcessResult result = RunGnuplot({kPlain, folder.File("script")});
  std::ifstream file(picture, std::ios::binary);
  std::ostringstream bytes;
  if (file) bytes << file.rdbuf();
  if (result.status != 0 || result.signal != 0 || bytes.str().empty()) {
    const std::string said = measure::LastLine(result);
    throw Error(ErrorCode::kIo, "a picture: gnuplot: " + measure::DescribeEnd(result) +
                                    (said.empty() ? "" : ": " + said));
  }
  return bytes.str();
}

void ReplaceAll(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// "0 0 600 420". Throws Error(kInvalidInput) for what is no picture of gnuplot.
std::string ViewBox(const std::string& document) {
  constexpr std::string_view kKey = "viewBox=\"";
  const std::size_t element = document.find("<svg");
  const std::size_t begin = element == std::string::npos ? element : document.find(kKey, element);
  const std::size_t end =
      begin == std::string::npos ? begin : document.find('"', begin + kKey.size());
  if (end == std::string::npos) {
    throw Error(ErrorCode::kInvalidInput, "a picture: expected an SVG document with a viewBox");
  }
  return document.substr(begin + kKey.size(), end - begin - kKey.size());
}

// The third of the four numbers.
double WidthOf(const std::string& box) {
  std::istringstream numbers(box);
  double width = 0;
  for (int i = 0; i < 3; ++i) numbers >> width;
  return width;
}

}  // namespace

void CheckGnuplot() {
  const measure::ProcessResult result = RunGnuplot({"--version"});
  if (result.status != 0 || result.signal != 0) FailWithoutGnuplot("does not run here");
}

std::string DrawSvg(const Plot& plot) { return Draw(plot, PictureFormat::kSvg); }

void WritePicture(const Plot& plot, const std::string& path) {
  WriteFile(path + ".svg", Draw(plot, PictureFormat::kSvg));
  WriteFile(path + ".png", Draw(plot, PictureFormat::kPng));
}

std::string InlineSvg(const std::string& document, const std::string& id,
                      const std::string& description) {
  const std::string box = ViewBox(document);
  std::string page = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
      "role=\"img\" aria-label=\"{}\" viewBox=\"{}\" style=\"width:100%;height:auto;"
      "max-width:{:.0f}px\">",
      MarkupText(description), box, kMostScale * WidthOf(box));
  std::size_t at = document.find('>', document.find("<svg")) + 1;
  while (at < document.size()) {  // text and the element behind it
    const std::size_t begin = std::min(document.find('<', at), document.size());
    page += document.substr(at, begin - at);
    const std::size_t end = std::min(document.find('>', begin), document.size() - 1) + 1;
    std::string element = document.substr(begin, end - begin);
    at = end;
    if (element == "<title>" || element == "<desc>") {  // gnuplot's own words
      const std::string close = "</" + element.substr(1);
      at = std::min(document.find(close, end), document.size() - close.size()) + close.size();
      continue;
    }
    for (const char* key : {" id='", " id=\"", "xlink:href='#", "url(#"}) {
      ReplaceAll(element, key, key + id);
    }
    page += element;
  }
  return page;
}

}  // namespace kinglet::characterize
