# libpfm4, packaged without a CMake config: LibPfm::pfm. The static one where it is there: the command
# then runs where no libpfm is.
find_path(LibPfm_INCLUDE_DIR perfmon/pfmlib_perf_event.h)
find_library(LibPfm_LIBRARY NAMES libpfm.a pfm)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibPfm REQUIRED_VARS LibPfm_LIBRARY LibPfm_INCLUDE_DIR)
if(LibPfm_FOUND AND NOT TARGET LibPfm::pfm)
  add_library(LibPfm::pfm UNKNOWN IMPORTED)
  set_target_properties(LibPfm::pfm PROPERTIES
    IMPORTED_LOCATION ${LibPfm_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${LibPfm_INCLUDE_DIR})
endif()
