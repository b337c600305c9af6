/* What goes out of a batch, in its order. Packets of one length that follow each other to one receiver leave as one
 * message, which the kernel cuts again (UDP_SEGMENT, Linux 4.18; the last of them may be shorter): a browser sends a
 * frame's packets together, and a message costs the kernel more than a packet does.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "loop.h"

enum { CUT = 103 }; /* UDP_SEGMENT, which netinet/udp.h may not have yet */
/* What each path of IPv6 carries whole (RFC 8200 §5), without the headers: what is cut is never fragmented. */
enum { SURELY_WHOLE = 1280 - 48, LONGEST_MESSAGE = 65000 };

/* The control data of a message: into packets of which length it is to be cut. */
union cut {
    struct cmsghdr head;
    uint8_t bytes[CMSG_SPACE(sizeof(uint16_t))];
};

struct outgoing {
    uint32_t packets, messages;
    uint32_t cut_length, total; /* of the last message: its first packet's length, its bytes */
    int joinable;               /* a packet may be put to the last message */
    int together;               /* the kernel cuts messages for us */
    uint32_t address_length;
    struct iovec vectors[LOOP_BATCH]; /* by packet */
    loop_leg *receivers[LOOP_BATCH];
    struct mmsghdr headers[LOOP_BATCH]; /* by message */
    union cut cuts[LOOP_BATCH];
};

static void outgoing_new(struct outgoing *out, int fd, uint32_t address_length) {
    int whole = 0;
    out->together = !setsockopt(fd, IPPROTO_UDP, CUT, &whole, sizeof whole);
    out->address_length = address_length;
    for (int i = 0; i < LOOP_BATCH; i++) {
        struct cmsghdr *head = &out->cuts[i].head;
        head->cmsg_level = IPPROTO_UDP;
        head->cmsg_type = CUT;
        head->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    }
}

static void begin_message(struct outgoing *out, struct iovec *first, loop_leg *receiver) {
    out->cut_length = first->iov_len;
    out->total = 0;
    out->headers[out->messages++].msg_hdr = (struct msghdr){
        .msg_name = receiver->destination, .msg_namelen = out->address_length, .msg_iov = first, .msg_iovlen = 0};
}

static void set_cut(struct outgoing *out, struct msghdr *message) {
    union cut *cut = &out->cuts[out->messages - 1];
    uint16_t length = out->cut_length;
    memcpy(CMSG_DATA(&cut->head), &length, sizeof length);
    message->msg_control = cut->bytes;
    message->msg_controllen = sizeof cut->bytes;
}

static void put_out(struct outgoing *out, loop_leg *receiver, uint8_t *packet, uint32_t length) {
    uint32_t at = out->packets++;
    out->vectors[at] = (struct iovec){packet, length};
    out->receivers[at] = receiver;
    int joins = out->joinable && out->receivers[at - 1] == receiver && length <= out->cut_length &&
                out->total + length <= LONGEST_MESSAGE;
    if (!joins) begin_message(out, &out->vectors[at], receiver);
    struct msghdr *message = &out->headers[out->messages - 1].msg_hdr;
    if (++message->msg_iovlen == 2) set_cut(out, message);
    out->total += length;
    out->joinable = out->together && length == out->cut_length && length <= SURELY_WHOLE;
}

/* Told of the receiver of a packet that the kernel did not take. */
typedef void (*refusal)(void *whose, loop_leg *receiver);

/* Send each packet of a message that the kernel refused to cut. */
static void send_apart(struct outgoing *out, int fd, struct msghdr *message, refusal refused, void *whose) {
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        struct msghdr one = {.msg_name = message->msg_name, .msg_namelen = message->msg_namelen,
                             .msg_iov = message->msg_iov + i, .msg_iovlen = 1};
        if (sendmsg(fd, &one, MSG_DONTWAIT) < 0) refused(whose, out->receivers[message->msg_iov + i - out->vectors]);
    }
}

/* Send what was put out. */
static void send_out(struct outgoing *out, int fd, refusal refused, void *whose) {
    uint32_t sent = 0;
    while (sent < out->messages) {
        int done = sendmmsg(fd, out->headers + sent, out->messages - sent, MSG_DONTWAIT);
        if (done > 0) {
            sent += done;
            continue;
        }
        if (errno == EINTR) continue;
        int full = errno == EAGAIN || errno == ENOBUFS;
        struct msghdr *message = &out->headers[sent++].msg_hdr;
        if (!full && message->msg_iovlen > 1) {
            /* No checksums by this device, or no such length on this path: never again. */
            if (errno == EIO || errno == EINVAL) out->together = 0;
            send_apart(out, fd, message, refused, whose);
            continue;
        }
        /* The first of the rest was refused. A full socket buffer refuses the others too. */
        uint32_t first = message->msg_iov - out->vectors;
        uint32_t end = full ? out->packets : first + (uint32_t)message->msg_iovlen;
        for (uint32_t i = first; i < end; i++) refused(whose, out->receivers[i]);
        if (full) break;
    }
    out->packets = out->messages = 0;
    out->joinable = 0;
}
