/*
 * Removes containers, for good: every sandbox that ends is handed over here by name, and what nobody
 * knows any more is found by label.
 *
 * At most REAPER_PARALLEL removals run in the Engine at once (one was measured to take 97 s); the others
 * wait in line. A removal that fails is tried again, with growing pauses, until the Engine confirms
 * that the container is gone. Until then reaper_knows() is true and its host slot stays taken.
 */
#ifndef SANDBOX_SANDBOX_REAPER_H
#define SANDBOX_SANDBOX_REAPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/docker.h"

#define REAPER_PARALLEL 4

struct reaper;

/* NULL when memory is out. The docker object must live longer. */
struct reaper *reaper_new(struct docker *docker);

/* Forgets what is still to do. Accepts NULL. */
void reaper_free(struct reaper *r);

/* Takes the container of that name out of the world. Asking twice is the same as once. Never fails: without
 * memory the container is left to the search by label. */
void reaper_add(struct reaper *r, const char *name);

/* Whether its removal is under way. */
bool reaper_knows(const struct reaper *r, const char *name);

/* Containers not yet confirmed gone. */
size_t reaper_count(const struct reaper *r);

/* Starts what is due. Call it a few times a second. now_ms: clock_monotonic_ms(). */
void reaper_sweep(struct reaper *r, uint64_t now_ms);

#endif
