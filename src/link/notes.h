/*
 * Small files of "key=value" lines in spool/state: what must survive a restart about
 * links and smarthosts. Replaced atomically; a torn or missing one is a lost hint, never
 * an err.
 */
#ifndef LINK_NOTES_H
#define LINK_NOTES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/routes.h"

/* spool/state/smarthosts/NAME, written by the holder of the smarthost's lock. What keeps
 * its mail back is in link/stops.h. */
struct smarthost_note {
	char last_error[512]; /* "" when the last attempt went well */
	int64_t last_try;     /* wall clock seconds; 0: never */
	int64_t last_success;
	uint64_t failures;  /* to reach it, in a row: for its fallback */
	uint64_t routed_by; /* routes_signature() its mail was routed by */
	uint64_t rtt_us;    /* measured on the last connection; 0: unknown */
	uint64_t bytes_per_s;
	bool filled;            /* that rate was the link's: something waited for it */
	uint64_t lost_permille; /* of its packets, by itself */
	uint64_t lanes;         /* connections that were useful side by side */
	uint64_t mss;           /* largest TCP segment that passes the link; 0: any */
	char link[64];          /* over which that was measured; "": not known */
	char host[256];         /* whose addresses were asked for last */
	char addresses[800];    /* they, commas between */
};

void smarthost_note_read(int root_fd, const char *smarthost,
			 struct smarthost_note *note_out);
bool smarthost_note_write(int root_fd, const char *smarthost,
			  const struct smarthost_note *note, struct err *err) MUST_USE;

/* spool/state/pickups/NAME, written by the holder of the pickup's lock. */
struct pickup_note {
	char last_error[512]; /* "" when the last attempt went well */
	int64_t last_try;     /* wall clock seconds; 0: never */
	int64_t last_success;
	bool refused; /* a person must act: the login, the certificate, the settings */
	bool counted; /* the server has been asked: what follows is known */
	uint64_t waiting; /* messages left there that are to be fetched */
	uint64_t bytes;   /* theirs */
	uint64_t held;    /* those that are too large to be fetched unasked */
};

void pickup_note_read(int root_fd, const char *pickup, struct pickup_note *note_out);
bool pickup_note_write(int root_fd, const char *pickup, const struct pickup_note *note,
		       struct err *err) MUST_USE;

/* spool/state/logins/NAME, written by the holder of the login's lock (oauth/tokens.h). */
struct login_note {
	int64_t granted; /* by a person: wall clock seconds; 0: never */
	int64_t used;    /* to get a new token */
	int64_t dies;    /* when the login ends if it is not used before; 0: not known */
	bool warned;     /* the postmaster has been told that it ends */
	bool refused;    /* it has ended: a person must log in */
	char last_error[512];
};

void login_note_read(int root_fd, const char *login, struct login_note *note_out);
bool login_note_write(int root_fd, const char *login, const struct login_note *note,
		      struct err *err) MUST_USE;
/* It ends within three weeks; of a short life, in its second half. */
bool login_note_warns(const struct login_note *note, int64_t now);

#define LINK_IPV4 UINT64_C(1)
#define LINK_IPV6 UINT64_C(2)

/* spool/state/links/NAME, written by lontar-link (or `lontar link` without a gateway). */
struct link_note {
	char name[SMARTHOST_NAME_MAX];
	bool up;
	int64_t since;    /* wall clock seconds */
	char boot_id[40]; /* up counts only under this boot */
	char interface[32];
	char local[64];
	char remote[64];
	char dns[256]; /* servers' addresses, commas between: for c-ares */
	uint64_t speed_bps;
	char told[16]; /* who told last: "interface", "probe"; "": a hook or a person */
	char word[SMARTHOST_NAME_MAX]; /* what the last hook that said up called it */
	bool present;      /* the kernel had the interface when it was told of */
	uint64_t families; /* LINK_IPV4 and LINK_IPV6 that hooks told one by one */
};

/* As recorded; up and present only if under the present boot. Missing: down since 0. */
void link_note_read(int root_fd, const char *link, struct link_note *note_out);
bool link_note_write(int root_fd, const struct link_note *note, struct err *err) MUST_USE;
/* All of spool/state/links, sorted by name; caller frees *notes_out. */
bool link_notes(int root_fd, struct link_note **notes_out, size_t *count_out,
		struct err *err) MUST_USE;

/* Seconds with any link up, ever: spool/state/link-up-seconds, kept by lontar-link each
 * minute and at each change. What L= in a parked name is compared with. */
uint64_t link_up_seconds(int root_fd);
bool link_up_seconds_write(int root_fd, uint64_t seconds, struct err *err) MUST_USE;

#endif
