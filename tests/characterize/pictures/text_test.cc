#include "characterize/pictures/text.h"

#include <gtest/gtest.h>

namespace kinglet::characterize::picture_text_test {
namespace {

TEST(PictureText, ControlCharactersAndWhatIsNoUtf8AreReplaced) {
  EXPECT_EQ(CleanText("a\nb\x01\x7F"), "a b  ");
  EXPECT_EQ(CleanText("gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x90\xA6"),
            "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x90\xA6");
  EXPECT_EQ(CleanText("\xC3"), "?");                      // cut short
  EXPECT_EQ(CleanText("\xC0\xAF\xED\xA0\x80"), "?????");  // overlong, a surrogate
  EXPECT_EQ(CleanText("\xC2\x85|\xFF"), " |?");
  EXPECT_EQ(CleanText(std::string_view("\0x", 2)), " x");
}

TEST(PictureText, MarkupIsText) {
  EXPECT_EQ(MarkupText("<a b=\"c\" d='e'>&amp;\n"),
            "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp; ");
}

TEST(PictureText, LongTextIsCutBetweenCharacters) {
  EXPECT_EQ(FitText("short", 10, 100), "short");
  const std::string cut = FitText("\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4", 10, 30);
  EXPECT_LE(TextWidth(cut, 10), 30);
  EXPECT_EQ(CleanText(cut), cut);
  EXPECT_TRUE(cut.ends_with("...")) << cut;
}

TEST(PictureText, NumbersHaveTheDigitsThatTheyDifferIn) {
  EXPECT_EQ(TickText(0, 5), "0");
  EXPECT_EQ(TickText(-15, 5), "-15");
  EXPECT_EQ(TickText(0.25, 0.05), "0.25");
  EXPECT_EQ(TickText(0.3, 0.1), "0.3");
  EXPECT_EQ(TickText(2500, 500), "2500");
  EXPECT_EQ(TickText(1.5e6, 5e5), "1.5M");
  EXPECT_EQ(TickText(2e9, 1e9), "2G");
  EXPECT_EQ(TickText(1e-7, 1e-7), "1e-07");
  EXPECT_EQ(TickText(3e-17, 0.1), "0");  // what sums of steps leave
}

}  // namespace
}  // namespace kinglet::characterize::picture_text_test
