/* Addresses that lead to legs: open addressing over sockaddr bytes, zero-padded to LOOP_ADDRESS. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"

enum { EMPTY, TAKEN, GONE };

struct route { uint8_t key[LOOP_ADDRESS]; uint8_t state; loop_leg *leg; };
struct routes { uint32_t used, size; struct route *table; };

static uint32_t hash(const uint8_t *key) {
    uint32_t value = 2166136261u; /* FNV-1a: peers differ in a few bytes, which is all it has to spread */
    for (int i = 0; i < LOOP_ADDRESS; i++) value = (value ^ key[i]) * 16777619u;
    return value;
}

static struct route *find(const struct routes *routes, const uint8_t *key) {
    uint32_t mask = routes->size - 1, at = hash(key) & mask;
    for (; routes->table[at].state != EMPTY; at = (at + 1) & mask)
        if (routes->table[at].state == TAKEN && !memcmp(routes->table[at].key, key, LOOP_ADDRESS)) return &routes->table[at];
    return NULL;
}

static void place(struct routes *routes, const uint8_t *key, loop_leg *leg) {
    uint32_t mask = routes->size - 1, at = hash(key) & mask;
    while (routes->table[at].state == TAKEN) at = (at + 1) & mask;
    if (routes->table[at].state == EMPTY) routes->used++;
    memcpy(routes->table[at].key, key, LOOP_ADDRESS);
    routes->table[at].leg = leg;
    routes->table[at].state = TAKEN;
}

/* Make room for `size` (a power of two) entries, which also clears what is GONE. Returns 0, or -1 without memory. */
static int rebuild(struct routes *routes, uint32_t size) {
    struct routes old = *routes;
    struct route *table = calloc(size, sizeof *table);
    if (!table) return -1;
    *routes = (struct routes){0, size, table};
    for (uint32_t i = 0; i < old.size; i++)
        if (old.table[i].state == TAKEN) place(routes, old.table[i].key, old.table[i].leg);
    free(old.table);
    return 0;
}

/* Make room for one more: the table grows with the routes that exist, not with those that have ever been. */
static int make_room(struct routes *routes) {
    if (2 * (routes->used + 1) <= routes->size) return 0;
    uint32_t taken = 0;
    for (uint32_t i = 0; i < routes->size; i++) taken += routes->table[i].state == TAKEN;
    return rebuild(routes, 4 * (taken + 1) > routes->size ? 2 * routes->size : routes->size);
}

/* Let an address lead to a leg. Returns 0, or -1 without memory. */
static int add_route(struct routes *routes, const uint8_t *key, loop_leg *leg) {
    struct route *known = find(routes, key);
    if (known) {
        known->leg = leg;
        return 0;
    }
    if (make_room(routes)) return -1;
    place(routes, key, leg);
    return 0;
}
