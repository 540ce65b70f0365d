#include <stdbool.h>
#include <string.h>

#include "ports.h"
#include "ttl.h"

static const char *const SIDES[LV2_CHANNELS] = {"left", "right"};

static void write_prefixes(FILE *file)
{
    fputs("@prefix bufsz: <http://lv2plug.in/ns/ext/buf-size#> .\n"
          "@prefix doap: <http://usefulinc.com/ns/doap#> .\n"
          "@prefix foaf: <http://xmlns.com/foaf/0.1/> .\n"
          "@prefix lv2: <http://lv2plug.in/ns/lv2core#> .\n"
          "@prefix opts: <http://lv2plug.in/ns/ext/options#> .\n"
          "@prefix pg: <http://lv2plug.in/ns/ext/port-groups#> .\n"
          "@prefix pprops: <http://lv2plug.in/ns/ext/port-props#> .\n"
          "@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .\n"
          "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
          "@prefix units: <http://lv2plug.in/ns/extensions/units#> .\n"
          "@prefix urid: <http://lv2plug.in/ns/ext/urid#> .\n",
          file);
}

/* ---- Groups of ports: one for the input, one for each output bus ---- */

static const char *bus_symbol(StemsKind kind, uint32_t bus)
{
    return kind == STEMS_MIX ? "out" : stems_stem_name(bus);
}

static const char *bus_name(StemsKind kind, uint32_t bus)
{
    return kind == STEMS_MIX ? "mix" : stems_stem_name(bus);
}

static void write_group(FILE *file, StemsKind kind, const char *direction, const char *symbol, const char *name)
{
    fprintf(file, "\n<%s#%s_bus>\n\ta pg:%sGroup , pg:StereoGroup ;\n\tlv2:symbol \"%s_bus\" ;\n\tlv2:name \"%s\" .\n",
            ttl_uri(kind), symbol, direction, symbol, name);
}

static void write_groups(FILE *file, StemsKind kind)
{
    write_group(file, kind, "Input", "in", "in");
    for (uint32_t bus = 0; bus < (uint32_t)stems_buses_of(kind); bus++) {
        write_group(file, kind, "Output", bus_symbol(kind, bus), bus_name(kind, bus));
    }
}

/* ---- Ports ---- */

static void begin_port(FILE *file, const char *types, uint32_t index, const char *symbol, const char *name)
{
    fprintf(file, " ;\n\tlv2:port [\n\t\ta %s ;\n\t\tlv2:index %u ;\n\t\tlv2:symbol \"%s\" ;\n\t\tlv2:name \"%s\"",
            types, index, symbol, name);
}

static void end_port(FILE *file)
{
    fputs("\n\t]", file);
}

static void write_audio_pair(FILE *file, StemsKind kind, const char *direction, uint32_t first, const char *symbol,
                             const char *name)
{
    char port_types[64], port_symbol[64], port_name[64];
    snprintf(port_types, sizeof port_types, "lv2:AudioPort , lv2:%sPort", direction);
    for (uint32_t channel = 0; channel < LV2_CHANNELS; channel++) {
        snprintf(port_symbol, sizeof port_symbol, "%s_%s", symbol, SIDES[channel]);
        snprintf(port_name, sizeof port_name, "%s %s", name, SIDES[channel]);
        begin_port(file, port_types, first + channel, port_symbol, port_name);
        fprintf(file, " ;\n\t\tpg:group <%s#%s_bus> ;\n\t\tlv2:designation pg:%s", ttl_uri(kind), symbol,
                SIDES[channel]);
        end_port(file);
    }
}

static void write_latency(FILE *file, const Lv2Ports *layout)
{
    begin_port(file, "lv2:ControlPort , lv2:OutputPort", layout->latency, "latency", "Latency");
    fputs(" ;\n\t\tlv2:designation lv2:latency ;\n\t\tlv2:portProperty lv2:reportsLatency , lv2:integer ,"
          " pprops:notOnGUI ;\n\t\tlv2:minimum 0 ;\n\t\tlv2:maximum 192000 ;\n\t\tunits:unit units:frame",
          file);
    end_port(file);
}

static void write_freewheel(FILE *file, const Lv2Ports *layout)
{
    begin_port(file, "lv2:ControlPort , lv2:InputPort", layout->freewheel, "freewheel", "Freewheel");
    fputs(" ;\n\t\tlv2:designation lv2:freeWheeling ;\n\t\tlv2:portProperty lv2:toggled , pprops:notOnGUI ;"
          "\n\t\tlv2:default 0 ;\n\t\tlv2:minimum 0 ;\n\t\tlv2:maximum 1",
          file);
    end_port(file);
}

static void write_properties(FILE *file, const StemsParameter *parameter)
{
    if (parameter->flags & STEMS_FLAG_BYPASS) {
        fputs(" ;\n\t\tlv2:designation lv2:enabled", file);
    }
    if (parameter->flags & STEMS_FLAG_TOGGLE) {
        fputs(" ;\n\t\tlv2:portProperty lv2:toggled", file);
    }
    if (parameter->flags & STEMS_FLAG_INTEGER) {
        fputs(" ;\n\t\tlv2:portProperty lv2:integer", file);
    }
    if (parameter->flags & STEMS_FLAG_ENUM) {
        fputs(" ;\n\t\tlv2:portProperty lv2:enumeration", file);
    }
    if (parameter->flags & STEMS_FLAG_NOT_AUTOMATABLE) {
        fputs(" ;\n\t\tlv2:portProperty pprops:expensive , pprops:causesArtifacts", file);
    }
    if (strcmp(parameter->unit, "dB") == 0) {
        fputs(" ;\n\t\tunits:unit units:db", file);
    }
    if (strcmp(parameter->unit, "%") == 0) {
        fputs(" ;\n\t\tunits:unit units:pc", file);
    }
}

static void write_labels(FILE *file, const StemsParameter *parameter)
{
    for (uint32_t step = 0; parameter->labels != NULL && step <= parameter->step_count; step++) {
        fprintf(file, " ;\n\t\tlv2:scalePoint [ rdfs:label \"%s\" ; rdf:value %g ]", parameter->labels[step],
                parameter->minimum + step);
    }
}

static void write_parameter(FILE *file, uint32_t index, const StemsParameter *parameter)
{
    const bool is_output = (parameter->flags & STEMS_FLAG_OUTPUT) != 0;
    const bool is_bypass = (parameter->flags & STEMS_FLAG_BYPASS) != 0;
    begin_port(file, is_output ? "lv2:ControlPort , lv2:OutputPort" : "lv2:ControlPort , lv2:InputPort", index,
               ttl_symbol(parameter), is_bypass ? "Enabled" : parameter->name);
    if (!is_output) {
        fprintf(file, " ;\n\t\tlv2:default %.6f", ttl_port_value(parameter, parameter->initial));
    }
    fprintf(file, " ;\n\t\tlv2:minimum %.6f ;\n\t\tlv2:maximum %.6f", parameter->minimum, parameter->maximum);
    write_properties(file, parameter);
    write_labels(file, parameter);
    end_port(file);
}

static void write_ports(FILE *file, StemsKind kind)
{
    const Lv2Ports layout = lv2_ports(kind);
    write_audio_pair(file, kind, "Input", 0, "in", "In");
    for (uint32_t bus = 0; bus < (uint32_t)stems_buses_of(kind); bus++) {
        write_audio_pair(file, kind, "Output", layout.first_output + LV2_CHANNELS * bus, bus_symbol(kind, bus),
                         bus_name(kind, bus));
    }
    write_latency(file, &layout);
    write_freewheel(file, &layout);
    for (uint32_t index = 0; index < stems_parameter_count(); index++) {
        write_parameter(file, layout.first_parameter + index, stems_parameter_at(index));
    }
}

/* LV2 wants an even minor version for a release; ours are as they are, so minor and micro are doubled. */
static void write_version(FILE *file)
{
    unsigned major = 0, minor = 0, micro = 0;
    sscanf(STEMS_VERSION, "%u.%u.%u", &major, &minor, &micro);
    fprintf(file, " ;\n\tlv2:minorVersion %u ;\n\tlv2:microVersion %u", 2 * (100 * major + minor), 2 * micro);
}

void ttl_write_plugin(FILE *file, StemsKind kind)
{
    write_prefixes(file);
    write_groups(file, kind);
    fprintf(
        file,
        "\n<%s>\n\ta lv2:SpectralPlugin , lv2:Plugin , doap:Project ;\n\tdoap:name \"%s\" ;\n\trdfs:comment \"%s\" ;"
        "\n\tdoap:license <http://usefulinc.com/doap/licenses/mit> ;"
        "\n\tdoap:maintainer [ foaf:name \"" STEMS_VENDOR "\" ]",
        ttl_uri(kind), kind == STEMS_MIX ? STEMS_MIX_NAME : STEMS_MULTI_NAME,
        kind == STEMS_MIX ? STEMS_MIX_SUMMARY : STEMS_MULTI_SUMMARY);
    write_version(file);
    fputs(" ;\n\tlv2:optionalFeature lv2:hardRTCapable , urid:map , opts:options ;"
          "\n\topts:supportedOption bufsz:nominalBlockLength , bufsz:maxBlockLength ;"
          "\n\tlv2:extensionData opts:interface",
          file);
    fprintf(file, " ;\n\tpg:mainInput <%s#in_bus> ;\n\tpg:mainOutput <%s#%s_bus>", ttl_uri(kind), ttl_uri(kind),
            bus_symbol(kind, 0));
    write_ports(file, kind);
    fputs(" .\n", file);
}
