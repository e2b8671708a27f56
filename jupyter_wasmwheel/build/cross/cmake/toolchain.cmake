# CMake's toolchain file for the target. Its compilers are our shims, which link modules by wasm-ld.

set(CMAKE_SYSTEM_NAME Emscripten)
# With this version, CMake looks for `Platform/Emscripten` in the module path before its own.
set(CMAKE_SYSTEM_VERSION 1)
set(CMAKE_SYSTEM_PROCESSOR wasm32)
list(PREPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}")

foreach(tool AR RANLIB)
  set(CMAKE_${tool} "$ENV{${tool}}" CACHE FILEPATH "")
endforeach()
foreach(language C CXX)
  # Emscripten links a page's script, in which CMake does not find what it looks for.
  set(CMAKE_${language}_COMPILER_WORKS TRUE)
  set(CMAKE_${language}_ABI_COMPILED TRUE)
  set(CMAKE_${language}_SIZEOF_DATA_PTR 4)
  set(CMAKE_${language}_BYTE_ORDER LITTLE_ENDIAN)
endforeach()
set(CMAKE_C_COMPILER "$ENV{CC}")
set(CMAKE_CXX_COMPILER "$ENV{CXX}")
set(CMAKE_SIZEOF_VOID_P 4)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(PYBIND11_FINDPYTHON ON)

# Libraries and packages are those of the build's environment and the project, and what the user
# names; those of this machine were built for it.
file(TO_CMAKE_PATH "$ENV{WASMWHEEL_CMAKE_ROOTS}" CMAKE_FIND_ROOT_PATH)
file(TO_CMAKE_PATH "$ENV{CMAKE_PREFIX_PATH}" prefixes)
list(APPEND CMAKE_FIND_ROOT_PATH ${prefixes} "${CMAKE_BINARY_DIR}")
foreach(kind LIBRARY INCLUDE PACKAGE)
  set(CMAKE_FIND_ROOT_PATH_MODE_${kind} ONLY)
endforeach()
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(ENV{PKG_CONFIG_LIBDIR} "${CMAKE_BINARY_DIR}")

# The variables of Corrosion, which would look for other cargos than ours.
set(Rust_CARGO_TARGET wasm32-unknown-emscripten CACHE STRING "")
set(Rust_RESOLVE_RUSTUP_TOOLCHAINS OFF CACHE BOOL "")
if(DEFINED ENV{RUSTC})
  set(Rust_COMPILER "$ENV{RUSTC}" CACHE FILEPATH "")
  set(Rust_CARGO "$ENV{CARGO}" CACHE FILEPATH "")
endif()
