// Which share of the peak each kind of operations reaches, measured by kernels whose data is in
// cache.
#pragma once

#include <cstddef>
#include <functional>

#include "kernels/common/machine_model.h"
#include "kinglet/tuning.h"

namespace kinglet {

// How often MeasureShares calls `next`.
inline constexpr std::size_t kShareMeasurements = 15;

// Sets the shares of the peak, by the names of kernels::kWorkKindNames, and the peaks of other
// types and instructions than vectors of float32: what their kernels reach, divided by the share
// that those of float32 reach. What cannot be measured here stays unset. `machine` has measured
// peaks and bandwidths, and what else is known. `next` is called before each measurement.
void MeasureShares(kernels::MachineModel machine, const std::function<void()>& next,
                   Calibration& calibration);

}  // namespace kinglet
