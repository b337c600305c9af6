/* The packet loop's data, shared with Python through cffi: see loop.c. Times are monotonic seconds. */

#ifndef LOOP_H
#define LOOP_H
#include <stdint.h>

#define LOOP_BATCH 64
#define LOOP_SLOT 2048
#define LOOP_HEADROOM 64
#define LOOP_MAX_DATAGRAM 1472
#define LOOP_ADDRESS 28
#define LOOP_STREAMS 16

/* Reasons of drops, in the order of `sfu.io.native_loop.REASONS`. */
enum loop_drop {
    DROP_NONE, DROP_LENGTH, DROP_FIRST_BYTE, DROP_UNKNOWN_SOURCE, DROP_NO_KEYS, DROP_TOO_SHORT, DROP_UNPROTECT,
    DROP_PROTECT, DROP_MALFORMED, DROP_PEER_ABSENT, DROP_CODEC, DROP_OVER_CAP, DROP_NACK_CAP, DROP_SEND, DROP_REASONS
};

/* What Python must do with a slot: handle the datagram as it came, or only read the copy of an RTCP report. */
enum loop_kind { UP_RAW, UP_REPORT };

typedef struct { double rate, burst, left, at; } loop_bucket;

typedef struct { uint32_t ssrc; uint8_t mid; uint64_t packets, bytes; } loop_stream;

typedef struct loop_leg {
    void *receive, *send;           /* SRTP sessions; NULL before DTLS has finished */
    struct loop_leg *peer;
    uint8_t sendable;               /* the peer's packets may go out to this leg */
    uint8_t by_udp;                 /* else Python sends, over TCP */
    uint8_t destination[LOOP_ADDRESS];
    uint8_t accepts[128];
    uint32_t streams_used;
    loop_stream streams[LOOP_STREAMS];
    loop_bucket packets_allowed, bytes_allowed, nacks_allowed;
    double last_heard;
    uint64_t packets_in, bytes_in, packets_out, bytes_out;
    uint8_t any_dropped;            /* `dropped` is not all 0 */
    uint64_t dropped[DROP_REASONS];
    uint8_t counted;                /* among the legs of `loop_state.counted` */
    struct loop_leg *next_counted;
} loop_leg;

typedef struct { uint32_t slot, length, kind; loop_leg *leg; } loop_up;

typedef struct loop_state {
    int fd;
    uint32_t address_length, key_length;
    uint8_t *buffer;                /* (LOOP_BATCH + 1) slots, shared with Python */
    uint8_t *names;                 /* LOOP_BATCH addresses of LOOP_ADDRESS bytes */
    uint8_t *reports;               /* LOOP_BATCH copies of RTCP, LOOP_SLOT bytes each */
    uint64_t dropped[DROP_REASONS];
    loop_leg *counted;              /* the legs whose counters have changed since Python emptied this list */
    uint32_t ups;
    loop_up up[LOOP_BATCH];
    struct loop_private *private;
} loop_state;

loop_state *loop_new(int fd, uint32_t address_length, uint32_t key_length, uint8_t *buffer,
                     void *unprotect, void *protect, void *unprotect_rtcp, void *protect_rtcp);
void loop_free(loop_state *loop);
int loop_route(loop_state *loop, const uint8_t *key, loop_leg *leg);
void loop_unroute(loop_state *loop, const uint8_t *key);
int loop_batch(loop_state *loop, double now);

#endif
