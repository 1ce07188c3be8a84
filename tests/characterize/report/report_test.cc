// The page of a report: what its parts become, and that text is text.
#include "characterize/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "characterize/pictures/gnuplot.h"
#include "kinglet/error.h"

namespace kinglet::characterize::report_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kEvil = "<script src='http://x'>\"&\n";

TEST(ReportTest, AllTextIsEscaped) {
  Report report(kEvil);
  report.AddHeading(kEvil);
  report.AddHeading(kEvil, 2);
  report.AddParagraph(kEvil);
  report.AddList({kEvil});
  report.AddFacts({{kEvil, kEvil}});
  report.AddTable({.columns = {{kEvil}}, .rows = {{kEvil}}, .caption = kEvil});
  report.AddTable(
      {.columns = {{kEvil, true}}, .rows = {{kEvil}}, .caption = kEvil, .folded = true});
  const std::string html = report.Html();
  EXPECT_THAT(html, AllOf(HasSubstr("<p>&lt;script src=&#39;http://x&#39;&gt;&quot;&amp; </p>"),
                          HasSubstr("<td class=\"number\">&lt;script"), Not(HasSubstr("<script"))));
}

TEST(ReportTest, ThePageLoadsNothing) {
  Report report("a title");
  report.AddParagraph("text");
  const std::string html = report.Html();
  EXPECT_THAT(html, AllOf(HasSubstr("default-src 'none'"), HasSubstr("width=device-width"),
                          HasSubstr("<title>a title</title>"), Not(HasSubstr("http://")),
                          Not(HasSubstr("https://")), Not(HasSubstr("@import"))));
}

TEST(ReportTest, PartsAreListedWhereThereAreSeveral) {
  Report report("t");
  for (const char* part : {"one", "two"}) report.AddHeading(part);
  EXPECT_THAT(report.Html(), Not(HasSubstr("<nav>")));
  report.AddHeading("three");
  EXPECT_THAT(report.Html(), AllOf(HasSubstr("<a href=\"#part3\">three</a>"),
                                   HasSubstr("<h2 id=\"part3\">three</h2>")));
}

TEST(ReportTest, PanelsArePicturesOfTheirOwn) {
  try {
    CheckGnuplot();
  } catch (const Error&) {
    GTEST_SKIP() << "gnuplot is not installed";
  }
  Panel panel;
  panel.title = "a panel";
  panel.series = {{.name = "s", .x = {1, 2}, .y = {3, 4}}};
  Report report("t");
  report.AddPicture({.title = "", .panels = {panel, panel}}, "what it shows");
  const std::string html = report.Html();
  EXPECT_THAT(html, AllOf(HasSubstr("id='picture1_gpPt0'"), HasSubstr("id='picture2_gpPt0'"),
                          HasSubstr("aria-label=\"a panel: what it shows\""),
                          HasSubstr("<figcaption>what it shows</figcaption>")));
}

}  // namespace
}  // namespace kinglet::characterize::report_test
