# CMake's description of the target: modules are shared libraries, unlike with Emscripten's own.

set(EMSCRIPTEN 1)
set(UNIX 1)
set(CMAKE_EXECUTABLE_SUFFIX ".js")
set(CMAKE_DL_LIBS "")
