// Marks what is returned as part of the object that was asked: clang warns where that object is a
// temporary that is gone before the result is used.
#pragma once

#if defined(__clang__) && defined(__has_cpp_attribute)
#if __has_cpp_attribute(clang::lifetimebound)
#define KINGLET_LIFETIMEBOUND [[clang::lifetimebound]]
#endif
#endif
#ifndef KINGLET_LIFETIMEBOUND
#define KINGLET_LIFETIMEBOUND
#endif
