# OpenBLAS built without threads of its own: OpenBLAS::Serial. The engine owns the threads, so the
# variant is found by its own folder and not through the distribution's alternatives. The static
# library unless OpenBLASSerial_SHARED is on.
set(names libopenblas.a openblas)
if(OpenBLASSerial_SHARED)
  set(names openblas)
endif()
find_library(OpenBLASSerial_LIBRARY NAMES ${names} PATH_SUFFIXES openblas-serial NO_CACHE
  PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-serial NO_DEFAULT_PATH)
find_library(OpenBLASSerial_LIBRARY NAMES ${names} PATH_SUFFIXES openblas-serial)
find_path(OpenBLASSerial_INCLUDE_DIR cblas.h
  PATHS /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-serial NO_DEFAULT_PATH)
find_path(OpenBLASSerial_INCLUDE_DIR cblas.h PATH_SUFFIXES openblas-serial openblas)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OpenBLASSerial
  REQUIRED_VARS OpenBLASSerial_LIBRARY OpenBLASSerial_INCLUDE_DIR)
if(OpenBLASSerial_FOUND AND NOT TARGET OpenBLAS::Serial)
  add_library(OpenBLAS::Serial UNKNOWN IMPORTED)
  set_target_properties(OpenBLAS::Serial PROPERTIES
    IMPORTED_LOCATION ${OpenBLASSerial_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${OpenBLASSerial_INCLUDE_DIR})
endif()
