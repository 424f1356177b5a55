/*
 * Messages that lie at a provider because they are too large to be fetched unasked. The
 * pickup that found one writes down what it is, spool/pickup/_large/ID, before it tells
 * the recipient; what a person wants with it is an empty file beside, ID.fetch or
 * ID.drop, made by anyone who runs as the gateway and obeyed by the next pickup. Both go
 * when it is fetched, removed or gone there.
 *
 * The recipient asks for one by a reply to the notice: to fetch-ID-TOKEN at our own name.
 */
#ifndef LINK_LARGE_H
#define LINK_LARGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"
#include "control/routes.h"
#include "mail/address.h"

#define LARGE_ID_MAX    14 /* "p" and twelve hex digits */
#define LARGE_TOKEN_MAX 25 /* 96 bits in hex */
#define LARGE_KEY_MAX   33
#define LARGE_WORDS_MAX 256

enum large_wish {
	LARGE_WAIT, /* nobody has asked */
	LARGE_FETCH,
	LARGE_DROP, /* to be removed there, unread */
};

struct large {
	char id[LARGE_ID_MAX];
	char pickup[SMARTHOST_NAME_MAX];
	char token[LARGE_TOKEN_MAX];
	char key[LARGE_KEY_MAX]; /* of the message there, as spool/pickup/NAME has it */
	uint64_t octets;         /* as the server says */
	int64_t since;           /* wall clock seconds: found */
	char recipient[ADDRESS_MAX]; /* who is told of it, and may ask */
	/* Of its header, cleaned: for people. */
	char from[LARGE_WORDS_MAX];
	char subject[LARGE_WORDS_MAX];
	char date[64];
	char cost[128]; /* of fetching it, as far as known; else "" */
	enum large_wish wish;
};

/* From a digest of pickup and key, 12 hex digits or more: always the same one. */
void large_id(const char *digest, char id_out[LARGE_ID_MAX]);
bool large_id_is_valid(struct span id);
bool large_new_token(char token_out[LARGE_TOKEN_MAX], struct err *err) MUST_USE;

/* False: there is none of that id (any more). */
bool large_read(int root_fd, const char *id, struct large *large_out) MUST_USE;
/* All but the wish; durable. */
bool large_write(int root_fd, const struct large *large, struct err *err) MUST_USE;
/* The wish too; a missing one is fine. Not synced: what comes back is removed again. */
void large_remove(int root_fd, const char *id);

/* Each of one pickup, or, where NULL, of all, in no order. */
bool large_each(int root_fd, const char *pickup,
		void (*each)(void *ctx, const struct large *large), void *ctx,
		struct err *err) MUST_USE;
/* The same, the oldest first. Caller frees *larges_out. */
bool large_list(int root_fd, const char *pickup, struct large **larges_out,
		size_t *count_out, struct err *err) MUST_USE;

/* Durable. EX_NOINPUT: there is none of that id. */
bool large_set_wish(int root_fd, const char *id, enum large_wish wish,
		    struct err *err) MUST_USE;

/* What an operator says: release and first have it fetched, hold withdraws that,
 * drop-unread has it removed there. Plain drop is refused (EX_USAGE): nobody has read it.
 */
bool large_act(int root_fd, const char *verb, const char *id, struct err *err) MUST_USE;

/* Whom to ask for it, without the domain. */
#define LARGE_LOCAL_MAX 64
void large_local_part(const struct large *large, char local_out[LARGE_LOCAL_MAX]);
/* Looks like one, in any case of letters. */
bool large_local_part_parse(struct span local, char id_out[LARGE_ID_MAX],
			    char token_out[LARGE_TOKEN_MAX]) MUST_USE;

#endif
