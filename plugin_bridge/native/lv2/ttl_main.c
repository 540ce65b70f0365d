/* stems_lv2_ttl BUNDLE: writes manifest.ttl, mix.ttl, multi.ttl and presets.ttl into the folder. */
#include <stdlib.h>

#include "ttl.h"

static FILE *open_in(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    return file;
}

static void finish(FILE *file)
{
    if (ferror(file) | fclose(file)) {
        perror("stems_lv2_ttl");
        exit(1);
    }
}

static void write_manifest(FILE *file)
{
    fputs("@prefix lv2: <http://lv2plug.in/ns/lv2core#> .\n"
          "@prefix pset: <http://lv2plug.in/ns/ext/presets#> .\n"
          "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n",
          file);
    for (StemsKind kind = STEMS_MIX; kind <= STEMS_MULTI; kind++) {
        fprintf(file, "\n<%s>\n\ta lv2:Plugin ;\n\tlv2:binary <phoenix-stems.so> ;\n\trdfs:seeAlso <%s> .\n",
                ttl_uri(kind), ttl_file(kind));
    }
    ttl_write_preset_list(file);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: stems_lv2_ttl BUNDLE\n", stderr);
        return 2;
    }
    FILE *file = open_in(argv[1], "manifest.ttl");
    write_manifest(file);
    finish(file);
    for (StemsKind kind = STEMS_MIX; kind <= STEMS_MULTI; kind++) {
        file = open_in(argv[1], ttl_file(kind));
        ttl_write_plugin(file, kind);
        finish(file);
    }
    file = open_in(argv[1], "presets.ttl");
    ttl_write_presets(file);
    finish(file);
    return 0;
}
