/*
 * What the MIME fields of a part's header say about its body (RFC 2045 5 and 6).
 *
 * Only what a conversion must know: is the body a container of further parts, may it be
 * changed at all, and how is it encoded now. Values are read generously, as mail readers
 * do, since a part that is misjudged here would be damaged.
 */
#ifndef MIME_MEDIA_TYPE_H
#define MIME_MEDIA_TYPE_H

#include <stdbool.h>

#include "base/span.h"

#define BOUNDARY_MAX 256 /* bytes and a NUL; RFC 2046 5.1.1 allows 70 */

enum media_kind {
	MEDIA_LEAF,       /* content; also of a multipart whose boundary is not named */
	MEDIA_MULTIPART,  /* parts between boundaries */
	MEDIA_MESSAGE,    /* message/rfc822: a whole message */
	MEDIA_SIGNED,     /* multipart/signed, multipart/encrypted: never changed */
	MEDIA_UNTOUCHABLE /* its definition forbids an encoding, or we cannot read it */
};

enum transfer_encoding {
	ENCODING_IDENTITY, /* 7bit, no field, or a word that no reader knows */
	ENCODING_8BIT,     /* also binary: the identity too, but the label says so */
	ENCODING_QUOTED_PRINTABLE,
	ENCODING_BASE64,
	ENCODING_PRIVATE /* x-uuencode and others that some readers decode */
};

struct media_type {
	enum media_kind kind;
	bool digest;                 /* parts without a type are messages */
	char boundary[BOUNDARY_MAX]; /* of a MEDIA_MULTIPART */
};

/* value: of Content-Type, still folded. */
void media_type_parse(struct span value, struct media_type *type_out);

/* value: of Content-Transfer-Encoding, still folded. */
enum transfer_encoding transfer_encoding_parse(struct span value);

#endif
