#include "engine/runtime/step_observer.h"

namespace kinglet {
namespace {

thread_local StepObserver* current_observer = nullptr;

}  // namespace

ObserveSteps::ObserveSteps(StepObserver& observer) { current_observer = &observer; }
ObserveSteps::~ObserveSteps() { current_observer = nullptr; }

StepObserver* CurrentStepObserver() noexcept { return current_observer; }

}  // namespace kinglet
