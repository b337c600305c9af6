/* What the loop reads and changes in RTP and RTCP packets; twins of sfu/rtp.py and sfu/rtcp.py. */
#include <stdint.h>
#include <string.h>

enum { SENDER_REPORT = 200, RECEIVER_REPORT = 201, TRANSPORT_FEEDBACK = 205, GENERIC_NACK = 1 };
enum { MID_EXTENSION = 4, MID_ELEMENT = MID_EXTENSION << 4, ONE_BYTE = 0xBEDE, TWO_BYTE = 0x1000, UNKNOWN_PROFILE = -2 };

static uint32_t word(const uint8_t *at) { return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3]; }
static int half(const uint8_t *at) { return at[0] << 8 | at[1]; }

static int is_nack(const uint8_t *part) { return part[1] == TRANSPORT_FEEDBACK && (part[0] & 31) == GENERIC_NACK; }

static int has_mid(const uint8_t *elements, int length, int two_byte) {
    for (int at = 0; at < length;) {
        uint8_t head = elements[at];
        if (head == 0) {
            at++;
        } else if (two_byte) {
            if (at + 1 >= length) return 0;
            if (head == MID_EXTENSION && elements[at + 1] == 1 && at + 2 < length) return 1;
            at += 2 + elements[at + 1];
        } else {
            if (head >> 4 == 15) return 0; /* RFC 8285 §4.2: stop at the reserved id */
            if (head == MID_ELEMENT && at + 1 < length) return 1;
            at += 2 + (head & 15);
        }
    }
    return 0;
}

/* Add a MID where there is none, growing into the headroom. Returns the growth (0, 4, 8) or -1 for a bad header. */
static int add_mid(uint8_t *packet, int length, uint8_t mid) {
    int start = 12 + 4 * (packet[0] & 15);
    if (length < start) return -1;
    if (!(packet[0] & 0x10)) {
        const uint8_t block[8] = {0xBE, 0xDE, 0, 1, MID_ELEMENT, mid, 0, 0};
        memmove(packet - 8, packet, start);
        packet[-8] |= 0x10;
        memcpy(packet - 8 + start, block, sizeof block);
        return 8;
    }
    if (length < start + 4) return -1;
    int profile = half(packet + start), words = half(packet + start + 2), end = start + 4 + 4 * words;
    if (length < end) return -1;
    int two_byte = (profile & 0xFFF0) == TWO_BYTE;
    if (!two_byte && profile != ONE_BYTE) return 0;
    if (has_mid(packet + start + 4, 4 * words, two_byte)) return 0;
    memmove(packet - 4, packet, end);
    packet[start - 4 + 2] = (words + 1) >> 8;
    packet[start - 4 + 3] = (words + 1) & 255;
    const uint8_t one[4] = {MID_ELEMENT, mid, 0, 0}, two[4] = {MID_EXTENSION, 1, mid, 0};
    memcpy(packet - 4 + end, two_byte ? two : one, 4);
    return 4;
}

/* Walk a compound packet: return how many retransmissions it asks for, or -1; tell whether it holds a report. */
static int count_nacks(const uint8_t *packet, int length, int *reports) {
    int nacks = 0;
    *reports = 0;
    for (int at = 0; at < length;) {
        if (length - at < 4 || packet[at] >> 6 != 2) return -1;
        int end = at + 4 * (1 + half(packet + at + 2));
        if (end > length) return -1;
        if (packet[at + 1] == SENDER_REPORT || packet[at + 1] == RECEIVER_REPORT) *reports = 1;
        if (is_nack(packet + at))
            for (int i = at + 12; i + 4 <= end; i += 4) nacks += 1 + __builtin_popcount(half(packet + i + 2));
        at = end;
    }
    return nacks;
}

/* Take the NACKs out of a compound packet that `count_nacks` has accepted. Returns what is left of its length. */
static int without_nacks(uint8_t *packet, int length) {
    int kept = 0;
    for (int at = 0, size; at < length; at += size) {
        size = 4 * (1 + half(packet + at + 2));
        if (is_nack(packet + at)) continue;
        memmove(packet + kept, packet + at, size);
        kept += size;
    }
    return kept;
}
