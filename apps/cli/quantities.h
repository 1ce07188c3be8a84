// Durations and sizes of memory on the command line.
#pragma once

#include <cstddef>
#include <string>

namespace kinglet::cli {

// "50ms", "1.5s", "800us"; a number alone is milliseconds. Microseconds. Throws UsageError, which
// names `option`, for anything else and for what is not above 0.
double ParseDurationUs(const std::string& option, const std::string& text);

// "500MB", "2GB", "64KB" (powers of 1000), "500MiB" (of 1024). Throws as above.
std::size_t ParseByteCount(const std::string& option, const std::string& text);

}  // namespace kinglet::cli
