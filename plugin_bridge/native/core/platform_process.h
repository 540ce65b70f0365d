/* Starting the server as a process that outlives its host: one implementation file per platform. */
#ifndef PHOENIX_PLATFORM_PROCESS_H
#define PHOENIX_PLATFORM_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    PROCESS_STARTED, /* by us, just now */
    PROCESS_RUNNING, /* somebody has started it, and it has not ended */
    PROCESS_FAILED
} ProcessResult;

/* Starts `program serve --bind ENDPOINT --idle-exit-s SECONDS` unless one that was started so still runs, whoever did it.

   In the private directory of the ipc endpoint a file is locked; the new process inherits the lock and keeps it as long as it lives, so
   there is no moment in which two could be started, and its end, even a crash, shows. It is no child of this process, has
   none of its descriptors, and writes its log beside the socket. */
ProcessResult platform_process_start(const char *program, const char *endpoint, int idle_exit_s, char *why, size_t why_bytes);

/* The last line of that server's log; empty if there is none. */
void platform_process_last_words(const char *endpoint, char *text, size_t bytes);

#endif
