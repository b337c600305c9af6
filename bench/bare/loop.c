/* The bare limit: datagrams moved between registered pairs of IPv4 addresses, and nothing else.
 *
 * No STUN, no DTLS, no counters by leg, no caps: what is left is what every forwarder on this kernel must pay. With
 * libsrtp's functions (pylibsrtp's, as pointers) each packet is also unprotected and protected again.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, SLOT = 2048, MAX_DATAGRAM = 1472, PORTS = 65536 };

typedef int (*srtp_function)(void *session, void *packet, int *length);

/* Where what comes from one address goes, and with which sessions. */
struct route {
    uint32_t host; /* whose packets these are */
    struct sockaddr_in to;
    void *receive, *send;
};

typedef struct bare {
    int fd;
    srtp_function unprotect, protect, unprotect_rtcp, protect_rtcp;
    atomic_int stopped;
    _Atomic(struct route *) routes[PORTS]; /* by source port */
    struct sockaddr_in names[BATCH];
    struct iovec in_vectors[BATCH], out_vectors[BATCH];
    struct mmsghdr in[BATCH], out[BATCH];
    uint8_t buffer[BATCH][SLOT];
} bare;

/* Without functions (NULL) packets pass as they are. Returns NULL without memory. */
bare *bare_new(int fd, void *unprotect, void *protect, void *unprotect_rtcp, void *protect_rtcp) {
    bare *loop = calloc(1, sizeof *loop);
    if (!loop) return NULL;
    loop->fd = fd;
    loop->unprotect = (srtp_function)unprotect;
    loop->protect = (srtp_function)protect;
    loop->unprotect_rtcp = (srtp_function)unprotect_rtcp;
    loop->protect_rtcp = (srtp_function)protect_rtcp;
    for (int i = 0; i < BATCH; i++) {
        loop->in_vectors[i].iov_base = loop->buffer[i];
        loop->in_vectors[i].iov_len = MAX_DATAGRAM;
        loop->in[i].msg_hdr.msg_iov = &loop->in_vectors[i];
        loop->in[i].msg_hdr.msg_iovlen = 1;
        loop->in[i].msg_hdr.msg_name = &loop->names[i];
        loop->out[i].msg_hdr.msg_iov = &loop->out_vectors[i];
        loop->out[i].msg_hdr.msg_iovlen = 1;
        loop->out[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_in);
    }
    return loop;
}

/* Hosts and ports in network byte order. A route is never taken back. Returns -1 without memory. */
int bare_route(bare *loop, uint32_t from_host, uint16_t from_port, uint32_t to_host, uint16_t to_port, void *receive,
               void *send) {
    struct route *route = calloc(1, sizeof *route);
    if (!route) return -1;
    route->host = from_host;
    route->to.sin_family = AF_INET;
    route->to.sin_addr.s_addr = to_host;
    route->to.sin_port = to_port;
    route->receive = receive;
    route->send = send;
    atomic_store(&loop->routes[from_port], route);
    return 0;
}

/* Unprotect and protect in place; 0 when the packet may go out: nothing but RTP and RTCP may (RFC 7983 §7). */
static int recrypt(bare *loop, struct route *route, uint8_t *packet, int *length) {
    if (*length < 28 || packet[0] >> 6 != 2) return -1;
    if (!loop->unprotect) return 0;
    int is_rtcp = packet[1] >= 192 && packet[1] <= 223; /* RFC 5761 §4 */
    if ((is_rtcp ? loop->unprotect_rtcp : loop->unprotect)(route->receive, packet, length)) return -1;
    return (is_rtcp ? loop->protect_rtcp : loop->protect)(route->send, packet, length);
}

/* Move datagrams until `bare_stop`; the descriptor must block, with a receive timeout so that the stop is seen. */
void bare_run(bare *loop) {
    while (!atomic_load_explicit(&loop->stopped, memory_order_relaxed)) {
        for (int i = 0; i < BATCH; i++) loop->in[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_in);
        int count = recvmmsg(loop->fd, loop->in, BATCH, MSG_WAITFORONE, NULL), queued = 0;
        for (int i = 0; i < count; i++) {
            struct route *route = atomic_load_explicit(&loop->routes[loop->names[i].sin_port], memory_order_acquire);
            int length = loop->in[i].msg_len;
            if (!route || route->host != loop->names[i].sin_addr.s_addr) continue;
            if (recrypt(loop, route, loop->buffer[i], &length)) continue;
            loop->out_vectors[queued].iov_base = loop->buffer[i];
            loop->out_vectors[queued].iov_len = length;
            loop->out[queued++].msg_hdr.msg_name = &route->to;
        }
        for (int sent = 0; sent < queued;) {
            int done = sendmmsg(loop->fd, loop->out + sent, queued - sent, 0);
            sent += done > 0 ? done : 1; /* what the kernel refuses is lost */
        }
    }
}

void bare_stop(bare *loop) { atomic_store(&loop->stopped, 1); }
