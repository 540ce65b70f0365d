#include "settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform_socket.h"

static void copy(char *to, const char *from)
{
    snprintf(to, SETTINGS_TEXT_BYTES, "%s", from);
}

static void find_file(char *file)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    file[0] = '\0';
    if (config != NULL && config[0] == '/') {
        snprintf(file, SETTINGS_TEXT_BYTES, "%s/phoenix-stems/plugin.conf", config);
    } else if (home != NULL) {
        snprintf(file, SETTINGS_TEXT_BYTES, "%s/.config/phoenix-stems/plugin.conf", home);
    }
}

/* Cuts blanks off both ends, in place. */
static char *trimmed(char *text)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL) {
        text[--length] = '\0';
    }
    return text;
}

static void read_line(Settings *settings, char *line)
{
    char *equals = strchr(line, '=');
    if (equals == NULL || line[strspn(line, " \t")] == '#') {
        return;
    }
    *equals = '\0';
    const char *key = trimmed(line), *value = trimmed(equals + 1);
    if (strcmp(key, "serve") == 0) {
        copy(settings->serve, value);
    } else if (strcmp(key, "endpoint") == 0) {
        copy(settings->endpoint, value);
    }
}

static void read_file(Settings *settings)
{
    char line[2 * SETTINGS_TEXT_BYTES];
    FILE *file = settings->file[0] != '\0' ? fopen(settings->file, "re") : NULL;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        read_line(settings, line);
    }
    if (file != NULL) {
        fclose(file);
    }
}

static void read_environment(const char *name, char *to)
{
    const char *value = getenv(name);
    if (value != NULL) {
        copy(to, value);
    }
}

void settings_load(Settings *settings)
{
    memset(settings, 0, sizeof *settings);
    find_file(settings->file);
    read_file(settings);
    read_environment("PHOENIX_STEMS_SERVE", settings->serve);
    read_environment("PHOENIX_STEMS_ENDPOINT", settings->endpoint);
    bool is_default = settings->endpoint[0] == '\0';
    settings->may_start = is_default && settings->serve[0] != '\0' &&
                          platform_default_endpoint(settings->endpoint, sizeof settings->endpoint);
    if (is_default && !settings->may_start) {
        platform_default_endpoint(settings->endpoint, sizeof settings->endpoint);
    }
}
