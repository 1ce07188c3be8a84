// KINGLET_INDEPENDENT before a plain loop: no iteration reads what another one writes, so that it
// becomes vectors even where source and destination are one array.
#pragma once

#if defined(__clang__)
#define KINGLET_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define KINGLET_INDEPENDENT _Pragma("GCC ivdep")
#endif
