// From a plot to what gnuplot is told.
#pragma once

#include <string>

#include "characterize/pictures/plot.h"

namespace kinglet::characterize {

enum class PictureFormat { kSvg, kPng };

// The program that draws the plot into the file `output`. No text of the plot is anything but text
// in it: neither commands nor markup. Throws Error(kInvalidInput) for series whose lists are of
// different lengths, and for plots without panels.
std::string GnuplotScript(const Plot& plot, PictureFormat format, const std::string& output);

// The text as gnuplot takes it literally: in single quotes, without control characters, and valid
// UTF-8.
std::string Quoted(const std::string& text);

}  // namespace kinglet::characterize
