/* Starts the server when none answers: once for all instances, with an end to its patience. Belongs to the worker. */
#ifndef PHOENIX_LAUNCHER_H
#define PHOENIX_LAUNCHER_H

#include <stddef.h>

#include "settings.h"

typedef struct {
    const Settings *settings;
    int starts;             /* by us, since a server last answered */
    double waiting_since_s; /* 0: not waiting */
} Launcher;

typedef enum {
    LAUNCH_WAITING, /* a server starts; look again soon */
    LAUNCH_FAILED   /* none will come; `why` says for what reason */
} LaunchResult;

void launcher_initialize(Launcher *launcher, const Settings *settings);

/* Nobody answers at the endpoint. */
LaunchResult launcher_advance(Launcher *launcher, double now_s, char *why, size_t why_bytes);

/* Somebody answered. */
void launcher_succeeded(Launcher *launcher);

#endif
