# Warnings and sanitizers, as one interface target that every target of ours
# links to. Generated code does not.
add_library(project_options INTERFACE)
target_include_directories(project_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(project_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor
  -Woverloaded-virtual -Wimplicit-fallthrough)

if(CMAKE_UNITY_BUILD)
  # The sources of a target are compiled together, as if they were headers: there
  # GCC warns of classes with members of nameless types.
  target_compile_options(project_options INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()

# GCC looks for memory to use again only above 1 GB (in kB): saves a twelfth of the
# time to compile, for up to half as much memory again.
add_compile_options("$<$<CXX_COMPILER_ID:GNU>:SHELL:--param ggc-min-heapsize=1000000>")

option(WERROR "Treat warnings as errors." OFF)
if(WERROR)
  target_compile_options(project_options INTERFACE -Werror)
endif()

# Mistakes on purpose, for `scripts/drill planted` (platform/planted/planted.h).
# By a header of its own, so that only what includes it is compiled again.
option(PLANTED_BUGS "Build the services with planted bugs." OFF)
if(PLANTED_BUGS)
  set(planted "#define PLANTED_BUGS\n")
else()
  set(planted "// No bugs on purpose in this build.\n")
endif()
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/planted/planted_bugs.h
  CONTENT "${planted}" @ONLY)

# Sanitizers, e.g. "address,undefined" or "thread". For every target, generated
# code too, so that all of it agrees.
set(SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined or thread.")
if(SANITIZE)
  add_compile_options(-fsanitize=${SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SANITIZE})
endif()
if(SANITIZE STREQUAL "thread")
  # Abseil's flags use a fence, which GCC says that it cannot follow.
  add_compile_options(-Wno-tsan)
endif()
