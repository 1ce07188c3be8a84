// What gnuplot is told, and what it draws; text of plots is text and nothing else.
#include "characterize/pictures/gnuplot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "characterize/pictures/script.h"
#include "kinglet/error.h"

namespace kinglet::characterize::gnuplot_test {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

bool HasGnuplot() {
  try {
    CheckGnuplot();
    return true;
  } catch (const Error&) {
    return false;
  }
}

Plot Simple(const std::string& text) {
  Panel panel;
  panel.title = text;
  panel.x = {.label = text + ", x"};
  panel.y = {.label = text + ", y"};
  panel.series = {{.name = text, .x = {1, 2, 3}, .y = {1, 4, 9}, .labels = {text, text, text}}};
  panel.guides = {{true, 2, text}};
  return {.title = text, .panels = {panel, panel}};
}

constexpr const char* kEvil =
    "it's `touch evil` @x $HOME \\n \"q\" <script>alert(1)</script> {/:Bold b}_c^d %s\n!ls";

TEST(GnuplotScriptTest, TextIsQuoted) {
  EXPECT_EQ(Quoted("it's"), "'it''s'");
  EXPECT_EQ(Quoted("a\n'; !ls"), "'a ''; !ls'");
  const std::string script = GnuplotScript(Simple(kEvil), PictureFormat::kSvg, "out");
  // Each line is whole in itself: the quotes of every one are paired.
  std::istringstream lines(script);
  std::string line;
  while (std::getline(lines, line)) {
    EXPECT_EQ(std::count(line.begin(), line.end(), '\'') % 2, 0) << line;
    EXPECT_FALSE(line.starts_with("!")) << line;
  }
}

TEST(GnuplotScriptTest, ValuesThatAnAxisCannotShowAreGaps) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Panel panel;
  panel.y = {.label = "", .log_base = 10};
  panel.series = {{.name = "", .x = {1, 2, 3, 4}, .y = {10, 0, nan, 20}}};
  const std::string script =
      GnuplotScript({.title = "", .panels = {panel}}, PictureFormat::kPng, "out");
  EXPECT_THAT(script, HasSubstr("\n1 10 \n\n\n4 20 \n"));
  EXPECT_THAT(script, Not(HasSubstr("nan")));
}

TEST(GnuplotScriptTest, ListsOfDifferentLengthsAreRefused) {
  Plot plot = Simple("a");
  plot.panels[0].series[0].labels.pop_back();
  EXPECT_THROW(GnuplotScript(plot, PictureFormat::kSvg, "out"), Error);
  plot = Simple("a");
  plot.panels[0].series[0].low = {1};
  EXPECT_THROW(GnuplotScript(plot, PictureFormat::kSvg, "out"), Error);
  EXPECT_THROW(GnuplotScript({}, PictureFormat::kSvg, "out"), Error);
}

TEST(GnuplotTest, APictureIsWrittenInBothFormatsAndHoldsItsText) {
  if (!HasGnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  const std::string path = ::testing::TempDir() + "kinglet_picture_" + std::to_string(getpid());
  WritePicture(Simple(kEvil), path);
  std::ifstream png(path + ".png", std::ios::binary);
  char magic[4] = {};
  png.read(magic, 4);
  EXPECT_EQ(std::string(magic + 1, 3), "PNG");
  EXPECT_GT(std::filesystem::file_size(path + ".svg"), 1000u);
  std::filesystem::remove(path + ".png");
  std::filesystem::remove(path + ".svg");
  const std::string svg = DrawSvg(Simple(kEvil));
  EXPECT_THAT(svg, AllOf(HasSubstr("it's `touch evil` @x $HOME"), HasSubstr("&lt;script>"),
                         Not(HasSubstr("<script"))));
  EXPECT_FALSE(std::filesystem::exists("evil"));
}

TEST(GnuplotTest, AnInlinePictureHasIdsOfItsOwnAndNoWordsOfGnuplot) {
  if (!HasGnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  const std::string svg = InlineSvg(DrawSvg(Simple("id='x'")), "p7", "a \"b\" <c>");
  EXPECT_THAT(svg, ::testing::StartsWith("<svg "));
  EXPECT_THAT(svg, AllOf(HasSubstr("aria-label=\"a &quot;b&quot; &lt;c&gt;\""),
                         HasSubstr("viewBox=\"0 0 1200"), HasSubstr("id='p7gpPt0'"),
                         HasSubstr("xlink:href='#p7gpPt5'"), HasSubstr(">id='x'<")));
  EXPECT_THAT(svg, Not(AnyOf(HasSubstr("<title"), HasSubstr("GNUPLOT"), HasSubstr("='#gp"))));
  EXPECT_THROW(InlineSvg("<html>", "p", ""), Error);
}

TEST(GnuplotTest, WithoutGnuplotThePackageIsNamed) {
  const char* path = std::getenv("PATH");
  const std::string before = path == nullptr ? "" : path;
  setenv("PATH", "/nowhere", 1);
  try {
    CheckGnuplot();
    ADD_FAILURE() << "found one";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_THAT(error.what(), HasSubstr("gnuplot-nox"));
  }
  setenv("PATH", before.c_str(), 1);
}

}  // namespace
}  // namespace kinglet::characterize::gnuplot_test
