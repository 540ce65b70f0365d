/* The one thread of a plugin instance: moves audio between the rings and the server. */
#ifndef PHOENIX_WORKER_H
#define PHOENIX_WORKER_H

#include "exchange.h"

typedef struct Worker Worker;

/* Starts it; NULL without memory or thread. */
Worker *worker_start(Crossing *crossing, Status *status, const Settings *settings);

/* Ends stream, connection and thread; NULL is allowed. */
void worker_stop(Worker *worker);

#endif
