/* A host in miniature for the sanitizers: an audio thread, a main thread that turns every knob, live and offline, many lives. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "stems_plugin.h"

enum { FRAMES = 256 };

static _Atomic bool is_over;
static StemsPlugin *plugin;

#ifdef SEED_RACE
int seeded;
#endif

#ifdef SEED_BLOCKING
static void seeded(void) STEMS_NONBLOCKING
{
    static void *volatile kept;
    kept = malloc(10);
    free(kept);
}
#endif

static void pause_us(long us)
{
    struct timespec pause = {0, 1000 * us};
    nanosleep(&pause, NULL);
}

static void *play(void *unused)
{
    static float in[2][FRAMES], out[4][FRAMES];
    const float *inputs[] = {in[0], in[1]};
    float *vocals[] = {out[0], out[1]}, *rest[] = {out[2], out[3]};
    float *const *buses[] = {vocals, rest};
    for (int i = 0; !atomic_load(&is_over); i++) {
        for (int k = 0; k < FRAMES; k++) {
            in[0][k] = in[1][k] = 0.1F * sinf((float)(i * FRAMES + k) * 0.01F);
        }
        StemsBlock block = {inputs, buses, (uint32_t)(1 + i % FRAMES), i % 500 > 450};
        stems_plugin_process(plugin, &block);
        if (i % 400 == 399) {
            stems_plugin_reset(plugin);
        }
#ifdef SEED_RACE
        seeded++;
#endif
#ifdef SEED_BLOCKING
        seeded();
#endif
        pause_us(1000);
    }
    return unused;
}

#ifdef SEED_STALE
static void seeded_stale(void)
{
    int *volatile kept = calloc(1, sizeof *kept);
    int *volatile same = kept;
    free(kept);
    printf("%d\n", *same);
}
#endif

#ifdef SEED_UNSET
static void seeded_unset(void)
{
    int *volatile unset = malloc(sizeof *unset);
    printf("%s\n", *unset != 0 ? "yes" : "no");
    free(unset);
}
#endif

int main(void)
{
#ifdef SEED_STALE
    seeded_stale();
#endif
#ifdef SEED_UNSET
    seeded_unset();
#endif
    plugin = stems_plugin_create(STEMS_MULTI);
    for (int life = 0; life < 3; life++) {
        pthread_t thread;
        if (!stems_plugin_activate(plugin, 44100, FRAMES, 2)) {
            return 1;
        }
        atomic_store(&is_over, false);
        pthread_create(&thread, NULL, play, NULL);
        for (int i = 0; i < 300; i++) {
            char text[100];
            uint8_t state[STEMS_STATE_MAXIMUM_BYTES];
            StemsStatistics statistics;
            stems_plugin_set_parameter(plugin, STEMS_PARAMETER_VOCALS_GAIN, -(i % 50));
            stems_plugin_set_parameter(plugin, STEMS_PARAMETER_PROFILE, (i / 100) % 3);
            stems_plugin_status_text(plugin, text, sizeof text);
            stems_plugin_statistics(plugin, &statistics);
            stems_plugin_restore(plugin, state, stems_plugin_save(plugin, state, sizeof state));
            stems_plugin_latency_samples(plugin);
#ifdef SEED_RACE
            seeded++;
#endif
#ifdef SEED_OVERFLOW
            state[sizeof state + (size_t)(i % 2)] = 1;
#endif
#ifdef SEED_SHIFT
            printf("%d\n", i << (30 + i));
#endif
            pause_us(5000);
        }
        atomic_store(&is_over, true);
        pthread_join(thread, NULL);
        printf("%s\n", stems_status_name(stems_plugin_status(plugin)));
        stems_plugin_deactivate(plugin);
    }
    stems_plugin_destroy(plugin);
#ifdef SEED_LEAK
    void *volatile lost = malloc(100);
    lost = NULL;
    (void)lost;
#endif
    return 0;
}
