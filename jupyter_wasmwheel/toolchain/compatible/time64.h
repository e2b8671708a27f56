/* The types of times in Emscripten's C library have 64 bits
   (https://github.com/emscripten-core/emscripten/issues/17393), and so in every Pyodide. With those of
   an older Emscripten, such as Debian's 3.1.6, the library writes beyond the ends of structs. */

#if !defined(__ASSEMBLER__) && !defined(WASMWHEEL_TIME64_H)
#define WASMWHEEL_TIME64_H

#pragma GCC system_header

typedef long long time_t;
typedef long long suseconds_t;
#define __DEFINED_time_t
#define __DEFINED_suseconds_t

#endif
