/* Extension clap.state: the core's bytes. Hosts may take and give them in parts. */
#include "plugin.h"

static bool CLAP_ABI save(const ClapPlugin *plugin, const ClapOutputStream *stream)
{
    uint8_t bytes[STEMS_STATE_MAXIMUM_BYTES];
    const size_t length = stems_plugin_save(clap_instance(plugin)->core, bytes, sizeof bytes);
    for (size_t done = 0; done < length;) {
        const int64_t written = stream->write(stream, bytes + done, length - done);
        if (written <= 0 || (uint64_t)written > length - done) {
            return false;
        }
        done += (size_t)written;
    }
    return length != 0;
}

static bool CLAP_ABI load(const ClapPlugin *plugin, const ClapInputStream *stream)
{
    ClapInstance *instance = clap_instance(plugin);
    uint8_t bytes[STEMS_STATE_MAXIMUM_BYTES + 1]; /* one more, to see that there is too much */
    size_t length = 0;
    while (length < sizeof bytes) {
        const int64_t taken = stream->read(stream, bytes + length, sizeof bytes - length);
        if (taken < 0 || (uint64_t)taken > sizeof bytes - length) {
            return false;
        }
        if (taken == 0) {
            break;
        }
        length += (size_t)taken;
    }
    if (!stems_plugin_restore(instance->core, bytes, length)) {
        return false;
    }
    if (!stems_plugin_is_active(instance->core)) {
        clap_tell_latency(instance);
    }
    return true;
}

const ClapState clap_state = {save, load};
