/* Where the server is, and how to start one: from the environment, else from the file that installation writes.

   ~/.config/phoenix-stems/plugin.conf (below XDG_CONFIG_HOME where that is set), lines of `key = value`, # for comments:
     serve = /path/to/phoenix-stems     the program to start, as PHOENIX_STEMS_SERVE in the environment
     endpoint = ipc:///path/socket      a server or relay to use instead, as PHOENIX_STEMS_ENDPOINT; then none is started */
#ifndef PHOENIX_SETTINGS_H
#define PHOENIX_SETTINGS_H

#include <stdbool.h>

enum { SETTINGS_TEXT_BYTES = 512 };

typedef struct {
    char endpoint[SETTINGS_TEXT_BYTES];
    char serve[SETTINGS_TEXT_BYTES]; /* empty: start none */
    bool may_start;                  /* the default endpoint, and a program */
    char file[SETTINGS_TEXT_BYTES];  /* the configuration file, there or not */
} Settings;

void settings_load(Settings *settings);

#endif
