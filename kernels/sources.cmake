# kernels/math: one translation unit for each instruction set. Always optimised, because inline
# functions that a debug build leaves out of line would be merged between these units at link, and
# the linker may keep the one that this CPU cannot run.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  set(math ${PROJECT_SOURCE_DIR}/kernels/math)
  set_source_files_properties(${math}/math_sse2.cc PROPERTIES COMPILE_OPTIONS "-O2")
  set_source_files_properties(${math}/math_avx2.cc PROPERTIES
    COMPILE_OPTIONS "-mavx2;-mfma;-O2")
  set_source_files_properties(${math}/math_avx512.cc PROPERTIES
    COMPILE_OPTIONS "-mavx2;-mfma;-mavx512f;-mavx512cd;-mavx512dq;-mavx512bw;-mavx512vl;-O2")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # its own intrinsics start from undefined vectors
    set_property(SOURCE ${math}/math_avx512.cc APPEND PROPERTY
      COMPILE_OPTIONS "-Wno-maybe-uninitialized;-Wno-uninitialized")
  endif()
endif()

# Kernels for instructions that no target of Highway's has: empty where the compiler has them not.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
  set(quads ${PROJECT_SOURCE_DIR}/kernels/conv)
  set(avx512vnni ${quads}/quads_avx512vnni.cc
    ${PROJECT_SOURCE_DIR}/kernels/depthwise/code_quads_avx512vnni.cc)
  set_source_files_properties(${quads}/quads_avxvnni.cc PROPERTIES
    COMPILE_OPTIONS "-mavx2;-mavxvnni;-O2")
  set_source_files_properties(${avx512vnni} PROPERTIES
    COMPILE_OPTIONS "-mavx512f;-mavx512cd;-mavx512dq;-mavx512bw;-mavx512vl;-mavx512vnni;-O2")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    set_property(SOURCE ${avx512vnni} APPEND PROPERTY
      COMPILE_OPTIONS "-Wno-maybe-uninitialized;-Wno-uninitialized")
  endif()
endif()

# What stands behind kernels/gemm/blas.h.
set(unused ${PROJECT_SOURCE_DIR}/kernels/gemm/without_blas.cc)
if(KINGLET_BLAS STREQUAL "off")
  set(unused ${PROJECT_SOURCE_DIR}/kernels/gemm/blas.cc ${PROJECT_SOURCE_DIR}/kernels/gemm/gemm_blas.cc)
  target_compile_definitions(kinglet_kernels PRIVATE KINGLET_WITHOUT_BLAS)
endif()
set_source_files_properties(${unused} PROPERTIES HEADER_FILE_ONLY ON)

# Sums of integer products in registers: GCC would add them in another order, or all products after
# the last of them, and spill.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/kernels/depthwise/depthwise_u8.cc APPEND PROPERTY
    COMPILE_OPTIONS "-fno-tree-reassoc;-fno-tree-ter")
endif()

# Products that are rounded before something is added to them: a compiler must not fuse the two where
# the target could.
set_source_files_properties(${PROJECT_SOURCE_DIR}/kernels/quantize/code_ops.cc
  ${PROJECT_SOURCE_DIR}/kernels/pool/pool_u8.cc PROPERTIES COMPILE_OPTIONS "-ffp-contract=off")
