/* Feeds the packet loop in C with hostile datagrams: for libFuzzer, or with its own random ones (-DSTANDALONE).
 *
 * SRTP is stood in for by functions that only change the length, so every byte reaches the parsers. The input's first
 * bytes choose the legs' state; each datagram that follows is preceded by its length.
 */
#include "../../../sfu/native/loop.c"

static int unprotect(void *session, void *packet, int *length) {
    (void)session;
    if (((uint8_t *)packet)[*length - 1] == 0xFF) return 7;
    *length -= 10;
    return 0;
}

static int protect(void *session, void *packet, int *length) {
    (void)session;
    memset((uint8_t *)packet + *length, 0xAA, 20);
    *length += 20;
    return 0;
}

/* Messages hold every packet once and in order; each has one receiver, and lengths that the kernel can cut it into. */
static void check_messages(const struct outgoing *out) {
    uint32_t next = 0;
    for (uint32_t m = 0; m < out->messages; m++) {
        const struct msghdr *message = &out->headers[m].msg_hdr;
        size_t total = 0, count = message->msg_iovlen;
        if (message->msg_iov != out->vectors + next || !count || !message->msg_control != (count == 1)) abort();
        for (size_t i = 0; i < count; i++, next++) {
            size_t length = message->msg_iov[i].iov_len, first = message->msg_iov->iov_len;
            total += length;
            if (out->receivers[next]->destination != message->msg_name) abort();
            if (length > first || (length < first && i + 1 < count)) abort();
        }
        if (count > 1 && (total > LONGEST_MESSAGE || message->msg_iov->iov_len > SURELY_WHOLE || !out->together)) abort();
    }
    if (next != out->packets) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 8) return 0;
    uint8_t *buffer = malloc((LOOP_BATCH + 1) * LOOP_SLOT);
    loop_state *state = loop_new(-1, 16, 8, buffer, unprotect, protect, unprotect, protect);
    loop_leg legs[2];
    memset(legs, 0, sizeof legs);
    for (int i = 0; i < 2; i++) {
        loop_bucket bucket = {100, 100, 100, 0};
        legs[i].receive = legs[i].send = data[0] & 1 << i ? &legs[i] : NULL;
        legs[i].peer = data[0] & 4 << i ? &legs[1 - i] : NULL;
        legs[i].sendable = data[0] >> 4 & 1;
        legs[i].by_udp = data[0] >> 5 & 1;
        memset(legs[i].accepts, data[1], sizeof legs[i].accepts);
        legs[i].streams_used = data[2] % (LOOP_STREAMS + 1);
        for (uint32_t s = 0; s < legs[i].streams_used; s++) legs[i].streams[s].ssrc = data[3], legs[i].streams[s].mid = '1';
        legs[i].packets_allowed = legs[i].bytes_allowed = legs[i].nacks_allowed = bucket;
        legs[i].bytes_allowed.left = 1e9;
    }
    for (uint32_t n = 0; n < 8u * data[4]; n++) { /* many addresses come and go: the table grows and is cleaned */
        uint8_t key[LOOP_ADDRESS] = {2, 0, (uint8_t)n, (uint8_t)(n >> 8), data[5]};
        loop_route(state, key, &legs[n & 1]);
        if (n & data[6]) loop_unroute(state, key);
        loop_leg *found = find(&state->private->routes, key) ? &legs[n & 1] : NULL;
        if (!found != !!(n & data[6])) abort();
    }
    state->private->out.together = data[0] >> 6 & 1;
    size_t at = 8;
    uint32_t slot = 0;
    for (double now = 1; at + 2 <= size && slot < LOOP_BATCH; slot++, now += 0.001) {
        size_t length = (data[at] << 8 | data[at + 1]) % 1600;
        at += 2;
        if (length > size - at) length = size - at;
        uint8_t *packet = buffer + slot * LOOP_SLOT + LOOP_HEADROOM;
        memcpy(packet, data + at, length < LOOP_MAX_DATAGRAM + 1 ? length : LOOP_MAX_DATAGRAM + 1);
        at += length;
        one(state, slot, length, data[7] & 1 ? &legs[slot & 1] : NULL, now);
    }
    for (uint32_t i = 0; i < state->private->out.packets; i++) { /* what would be sent lies within its slot */
        uint8_t *base = state->private->out.vectors[i].iov_base;
        size_t length = state->private->out.vectors[i].iov_len, offset = base - buffer;
        if (offset % LOOP_SLOT + length > LOOP_SLOT || length > LOOP_SLOT - LOOP_HEADROOM + 8) abort();
    }
    check_messages(&state->private->out);
    loop_free(state);
    free(buffer);
    return 0;
}

#ifdef STANDALONE
#include <stdio.h>
int main(int count, char **words) {
    (void)count;
    srand(1);
    for (int run = 0; run < atoi(words[1]); run++) {
        uint8_t data[4096];
        size_t size = 8 + rand() % (sizeof data - 8);
        for (size_t i = 0; i < size; i++) data[i] = rand() % 4 ? rand() : "\x80\x90\xC8\xCD\xBE\xDE\x10\x40"[rand() % 8];
        LLVMFuzzerTestOneInput(data, size);
    }
    return puts("done") < 0;
}
#endif
