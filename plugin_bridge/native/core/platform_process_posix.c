#define _GNU_SOURCE /* posix_spawn_file_actions_addclosefrom_np, POSIX_SPAWN_SETSID */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform_process.h"

extern char **environ;

enum { LOCK_HANDLE = 3, PATH_BYTES = 512, LOG_TAIL_BYTES = 600 };

/* The shell ends at once, so the server is nobody's child; what a host's environment says about libraries and Python is not meant for it. */
static const char SCRIPT[] = "unset LD_PRELOAD LD_LIBRARY_PATH PYTHONHOME PYTHONPATH; log=$1; shift; "
                             "\"$@\" </dev/null >/dev/null 2>\"$log\" &";

/* The directory of an ipc endpoint, made if need be; it must be ours alone. */
static bool prepare_directory(const char *endpoint, char *directory, char *why, size_t why_bytes)
{
    struct stat information;
    snprintf(directory, PATH_BYTES, "%s", endpoint + strlen("ipc://"));
    char *slash = strrchr(directory, '/');
    if (slash == NULL || slash == directory) {
        snprintf(why, why_bytes, "%s: no directory", endpoint);
        return false;
    }
    *slash = '\0';
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        snprintf(why, why_bytes, "%s cannot be made", directory);
        return false;
    }
    if (lstat(directory, &information) != 0 || !S_ISDIR(information.st_mode) || information.st_uid != geteuid() ||
        (information.st_mode & 077) != 0) {
        snprintf(why, why_bytes, "%s is no private directory of yours", directory);
        return false;
    }
    return true;
}

static bool spawn_shell(char *const *arguments, int lock, pid_t *process)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return false;
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return false;
    }
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    bool done = posix_spawn_file_actions_adddup2(&actions, lock, LOCK_HANDLE) == 0;
#ifdef __GLIBC__
    done = done && posix_spawn_file_actions_addclosefrom_np(&actions, LOCK_HANDLE + 1) == 0;
#endif
    done = done && posix_spawn(process, "/bin/sh", &actions, &attributes, arguments, environ) == 0;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return done;
}

/* Waits for the shell, which takes milliseconds. A host that reaps all children itself leaves nothing to wait for. */
static void reap(pid_t process)
{
    while (waitpid(process, NULL, 0) < 0 && errno == EINTR) {
    }
}

static bool launch(const char *program, const char *endpoint, int idle_exit_s, const char *directory, int lock)
{
    char log[PATH_BYTES + 16], seconds[16];
    pid_t process;
    snprintf(log, sizeof log, "%s/server.log", directory);
    snprintf(seconds, sizeof seconds, "%d", idle_exit_s);
    const char *arguments[] = {"sh", "-c", SCRIPT, "sh", log, program, "serve", "--bind", endpoint, "--idle-exit-s",
                               seconds, NULL};
    union {
        const char **constant;
        char *const *plain;
    } same = {arguments}; /* posix_spawn does not write them, but its type dates from before const */
    if (!spawn_shell(same.plain, lock, &process)) {
        return false;
    }
    reap(process);
    return true;
}

ProcessResult platform_process_start(const char *program, const char *endpoint, int idle_exit_s, char *why, size_t why_bytes)
{
    char directory[PATH_BYTES], path[PATH_BYTES + 16];
    if (access(program, X_OK) != 0) {
        snprintf(why, why_bytes, "%s cannot be run", program);
        return PROCESS_FAILED;
    }
    if (strncmp(endpoint, "ipc://", 6) != 0 || !prepare_directory(endpoint, directory, why, why_bytes)) {
        return PROCESS_FAILED;
    }
    snprintf(path, sizeof path, "%s/server.lock", directory);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) {
        snprintf(why, why_bytes, "%s cannot be opened", path);
        return PROCESS_FAILED;
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        close(lock);
        return PROCESS_RUNNING;
    }
    bool done = launch(program, endpoint, idle_exit_s, directory, lock);
    close(lock); /* the server has its own handle of the same lock */
    if (!done) {
        snprintf(why, why_bytes, "%s could not be started", program);
    }
    return done ? PROCESS_STARTED : PROCESS_FAILED;
}

void platform_process_last_words(const char *endpoint, char *text, size_t bytes)
{
    char path[PATH_BYTES], tail[LOG_TAIL_BYTES + 1];
    text[0] = '\0';
    snprintf(path, sizeof path, "%s", endpoint + strlen("ipc://"));
    char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return;
    }
    snprintf(slash, sizeof path - (size_t)(slash - path), "/server.log");
    FILE *log = fopen(path, "re");
    if (log == NULL) {
        return;
    }
    if (fseek(log, -LOG_TAIL_BYTES, SEEK_END) != 0) {
        rewind(log);
    }
    size_t length = fread(tail, 1, LOG_TAIL_BYTES, log);
    fclose(log);
    while (length > 0 && (tail[length - 1] == '\n' || tail[length - 1] == ' ')) {
        length--;
    }
    tail[length] = '\0';
    const char *newline = strrchr(tail, '\n');
    snprintf(text, bytes, "%s", newline != NULL ? newline + 1 : tail);
}
