/* What Python and the generator's loop share: see loop.c. Times are nanoseconds of CLOCK_REALTIME. */

#ifndef GENERATOR_H
#define GENERATOR_H
#include <stdint.h>

#define GENERATOR_HEAD 12
#define GENERATOR_SLOT 256

/* Every array belongs to the caller and outlives the run. */
typedef struct {
    /* What is to be sent: bursts in order of time. */
    int64_t start, bursts, next;     /* `next` is the first one that was not sent yet */
    const int64_t *due;              /* after `start` */
    const int32_t *descriptors, *messages;
    const uint64_t *headers;         /* the address of each burst's first struct mmsghdr */
    int64_t *sent_at;                /* 0 for never */
    int32_t *taken;                  /* messages that the kernel took */

    /* Where something may come in. */
    int32_t sockets;
    const int32_t *socket;
    int64_t circle, visited;         /* the time of one visit to each; visits so far */

    /* RTP and RTCP that came: GENERATOR_HEAD bytes of each, its length, its time. */
    int64_t room, used;
    uint8_t *heads;
    uint32_t *lengths;
    int64_t *times;

    /* What else came, whole when it fits into GENERATOR_SLOT bytes, and the index of its socket. */
    int64_t other_room, other_used;
    uint8_t *others;
    uint32_t *other_lengths;
    int32_t *other_sockets;
} generator_run;

int generator_prepare(int descriptor);
void generator_go(generator_run *run, int64_t until);
int64_t generator_receive(generator_run *run);
int generator_protect(void *protect, void *session, uint8_t *first, int64_t stride, int64_t count, int length);

#endif
