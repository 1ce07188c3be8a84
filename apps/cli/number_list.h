// Counts on the command line: lists "1,8,32", "1..34", "1,2,8..16", and threads.
#pragma once

#include <string>
#include <vector>

namespace kinglet::cli {

// The numbers in the order of the text, ranges with both ends. Throws UsageError, which names
// `option`, for anything that is no list of numbers from 1 to `max`, and for more than 10000.
std::vector<int> ParseNumberList(const std::string& option, const std::string& text, int max);

// The list of --batch; 0 where it is empty.
std::vector<int> BatchSizes(const std::string& list);

// Threads where no number is given: that of OMP_NUM_THREADS where it is one from 1 to kMaxThreads,
// else the CPUs that this process may use.
int DefaultThreads();

// The list of --threads; where it is empty, DefaultThreads().
std::vector<int> ThreadCounts(const std::string& list);

}  // namespace kinglet::cli
