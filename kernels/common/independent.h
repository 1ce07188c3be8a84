// KINGLET_INDEPENDENT before a plain loop: no iteration reads what another one writes, so that it
// becomes vectors even where source and destination are one array. Clang looks for itself when the
// loop runs, and would warn of each that it cannot make vectors of.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
#define KINGLET_INDEPENDENT _Pragma("GCC ivdep")
#else
#define KINGLET_INDEPENDENT
#endif
