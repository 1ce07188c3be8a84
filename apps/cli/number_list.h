// Lists of counts on the command line: "1,8,32", "1..34", "1,2,8..16".
#pragma once

#include <string>
#include <vector>

namespace kinglet::cli {

// The numbers in the order of the text, ranges with both ends. Throws UsageError, which names
// `option`, for anything that is no list of numbers from 1 to `max`, and for more than 10000.
std::vector<int> ParseNumberList(const std::string& option, const std::string& text, int max);

// The list of --threads; where it is empty, the CPUs that this process may use.
std::vector<int> ThreadCounts(const std::string& list);

}  // namespace kinglet::cli
