// How far a network in less than float32 agrees with it, for people and programs; and shares.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "kinglet/agreement.h"

namespace kinglet::cli {

// "48 of 50 best classes agree (1 near tie), ...".
std::string AgreementText(const Agreement& agreement);
nlohmann::ordered_json AgreementJson(const Agreement& agreement);

// "0.5%" and "0.005" are 0.005. Throws UsageError, which names `option`, for anything that is no
// number from 0 to 1, or to 100 %.
double ParseShare(const std::string& option, const std::string& text);
// 0.005 -> "0.5 %".
std::string SharePercent(double share);

}  // namespace kinglet::cli
