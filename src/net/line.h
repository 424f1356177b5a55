/*
 * How patient a connection is, and how it sends, by what is known of the line: pure
 * numbers, without a socket or a clock. The policy is written in front of line.c.
 */
#ifndef NET_LINE_H
#define NET_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct line {
	uint32_t bytes_per_s; /* of the slower direction; 0: not known */
	uint32_t rtt_ms;      /* 0: not known */
};

/* All but `connect_ms` and `whole_ms` are times of silence: each byte that the server
 * sends or acknowledges begins them anew. */
struct line_limits {
	unsigned name_ms;         /* the first answer of a name server */
	unsigned connect_ms;      /* to one address */
	unsigned reply_ms;        /* to a command; the greeting too */
	unsigned handshake_ms;    /* of TLS */
	unsigned small_ms;        /* of TLS, after which small segments are tried */
	unsigned whole_ms;        /* all steps together, however lively the server is */
	unsigned user_timeout_ms; /* TCP_USER_TIMEOUT: sent and not acknowledged */
	unsigned keepalive_idle_s, keepalive_interval_s;
	unsigned mss; /* largest TCP segment to ask for, in bytes; 0: the kernel's */
};
struct line_limits line_limits(const struct line *line);

/* An MSS that passes any path of IPv4 (RFC 9293 3.7.1). */
#define LINE_MSS_SAFE 536

/* What the kernel tells of a connection (TCP_INFO). */
struct line_signs {
	unsigned retransmits;  /* of the same segment, in a row */
	unsigned mss;          /* of what is sent */
	uint64_t unacked;      /* bytes sent and not acknowledged */
	uint64_t acked;        /* bytes acknowledged so far, */
	uint64_t delivered;    /* and in how many segments */
	uint64_t out_of_order; /* segments that came without the one before them, since
				* the last one came in order */
	unsigned silent_ms;    /* since data came in order */
	unsigned rtt_ms;
};

/* True if large segments seem to vanish while small ones pass: a path-MTU black hole
 * (RFC 2923 2.1). A new connection with LINE_MSS_SAFE is worth trying then; only its
 * success proves the suspicion. */
bool line_is_stalled(const struct line_signs *signs);

#endif
