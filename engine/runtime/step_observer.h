// The observer of the steps that this thread profiles.
#pragma once

#include "kinglet/step_observer.h"

namespace kinglet {

// Null: nobody observes.
StepObserver* CurrentStepObserver() noexcept;

}  // namespace kinglet
