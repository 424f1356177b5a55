#include "mail/dsn.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "mail/address.h"
#include "mail/dsn_words.h"
#include "mail/header.h"
#include "mail/quoted.h"

#define HEADER_MAX   ((size_t)64 * 1024) /* of the original */
#define REPLY_MAX    500
#define SUBJECT_MAX  200
#define ID_MAX       250
#define HOST_MAX     255
#define BOUNDARY_MAX 71 /* RFC 2046 5.1.1: 70 letters */

/* One report while it is being written. */
struct writer {
	const struct dsn *dsn;
	bool utf8; /* the sender's address is: RFC 6533's types, UTF-8 in headers */
	const char *encoding; /* a field, or "" */
	char boundary[BOUNDARY_MAX];
};

/* RFC 3463: three numbers; what is none becomes the class's "other". */
static const char *status_of(const struct dsn *dsn, const struct dsn_recipient *recipient)
{
	const char *status = recipient->status;

	if (status && strchr("45", status[0]) && status[0] && status[1] == '.' &&
	    isdigit((unsigned char)status[2]) &&
	    strspn(status, "0123456789.") == strlen(status) && strlen(status) < 10 &&
	    strchr(status + 2, '.'))
		return status;
	return dsn->action == DSN_DELAYED ? "4.0.0" : "5.0.0";
}

/* Of what makes this report differ from another about the same message. */
static uint64_t fingerprint(const struct dsn *dsn)
{
	uint64_t hash = 14695981039346656037U ^ (uint64_t)dsn->now ^ dsn->action;

	for (size_t i = 0; i < dsn->count; i++)
		for (const char *at = dsn->recipients[i].address; *at; at++)
			hash = (hash ^ (unsigned char)*at) * 1099511628211U;
	return hash;
}

static bool has_high(const char *text)
{
	return text && quoted_has_high(span_of(text));
}

static bool has(const char *text, const char *piece)
{
	return text && strstr(text, piece);
}

/* Declared for all parts alike: a whole that holds an 8-bit part is one (RFC 2045 6.4).
 */
static const char *encoding_of(const struct dsn *dsn)
{
	bool high = address_is_utf8(dsn->to) || quoted_has_high(dsn->original_header);

	for (size_t i = 0; i < dsn->count; i++)
		high = high || address_is_utf8(dsn->recipients[i].address) ||
		       has_high(dsn->recipients[i].reply) ||
		       has_high(dsn->recipients[i].why);
	return high ? "Content-Transfer-Encoding: 8bit\n" : "";
}

static bool occurs(const struct writer *writer)
{
	const struct dsn *dsn = writer->dsn;
	size_t len = strlen(writer->boundary);

	if (dsn->original_header.len &&
	    memmem(dsn->original_header.at, dsn->original_header.len, writer->boundary,
		   len))
		return true;
	for (size_t i = 0; i < dsn->count; i++)
		if (has(dsn->recipients[i].reply, writer->boundary) ||
		    has(dsn->recipients[i].why, writer->boundary))
			return true;
	return false;
}

/* A line that nothing quoted in the report can hold. */
static void choose_boundary(struct writer *writer)
{
	uint64_t number = fingerprint(writer->dsn);

	do
		snprintf(writer->boundary, sizeof(writer->boundary),
			 "=_report-%016" PRIX64, number++);
	while (occurs(writer));
}

static bool original(const struct dsn *dsn, const char *name, struct buf *value)
{
	struct header_field field;

	return header_find(dsn->original_header, name, &field) &&
	       header_unfold(field.value, value) && value->len;
}

/* The original's subject behind ours, encoded words and all; and its Message-ID, so that
 * mail programs show the report beside it. */
static bool put_subject(const struct writer *writer, struct buf *out)
{
	AUTO_BUF subject = BUF_INIT(SUBJECT_MAX);
	AUTO_BUF id = BUF_INIT(ID_MAX);
	bool delayed = writer->dsn->action == DSN_DELAYED;

	if (!buf_append_text(out, delayed ? "Subject: Not delivered yet"
					  : "Subject: Not delivered"))
		return false;
	if (original(writer->dsn, "Subject", &subject) &&
	    (writer->utf8 || !quoted_has_high(buf_span(&subject))) &&
	    (!buf_append_text(out, ": ") ||
	     !quoted_words(out, buf_span(&subject), SUBJECT_MAX, writer->utf8)))
		return false;
	if (!buf_append_byte(out, '\n'))
		return false;
	if (!original(writer->dsn, "Message-ID", &id) || quoted_has_high(buf_span(&id)))
		return true;
	return buf_append_text(out, "References: ") &&
	       quoted_words(out, buf_span(&id), ID_MAX, false) &&
	       buf_append_byte(out, '\n');
}

static bool put_header(const struct writer *writer, struct buf *out)
{
	const struct dsn *dsn = writer->dsn;
	char date[CLOCK_TEXT_MAX];

	if (!buf_appendf(out, "Date: %s\nFrom: Mail gateway <",
			 clock_format_rfc5322(dsn->now, date)) ||
	    !quoted_address(out, dsn->from, writer->utf8) ||
	    !buf_append_text(out, ">\nTo: <") ||
	    !quoted_address(out, dsn->to, writer->utf8) || !buf_append_text(out, ">\n"))
		return false;
	return put_subject(writer, out) &&
	       buf_appendf(out,
			   "Message-ID: <%s.%016" PRIX64 "@%s>\n"
			   "Auto-Submitted: auto-replied\n"
			   "MIME-Version: 1.0\n%s"
			   "Content-Type: multipart/report; "
			   "report-type=%sdelivery-status;\n"
			   "\tboundary=\"%s\"\n\n",
			   dsn->original_id, fingerprint(dsn), dsn->me, writer->encoding,
			   writer->utf8 ? "global-" : "", writer->boundary);
}

static bool put_recipient_words(const struct writer *writer, struct buf *out,
				const struct dsn_recipient *recipient)
{
	if (!buf_append_byte(out, '<') || !quoted_address(out, recipient->address, true))
		return false;
	if (recipient->why)
		return buf_append_text(out, ">:\nWhy it waits: ") &&
		       quoted_words(out, span_of(recipient->why), REPLY_MAX, true) &&
		       buf_append_text(out, "\n\n");
	if (!buf_appendf(out, ">:\n%s\n", dsn_words(status_of(writer->dsn, recipient))))
		return false;
	if (recipient->cause && !buf_appendf(out, "%s\n", recipient->cause))
		return false;
	if (!recipient->reply)
		return buf_append_byte(out, '\n');
	if (recipient->remote_host &&
	    (!buf_append_text(out, "The mail server ") ||
	     !quoted_words(out, span_of(recipient->remote_host), HOST_MAX, false) ||
	     !buf_append_text(out, " said: ")))
		return false;
	if (!recipient->remote_host && !buf_append_text(out, "In technical terms: "))
		return false;
	return quoted_words(out, span_trim(span_of(recipient->reply)), REPLY_MAX, true) &&
	       buf_append_text(out, "\n\n");
}

/* For people. The paragraphs are those of QSBMF, which programs read too. */
static bool put_words_part(const struct writer *writer, struct buf *out)
{
	const struct dsn *dsn = writer->dsn;
	char date[CLOCK_TEXT_MAX];

	if (!buf_appendf(
		    out,
		    "--%s\n"
		    "Content-Type: text/plain; charset=utf-8\n"
		    "%s\n"
		    "Hi. This is the mail gateway at %s.\n%s\n\n",
		    writer->boundary, writer->encoding, dsn->me,
		    dsn->action == DSN_DELAYED
			    ? "Your message has not reached these addresses yet. It is "
			      "kept here\nand tried again; you need not send it again."
			    : "Your message could not be delivered to these addresses. "
			      "It will not\nbe tried again."))
		return false;
	for (size_t i = 0; i < dsn->count; i++)
		if (!put_recipient_words(writer, out, &dsn->recipients[i]))
			return false;
	return buf_appendf(
		out,
		"--- The message came here on %s.\n"
		"Its header follows%s; its text is where you wrote it, in your "
		"mail\nprogram.\n\n",
		clock_format_rfc5322(dsn->arrived, date),
		dsn->original_header.len > HEADER_MAX ? ", cut short because of its size"
						      : "");
}

/* Final-Recipient: an address of any letters in a report of any kind. */
static bool put_final_recipient(const struct writer *writer, struct buf *out,
				const char *address)
{
	bool high = address_is_utf8(address);

	if (!buf_appendf(out, "\nFinal-Recipient: %s; ", high ? "utf-8" : "rfc822"))
		return false;
	return (high && !writer->utf8 ? quoted_address_escaped(out, address)
				      : quoted_address(out, address, high)) &&
	       buf_append_byte(out, '\n');
}

static bool put_recipient_status(const struct writer *writer, struct buf *out,
				 const struct dsn_recipient *recipient)
{
	const struct dsn *dsn = writer->dsn;
	char date[CLOCK_TEXT_MAX];

	if (!put_final_recipient(writer, out, recipient->address) ||
	    !buf_appendf(out, "Action: %s\nStatus: %s\n",
			 dsn->action == DSN_DELAYED ? "delayed" : "failed",
			 status_of(dsn, recipient)))
		return false;
	if (recipient->remote_host &&
	    (!buf_append_text(out, "Remote-MTA: dns; ") ||
	     !quoted_words(out, span_of(recipient->remote_host), HOST_MAX, false) ||
	     !buf_append_byte(out, '\n')))
		return false;
	if (recipient->reply &&
	    (!buf_appendf(out, "Diagnostic-Code: %s; ",
			  recipient->remote_host ? "smtp" : "X-Lontar") ||
	     !quoted_words(out, span_trim(span_of(recipient->reply)), REPLY_MAX,
			   writer->utf8) ||
	     !buf_append_byte(out, '\n')))
		return false;
	return buf_appendf(out, "Last-Attempt-Date: %s\n",
			   clock_format_rfc5322(dsn->now, date));
}

/* For programs (RFC 3464 2). */
static bool put_status_part(const struct writer *writer, struct buf *out)
{
	const struct dsn *dsn = writer->dsn;
	char date[CLOCK_TEXT_MAX];

	if (!buf_appendf(out,
			 "--%s\nContent-Type: message/%sdelivery-status\n%s\n"
			 "Reporting-MTA: dns; %s\n"
			 "Arrival-Date: %s\n",
			 writer->boundary, writer->utf8 ? "global-" : "",
			 writer->utf8 ? writer->encoding : "", dsn->me,
			 clock_format_rfc5322(dsn->arrived, date)))
		return false;
	for (size_t i = 0; i < dsn->count; i++)
		if (!put_recipient_status(writer, out, &dsn->recipients[i]))
			return false;
	return buf_append_byte(out, '\n');
}

static bool put_header_part(const struct writer *writer, struct buf *out)
{
	struct span header = writer->dsn->original_header;

	if (header.len > HEADER_MAX)
		header.len = HEADER_MAX;
	return buf_appendf(out, "--%s\nContent-Type: %s\n%s\n", writer->boundary,
			   writer->utf8 ? "message/global-headers"
					: "text/rfc822-headers",
			   writer->encoding) &&
	       quoted_header(out, header, true) &&
	       buf_appendf(out, "\n--%s--\n", writer->boundary);
}

bool dsn_append(struct buf *out, const struct dsn *dsn)
{
	struct writer writer = { .dsn = dsn,
				 .utf8 = address_is_utf8(dsn->to),
				 .encoding = encoding_of(dsn) };
	size_t len = out->len;

	choose_boundary(&writer);
	if (put_header(&writer, out) && put_words_part(&writer, out) &&
	    put_status_part(&writer, out) && put_header_part(&writer, out))
		return true;
	buf_cut(out, len);
	return false;
}
