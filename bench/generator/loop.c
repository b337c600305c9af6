/* The generator's loop: sends bursts when they are due, and notes what comes in. It is here to be cheap: what it costs
 * must leave the server, and not the generator, to be full first.
 *
 * A burst is one sendmmsg, and its video packets are one message of it, which the kernel cuts (UDP_SEGMENT). Sockets
 * are visited in turn and not polled for, since the kernel says when each datagram came; of RTP and RTCP only the
 * header is copied.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "loop.h"

enum { BATCH = 64, CONTROL = 64, SENDS_A_PASS = 32, VISITS_A_PASS = 32 };
static const int64_t SECOND = 1000000000, TICK = 1000000;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

/* ---- sending --------------------------------------------------------------------------------------------------- */

static int send_burst(int descriptor, struct mmsghdr *messages, int count) {
    int sent = 0, refused = 0;
    while (sent < count) {
        int done = sendmmsg(descriptor, messages + sent, count - sent, MSG_DONTWAIT);
        if (done > 0)
            sent += done;
        else if (errno == ECONNREFUSED && !refused)
            refused = 1; /* an ICMP answer to an earlier message; this one has not been tried yet */
        else if (errno != EINTR)
            break;
    }
    return sent;
}

static void send_due(generator_run *run, int64_t now) {
    int64_t until = run->next + SENDS_A_PASS, latest = now - run->start;
    if (until > run->bursts) until = run->bursts;
    for (int64_t at = run->next; at < until && run->due[at] <= latest; at++) {
        run->sent_at[at] = now_ns();
        run->taken[at] =
            send_burst(run->descriptors[at], (struct mmsghdr *)(uintptr_t)run->headers[at], run->messages[at]);
        run->next = at + 1;
    }
}

/* ---- receiving ------------------------------------------------------------------------------------------------- */

static int full(const generator_run *run) {
    return run->room - run->used < BATCH || run->other_room - run->other_used < BATCH;
}

static int64_t arrived_at(struct msghdr *message) {
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec came;
            memcpy(&came, CMSG_DATA(part), sizeof came);
            return came.tv_sec * SECOND + came.tv_nsec;
        }
    return now_ns();
}

static void note(generator_run *run, int32_t index, const uint8_t *packet, struct mmsghdr *message) {
    if (message->msg_len >= GENERATOR_HEAD && packet[0] >= 128) {
        memcpy(run->heads + run->used * GENERATOR_HEAD, packet, GENERATOR_HEAD);
        run->lengths[run->used] = message->msg_len;
        run->times[run->used++] = arrived_at(&message->msg_hdr);
        return;
    }
    memcpy(run->others + run->other_used * GENERATOR_SLOT, packet, GENERATOR_SLOT);
    run->other_lengths[run->other_used] = message->msg_len;
    run->other_sockets[run->other_used++] = index;
}

/* Take what one socket has. The buffers are hot in the cache: each call uses the same ones. */
static int64_t visit(generator_run *run, int32_t index) {
    static _Thread_local struct mmsghdr messages[BATCH];
    static _Thread_local struct iovec vectors[BATCH];
    static _Thread_local uint8_t packets[BATCH][GENERATOR_SLOT];
    static _Thread_local union { struct cmsghdr align; uint8_t bytes[CONTROL]; } controls[BATCH];
    int64_t total = 0;
    for (int count = BATCH; count == BATCH && !full(run);) {
        for (int i = 0; i < BATCH; i++) {
            vectors[i] = (struct iovec){packets[i], GENERATOR_SLOT};
            messages[i].msg_hdr = (struct msghdr){
                .msg_iov = &vectors[i], .msg_iovlen = 1, .msg_control = controls[i].bytes, .msg_controllen = CONTROL};
        }
        count = recvmmsg(run->socket[index], messages, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
        for (int i = 0; i < count; i++) note(run, index, packets[i], &messages[i]);
        total += count > 0 ? count : 0;
    }
    return total;
}

/* Visit as many sockets as the time since the start asks for, some at a time, so that sending is not forgotten. What was
 * missed is not made up for. Returns whether there are more to visit now. */
static int receive_some(generator_run *run, int64_t now) {
    int64_t wanted = (double)(now - run->start) / run->circle * run->sockets;
    if (run->visited < wanted - run->sockets) run->visited = wanted - run->sockets;
    for (int i = 0; i < VISITS_A_PASS && run->visited < wanted && !full(run); i++)
        visit(run, run->visited++ % run->sockets);
    return run->visited < wanted;
}

/* ---- what Python calls ----------------------------------------------------------------------------------------- */

/* Let the kernel note when each datagram comes. Returns 0, or -1. */
int generator_prepare(int descriptor) {
    int on = 1;
    return setsockopt(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

/* Send and receive until a moment, or until everything was sent, or until there is no room for what comes. */
void generator_go(generator_run *run, int64_t until) {
    for (int64_t now; run->next < run->bursts && !full(run) && (now = now_ns()) < until;) {
        send_due(run, now);
        int more = receive_some(run, now);
        if (more || run->next == run->bursts || run->start + run->due[run->next] <= now_ns()) continue;
        int64_t tick = (now_ns() / TICK + 1) * TICK, wake = tick < until ? tick : until;
        struct timespec at = {wake / SECOND, wake % SECOND};
        clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &at, NULL);
    }
}

/* Visit every socket once. Returns how many datagrams came; there may be more when there is no room left. */
int64_t generator_receive(generator_run *run) {
    int64_t total = 0;
    for (int32_t index = 0; index < run->sockets && !full(run); index++) total += visit(run, index);
    return total;
}

/* Protect packets of `length` bytes, `stride` apart, in place. Returns their length then, or minus libsrtp's error. */
int generator_protect(void *protect, void *session, uint8_t *first, int64_t stride, int64_t count, int length) {
    int (*function)(void *, void *, int *) = (int (*)(void *, void *, int *))protect;
    int protected_length = length;
    for (int64_t i = 0; i < count; i++) {
        protected_length = length;
        int error = function(session, first + i * stride, &protected_length);
        if (error) return -error;
    }
    return protected_length;
}
