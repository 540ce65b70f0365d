/* STEMS_NONBLOCKING marks what the audio thread may call: no allocation, lock, wait or system call. clang from version 20 on
   proves it (-Wfunction-effects) and watches it (-fsanitize=realtime); other compilers read it as a comment. */
#ifndef PHOENIX_NONBLOCKING_H
#define PHOENIX_NONBLOCKING_H

#if defined(__clang__) && __clang_major__ >= 20
#define STEMS_NONBLOCKING __attribute__((nonblocking))
#else
#define STEMS_NONBLOCKING
#endif

#endif
