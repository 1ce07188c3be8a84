// Where the sources are: fixtures of the tests, and the shared data beside them.
#pragma once

#include <filesystem>

namespace kinglet::testing {

// The root of the checkout that the tests were built from.
std::filesystem::path SourceDir();

// The shared test data: $KINGLET_SHARED_DATA, else ../shared/data beside the checkout.
std::filesystem::path SharedDataDir();

}  // namespace kinglet::testing
