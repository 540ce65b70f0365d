#include "launcher.h"

#include <stdio.h>

#include "platform_process.h"

#define MAXIMUM_PATIENCE_S 120.0 /* for a server that runs but does not answer: the first start reads a lot from disk */

enum {
    IDLE_EXIT_S = 120,       /* a server without plugins ends then: long enough for a host that scans, closes and opens */
    MAXIMUM_STARTS = 3 /* without an answer */
};

void launcher_initialize(Launcher *launcher, const Settings *settings)
{
    *launcher = (Launcher){.settings = settings};
}

static LaunchResult give_up(const Settings *settings, const char *what, const char *words, char *why, size_t why_bytes)
{
    snprintf(why, why_bytes, "%s %s: %s", settings->serve, what, words[0] != '\0' ? words : "it left no log");
    return LAUNCH_FAILED;
}

LaunchResult launcher_advance(Launcher *launcher, double now_s, char *why, size_t why_bytes)
{
    const Settings *settings = launcher->settings;
    if (!settings->may_start) {
        snprintf(why, why_bytes, settings->serve[0] == '\0'
                     ? "no server at %s; start `phoenix-stems serve`, or run `make plugin-install`"
                     : "no server at %s",
                 settings->endpoint);
        return LAUNCH_FAILED;
    }
    if (launcher->waiting_since_s <= 0.0) {
        launcher->waiting_since_s = now_s;
    }
    char words[256]; /* of the last one: another start begins another log */
    platform_process_last_words(settings->endpoint, words, sizeof words);
    if (now_s - launcher->waiting_since_s > MAXIMUM_PATIENCE_S) {
        return give_up(settings, "does not answer", words, why, why_bytes);
    }
    char detail[300] = "";
    ProcessResult result =
        platform_process_start(settings->serve, settings->endpoint, IDLE_EXIT_S, detail, sizeof detail);
    if (result == PROCESS_STARTED && ++launcher->starts > MAXIMUM_STARTS) {
        return give_up(settings, "ends again and again", words, why, why_bytes);
    }
    if (result == PROCESS_FAILED) {
        snprintf(why, why_bytes, "%s", detail);
        return LAUNCH_FAILED;
    }
    snprintf(why, why_bytes, "%s is starting", settings->serve);
    return LAUNCH_WAITING;
}

void launcher_succeeded(Launcher *launcher)
{
    launcher->starts = 0;
    launcher->waiting_since_s = 0.0;
}
