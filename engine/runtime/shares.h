// Which share of the peak each kind of operations reaches, measured by kernels whose data is in
// cache.
#pragma once

#include <cstddef>
#include <functional>

#include "kernels/common/machine_model.h"
#include "kinglet/tuning.h"

namespace kinglet {

// How often MeasureShares calls `next`.
inline constexpr std::size_t kShareMeasurements = 11;

// By the names of kernels::kWorkKindNames, those that could be measured. `machine` has measured
// peaks and bandwidths, and what else is known. `next` is called before each measurement.
Calibration::Figures MeasureShares(kernels::MachineModel machine,
                                   const std::function<void()>& next);

}  // namespace kinglet
