/* The packet loop in C: the established flows of a worker, from recvmmsg to sendmmsg.
 *
 * It does what sfu/io/loop.py does for SRTP from authenticated addresses, and hands everything else up to it: STUN,
 * DTLS, SSRCs that nobody announced, packets for a peer behind TCP, RTCP whose NACKs exceed their cap, and copies of
 * reports. libsrtp is pylibsrtp's: its functions and sessions come in as pointers. One test class runs on both loops.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/socket.h>

typedef int (*srtp_function)(void *session, void *packet, int *length);

#include "packets.h"
#include "routes.h"
#include "sending.h"

struct loop_private {
    srtp_function unprotect, protect, unprotect_rtcp, protect_rtcp;
    struct mmsghdr in[LOOP_BATCH];
    struct iovec in_vectors[LOOP_BATCH];
    struct outgoing out;
    struct routes routes;
};

/* The shortest tag we negotiate has 10 bytes; SRTCP adds a 4-byte index (and see libsrtp #817 for GCM). */
enum { MIN_SRTP = 12 + 10, MIN_SRTCP = 8 + 4 + 16 };
/* ---- small judgements ------------------------------------------------------------------------------------------ */

static int take(loop_bucket *bucket, double units, double now) { /* as sfu/bucket.py: refilled when dry */
    if (bucket->left < units) {
        double left = bucket->left + (now - bucket->at) * bucket->rate;
        bucket->left = left < bucket->burst ? left : bucket->burst;
        bucket->at = now;
        if (bucket->left < units) return 0;
    }
    bucket->left -= units;
    return 1;
}

static loop_stream *stream_of(loop_leg *leg, uint32_t ssrc) {
    for (uint32_t i = 0; i < leg->streams_used; i++)
        if (leg->streams[i].ssrc == ssrc) return &leg->streams[i];
    return NULL;
}

static void up(loop_state *loop, uint32_t slot, uint32_t length, enum loop_kind kind, loop_leg *leg) {
    loop_up entry = {slot, length, kind, leg};
    loop->up[loop->ups++] = entry;
}

static void has_counted(loop_state *state, loop_leg *leg) {
    if (leg->counted) return;
    leg->counted = 1;
    leg->next_counted = state->counted;
    state->counted = leg;
}

static void drop_of(loop_state *state, loop_leg *leg, enum loop_drop reason) {
    has_counted(state, leg);
    leg->dropped[reason]++;
    leg->any_dropped = 1;
}

static void send_later(loop_state *loop, loop_leg *leg, uint8_t *packet, int length) {
    has_counted(loop, leg);
    put_out(&loop->private->out, leg, packet, length);
    leg->packets_out++;
    leg->bytes_out += length;
}

/* ---- RTP and RTCP ---------------------------------------------------------------------------------------------- */

static enum loop_drop rtp(loop_state *loop, loop_leg *leg, uint32_t slot, uint32_t received, double now) {
    uint8_t *packet = loop->buffer + slot * LOOP_SLOT + LOOP_HEADROOM;
    int length = received;
    loop_leg *peer = leg->peer;
    if (!leg->receive) return DROP_NO_KEYS;
    if (length < MIN_SRTP) return DROP_TOO_SHORT;
    loop_stream *stream = stream_of(leg, word(packet + 8));
    /* Both are decided before the packet is touched, so that Python finds it as it came. */
    if (!stream || (peer && peer->sendable && !peer->by_udp)) {
        up(loop, slot, received, UP_RAW, leg);
        return DROP_NONE;
    }
    if (loop->private->unprotect(leg->receive, packet, &length)) return DROP_UNPROTECT;
    leg->last_heard = now;
    leg->packets_in++;
    leg->bytes_in += length;
    if (!peer || !peer->sendable) return DROP_PEER_ABSENT;
    if (!peer->accepts[packet[1] & 127]) return DROP_CODEC;
    if (!take(&leg->packets_allowed, 1, now) || !take(&leg->bytes_allowed, length, now)) return DROP_OVER_CAP;
    stream->packets++;
    stream->bytes += length;
    int growth = add_mid(packet, length, stream->mid);
    if (growth < 0) return DROP_MALFORMED;
    packet -= growth;
    length += growth;
    if (loop->private->protect(peer->send, packet, &length)) return DROP_PROTECT;
    send_later(loop, peer, packet, length);
    return DROP_NONE;
}

static enum loop_drop rtcp(loop_state *loop, loop_leg *leg, uint32_t slot, uint32_t received, double now) {
    uint8_t *packet = loop->buffer + slot * LOOP_SLOT + LOOP_HEADROOM;
    int length = received, reports;
    loop_leg *peer = leg->peer;
    if (!leg->receive) return DROP_NO_KEYS;
    if (length < MIN_SRTCP) return DROP_TOO_SHORT;
    if (!stream_of(leg, word(packet + 4)) || (peer && peer->sendable && !peer->by_udp)) { /* Python counts SSRCs */
        up(loop, slot, received, UP_RAW, leg);
        return DROP_NONE;
    }
    if (loop->private->unprotect_rtcp(leg->receive, packet, &length)) return DROP_UNPROTECT;
    leg->last_heard = now;
    leg->packets_in++;
    leg->bytes_in += length;
    int nacks = count_nacks(packet, length, &reports);
    if (nacks < 0) return DROP_MALFORMED;
    if (!peer || !peer->sendable) return DROP_PEER_ABSENT;
    if (reports) {
        memcpy(loop->reports + slot * LOOP_SLOT, packet, length);
        up(loop, slot, length, UP_REPORT, leg);
    }
    if (!take(&leg->packets_allowed, 1, now)) return DROP_OVER_CAP;
    if (nacks && !take(&leg->nacks_allowed, nacks, now) && !(length = without_nacks(packet, length)))
        return DROP_NACK_CAP;
    if (loop->private->protect_rtcp(peer->send, packet, &length)) return DROP_PROTECT;
    send_later(loop, peer, packet, length);
    return DROP_NONE;
}

/* ---- batches --------------------------------------------------------------------------------------------------- */

static enum loop_drop one(loop_state *loop, uint32_t slot, uint32_t length, loop_leg *leg, double now) {
    uint8_t *packet = loop->buffer + slot * LOOP_SLOT + LOOP_HEADROOM;
    if (length == 0 || length > LOOP_MAX_DATAGRAM) return DROP_LENGTH;
    if (packet[0] >= 128 && packet[0] <= 191) { /* RFC 7983 §7 */
        if (!leg) return DROP_UNKNOWN_SOURCE;
        has_counted(loop, leg);
        int is_rtcp = length > 1 && packet[1] >= 192 && packet[1] <= 223; /* RFC 5761 §4 */
        return is_rtcp ? rtcp(loop, leg, slot, length, now) : rtp(loop, leg, slot, length, now);
    }
    if (packet[0] <= 3 || (packet[0] >= 20 && packet[0] <= 63)) {
        up(loop, slot, length, UP_RAW, leg);
        return DROP_NONE;
    }
    return DROP_FIRST_BYTE;
}

static void refused(void *loop, loop_leg *leg) { drop_of(loop, leg, DROP_SEND); }

/* Receive one batch and forward what can be. Returns how many datagrams came; `up` tells what is left to Python. */
int loop_batch(loop_state *state, double now) {
    struct loop_private *loop = state->private;
    state->ups = 0;
    for (int i = 0; i < LOOP_BATCH; i++) loop->in[i].msg_hdr.msg_namelen = state->address_length;
    int count = recvmmsg(state->fd, loop->in, LOOP_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        uint8_t *name = state->names + i * LOOP_ADDRESS;
        memset(name + state->key_length, 0, LOOP_ADDRESS - state->key_length);
        struct route *known = find(&loop->routes, name);
        loop_leg *leg = known ? known->leg : NULL;
        enum loop_drop drop = one(state, i, loop->in[i].msg_len, leg, now);
        if (drop == DROP_NONE) continue;
        if (leg) drop_of(state, leg, drop);
        else state->dropped[drop]++;
    }
    send_out(&loop->out, state->fd, refused, state);
    return count > 0 ? count : 0;
}

int loop_route(loop_state *state, const uint8_t *key, loop_leg *leg) { return add_route(&state->private->routes, key, leg); }

void loop_unroute(loop_state *state, const uint8_t *key) {
    struct route *known = find(&state->private->routes, key);
    if (known) known->state = GONE;
}

loop_state *loop_new(int fd, uint32_t address_length, uint32_t key_length, uint8_t *buffer, void *unprotect,
                     void *protect, void *unprotect_rtcp, void *protect_rtcp) {
    loop_state *state = calloc(1, sizeof *state);
    if (!state) return NULL;
    struct loop_private *loop = state->private = calloc(1, sizeof *loop);
    state->names = calloc(LOOP_BATCH, LOOP_ADDRESS);
    state->reports = calloc(LOOP_BATCH, LOOP_SLOT);
    if (!loop || !state->names || !state->reports || rebuild(&loop->routes, 1024)) {
        loop_free(state);
        return NULL;
    }
    state->fd = fd;
    state->address_length = address_length;
    state->key_length = key_length;
    state->buffer = buffer;
    loop->unprotect = (srtp_function)unprotect;
    loop->protect = (srtp_function)protect;
    loop->unprotect_rtcp = (srtp_function)unprotect_rtcp;
    loop->protect_rtcp = (srtp_function)protect_rtcp;
    outgoing_new(&loop->out, fd, address_length);
    for (int i = 0; i < LOOP_BATCH; i++) {
        loop->in_vectors[i].iov_base = buffer + i * LOOP_SLOT + LOOP_HEADROOM;
        loop->in_vectors[i].iov_len = LOOP_MAX_DATAGRAM + 1;
        loop->in[i].msg_hdr.msg_iov = &loop->in_vectors[i];
        loop->in[i].msg_hdr.msg_iovlen = 1;
        loop->in[i].msg_hdr.msg_name = state->names + i * LOOP_ADDRESS;
    }
    return state;
}

void loop_free(loop_state *state) {
    if (!state) return;
    if (state->private) free(state->private->routes.table);
    free(state->private);
    free(state->names);
    free(state->reports);
    free(state);
}
