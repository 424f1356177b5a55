/*
 * run/link: what the operator's command asks lontar-link; and, with the second list, what
 * lontar-link and a lontar-flush say to each other over the flush's PRIVATE_FD. Where no
 * gateway runs, `lontar flush` starts lontar-flush itself and plays lontar-link.
 */
#ifndef IPC_LINK_H
#define IPC_LINK_H

#include <stdio.h>

#include "control/routes.h"
#include "ipc/packet.h"

enum link_packet {
	LINK_EVENT = 1, /* command: a link went up or down; answered by DONE at once */
	LINK_FLUSH,     /* command: push these smarthosts now; PROGRESS..., then DONE */
	LINK_SHOW,      /* command: STATE for each link, then DONE; no fields */
	LINK_STATE,     /* link: one link; see link/state.h for what is on disk */
	LINK_ACT,       /* command, and link to flush: hold, release, first, drop */
	LINK_DONE,      /* link, and flush to an ACT: how it ended */
	LINK_PROGRESS,  /* flush to link, link to the command that asked */
	LINK_NUDGE,     /* link to flush: more has been parked; no fields */
	LINK_STOP,      /* link to flush and pickup: stop within 2 s */
	LINK_IDLE,   /* flush to link: all sent; I leave unless nudged soon; no fields */
	LINK_MOVED,  /* flush to link: new routes moved mail to another smarthost */
	LINK_PICKUP, /* command: fetch these pickups now; PROGRESS..., then DONE */
	LINK_PAGE,  /* web: what a user may see; DONE comes with a descriptor to read from
		     */
	LINK_WISH,  /* web: a user asks for a large message; then DONE */
	LINK_ALLOW, /* link to flush and pickup: what is left of the link
		       (link/allowance.h) */
};

/* What is at work for a pickup goes by this name in PROGRESS, beside the smarthosts. */
#define LINK_WORK_NAME_MAX (SMARTHOST_NAME_MAX + 8)
static inline const char *link_pickup_label(const char *name,
					    char label_out[LINK_WORK_NAME_MAX])
{
	snprintf(label_out, LINK_WORK_NAME_MAX, "pickup %s", name);
	return label_out;
}

/* settings: "key=value" words of the command line, one a line */
#define LINK_EVENT_FIELDS(NUMBER, TEXT) NUMBER(up) TEXT(name) TEXT(settings)
PACKET_DEFINE(link_event, LINK_EVENT, LINK_EVENT_FIELDS)

/* by_person: 0 in a call that the gateway makes by itself, which keeps to the windows;
 * names: one smarthost a line, empty: all where something waits */
#define LINK_FLUSH_FIELDS(NUMBER, TEXT) NUMBER(by_person) TEXT(names)
PACKET_DEFINE(link_flush, LINK_FLUSH, LINK_FLUSH_FIELDS)

/* The same; names: one pickup a line, empty: all */
#define LINK_PICKUP_FIELDS(NUMBER, TEXT) NUMBER(by_person) TEXT(names)
PACKET_DEFINE(link_pickup, LINK_PICKUP, LINK_PICKUP_FIELDS)

/* user: an account that has logged in */
#define LINK_PAGE_FIELDS(NUMBER, TEXT) TEXT(user)
PACKET_DEFINE(link_page, LINK_PAGE, LINK_PAGE_FIELDS)

/* id and token: of link/large.h */
#define LINK_WISH_FIELDS(NUMBER, TEXT) TEXT(user) TEXT(id) TEXT(token)
PACKET_DEFINE(link_wish, LINK_WISH, LINK_WISH_FIELDS)

/* state: up, down or dialling; since: wall clock seconds */
#define LINK_STATE_FIELDS(NUMBER, TEXT) NUMBER(since) TEXT(name) TEXT(state)
PACKET_DEFINE(link_state_told, LINK_STATE, LINK_STATE_FIELDS)

/* verb: hold, release, first, drop, drop-silent; id: a whole UNIQUE. Or, of a message
 * that lies at a provider (link/large.h): no smarthost, its id, and drop-unread. */
#define LINK_ACT_FIELDS(NUMBER, TEXT) TEXT(smarthost) TEXT(verb) TEXT(id)
PACKET_DEFINE(link_act, LINK_ACT, LINK_ACT_FIELDS)

/* exit_code: as section 6 of the design; text: one line where it is not 0 */
#define LINK_DONE_FIELDS(NUMBER, TEXT) NUMBER(exit_code) TEXT(text)
PACKET_DEFINE(link_done, LINK_DONE, LINK_DONE_FIELDS)

/* Of one flush or pickup, since it began; sent: or fetched. waiting_*: what is left to
 * send or fetch in this one. used_bytes: on the link, both directions, as TCP counts them
 * with its headers; link: over which, "" where none is known. */
#define LINK_PROGRESS_FIELDS(NUMBER, TEXT) \
	NUMBER(sent)                       \
	NUMBER(sent_bytes)                 \
	NUMBER(waiting)                    \
	NUMBER(waiting_bytes)              \
	NUMBER(used_bytes)                 \
	NUMBER(refused) NUMBER(deferred) TEXT(smarthost) TEXT(link) TEXT(doing)
PACKET_DEFINE(link_progress, LINK_PROGRESS, LINK_PROGRESS_FIELDS)

/* most_bytes: how many this one may have used in all since it began (its own used_bytes,
 * and what the link has left); until: wall clock seconds of the hard end. Nothing is
 * begun that no longer fits; at the end itself it stops as after LINK_STOP. */
#define LINK_ALLOW_FIELDS(NUMBER, TEXT) NUMBER(most_bytes) NUMBER(until)
PACKET_DEFINE(link_allow, LINK_ALLOW, LINK_ALLOW_FIELDS)

/* why: for people: the link is down, its window closes, a budget is spent */
#define LINK_STOP_FIELDS(NUMBER, TEXT) TEXT(why)
PACKET_DEFINE(link_stop, LINK_STOP, LINK_STOP_FIELDS)

/* smarthost: where it went */
#define LINK_MOVED_FIELDS(NUMBER, TEXT) TEXT(smarthost)
PACKET_DEFINE(link_moved, LINK_MOVED, LINK_MOVED_FIELDS)

#endif
