/*
 * One packet between two of our programs, and the fields in it.
 *
 * A packet travels whole over a SOCK_SEQPACKET socket: type, tag, then the fields in
 * order, numbers as eight bytes and texts with their length in front. The tag is the
 * asker's own number for what he asks; an answer carries it back.
 *
 * Whoever reads treats the peer as hostile: a reader never runs past the end, it turns
 * bad and stays bad, and packet_end tells once. Each protocol (ipc/auth.h, ipc/intake.h,
 * ...) lists its messages with PACKET_DEFINE, so that both ends are made from one list.
 */
#ifndef IPC_PACKET_H
#define IPC_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

#define PACKET_MAX 65536

struct packet {
	unsigned type;
	uint32_t tag;
	struct span rest; /* fields not read yet, borrowed */
	bool bad;
};

/* Empties out (ceiling PACKET_MAX) and begins a packet in it. The caller keeps the fields
 * together below the ceiling: more is a broken invariant and ends the program. */
void packet_begin(struct buf *out, unsigned type, uint32_t tag);
void packet_put_number(struct buf *out, uint64_t number);
void packet_put_text(struct buf *out, struct span text);

/* False: too short to be one. */
bool packet_open(struct packet *packet, struct span bytes) MUST_USE;
uint64_t packet_get_number(struct packet *packet);
struct span packet_get_text(struct packet *packet);
/* All fields were there and nothing is left. */
bool packet_end(const struct packet *packet) MUST_USE;

/* A text field as a C string: false when it is too long for room or holds a NUL. */
bool packet_text_copy(struct span text, char *out, size_t room) MUST_USE;

#define PACKET_DECLARE_NUMBER(field) uint64_t field;
#define PACKET_DECLARE_TEXT(field)   struct span field;
#define PACKET_PUT_NUMBER(field)     packet_put_number(out, message->field);
#define PACKET_PUT_TEXT(field)       packet_put_text(out, message->field);
#define PACKET_GET_NUMBER(field)     message_out->field = packet_get_number(packet);
#define PACKET_GET_TEXT(field)       message_out->field = packet_get_text(packet);

/* From FIELDS(NUMBER, TEXT), a list of NUMBER(name) and TEXT(name): struct NAME, its
 * NAME_put(out, tag, message) and NAME_get(packet, message_out). Texts got are borrowed
 * from the packet's bytes; a text put may be { NULL, 0 }. */
#define PACKET_DEFINE(name, packet_type, FIELDS)                                \
	struct name {                                                           \
		FIELDS(PACKET_DECLARE_NUMBER, PACKET_DECLARE_TEXT)              \
	};                                                                      \
	UNUSED static inline void name##_put(struct buf *out, uint32_t tag,     \
					     const struct name *message)        \
	{                                                                       \
		packet_begin(out, (packet_type), tag);                          \
		FIELDS(PACKET_PUT_NUMBER, PACKET_PUT_TEXT)                      \
	}                                                                       \
	UNUSED MUST_USE static inline bool name##_get(struct packet *packet,    \
						      struct name *message_out) \
	{                                                                       \
		FIELDS(PACKET_GET_NUMBER, PACKET_GET_TEXT)                      \
		return packet_end(packet);                                      \
	}

#endif
