#include "ttl.h"

static void write_subject(FILE *file, const StemsPreset *preset, StemsKind kind)
{
    fprintf(file, "\n<%s#%s>\n\ta pset:Preset ;\n\tlv2:appliesTo <%s>", ttl_uri(kind), preset->symbol, ttl_uri(kind));
}

void ttl_write_preset_list(FILE *file)
{
    for (StemsKind kind = STEMS_MIX; kind <= STEMS_MULTI; kind++) {
        for (size_t index = 0; index < stems_preset_count(); index++) {
            write_subject(file, stems_preset_at(index), kind);
            fputs(" ;\n\trdfs:seeAlso <presets.ttl> .\n", file);
        }
    }
}

/* As the core's load_preset: what a preset does not name is at its initial value; profile and bypass stay as they are.
 */
static bool is_kept(const StemsParameter *parameter)
{
    return (parameter->flags & (STEMS_FLAG_BYPASS | STEMS_FLAG_OUTPUT)) || parameter->id == STEMS_PARAMETER_PROFILE;
}

static double value_in(const StemsPreset *preset, const StemsParameter *parameter)
{
    for (size_t index = 0; index < preset->setting_count; index++) {
        if (preset->settings[index].id == parameter->id) {
            return preset->settings[index].value;
        }
    }
    return parameter->initial;
}

static void write_preset(FILE *file, const StemsPreset *preset, StemsKind kind)
{
    write_subject(file, preset, kind);
    fprintf(file, " ;\n\trdfs:label \"%s\"", preset->name);
    for (size_t index = 0; index < stems_parameter_count(); index++) {
        const StemsParameter *parameter = stems_parameter_at(index);
        if (is_kept(parameter)) {
            continue;
        }
        fprintf(file, " ;\n\tlv2:port [ lv2:symbol \"%s\" ; pset:value %.6f ]", ttl_symbol(parameter),
                value_in(preset, parameter));
    }
    fputs(" .\n", file);
}

void ttl_write_presets(FILE *file)
{
    fputs("@prefix lv2: <http://lv2plug.in/ns/lv2core#> .\n"
          "@prefix pset: <http://lv2plug.in/ns/ext/presets#> .\n"
          "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n",
          file);
    for (StemsKind kind = STEMS_MIX; kind <= STEMS_MULTI; kind++) {
        for (size_t index = 0; index < stems_preset_count(); index++) {
            write_preset(file, stems_preset_at(index), kind);
        }
    }
}
