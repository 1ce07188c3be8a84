// What somebody may have meant.
#pragma once

#include <string>
#include <vector>

namespace kinglet::cli {

// The one of `words` that `word` is most like; "" where none is like it: a few letters more, less,
// changed or swapped, or the beginning of one.
std::string Nearest(const std::string& word, const std::vector<std::string>& words);

}  // namespace kinglet::cli
