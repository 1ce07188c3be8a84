# stb's arithmetic on damaged files wraps around and shifts by more than a word, knowingly: give it
# wrapping arithmetic, and let the sanitizer look for the rest.
set(stb_options -fwrapv)
if(KINGLET_SANITIZE MATCHES "undefined")
  list(APPEND stb_options -fno-sanitize=shift,signed-integer-overflow)
endif()
set_source_files_properties(${PROJECT_SOURCE_DIR}/vision/decode/stb.cc PROPERTIES
  COMPILE_OPTIONS "${stb_options}")

if(kinglet_webp)
  set_source_files_properties(${PROJECT_SOURCE_DIR}/vision/decode/webp.cc PROPERTIES
    COMPILE_DEFINITIONS KINGLET_WEBP)
endif()
