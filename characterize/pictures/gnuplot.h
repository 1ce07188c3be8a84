// Plots as files, drawn by gnuplot, which is called as a program.
#pragma once

#include <string>

#include "characterize/pictures/plot.h"

namespace kinglet::characterize {

// Before anything is measured for a picture: throws Error(kIo) that names the package where there
// is no gnuplot that runs.
void CheckGnuplot();

// The picture as an SVG document. Throws Error(kIo) as CheckGnuplot, and where gnuplot fails.
std::string DrawSvg(const Plot& plot);

// Writes PATH.svg and PATH.png; `path` has no suffix. Throws as DrawSvg and WriteFile do.
void WritePicture(const Plot& plot, const std::string& path);

// An SVG document as a part of a page: without what stands before the element <svg>, all ids of it
// beginning with `id` (letters and digits, another one for each picture of a page), as wide as
// there is room up to its own width, and with `description` for those who do not see it.
std::string InlineSvg(const std::string& document, const std::string& id,
                      const std::string& description);

}  // namespace kinglet::characterize
