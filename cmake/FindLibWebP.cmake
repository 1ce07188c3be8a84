# libwebp, packaged without a CMake config: LibWebP::webp.
find_path(LibWebP_INCLUDE_DIR webp/decode.h)
find_library(LibWebP_LIBRARY NAMES webp)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibWebP REQUIRED_VARS LibWebP_LIBRARY LibWebP_INCLUDE_DIR)
if(LibWebP_FOUND AND NOT TARGET LibWebP::webp)
  add_library(LibWebP::webp UNKNOWN IMPORTED)
  set_target_properties(LibWebP::webp PROPERTIES
    IMPORTED_LOCATION ${LibWebP_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${LibWebP_INCLUDE_DIR})
endif()
