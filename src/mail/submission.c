#include "mail/submission.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "mail/full_name.h"
#include "mail/header.h"

/* What becomes of a field. */
enum {
	RECIPIENTS = 1 << 0,
	ADDRESSES = 1 << 1, /* made whole */
	DROPPED = 1 << 2,
	RESENT = 1 << 3,
	AUTHOR = 1 << 4,
	DATE = 1 << 5,
	ID = 1 << 6,
	SEEN = 1 << 7, /* To and Cc: who got it is told */
	RETURN = 1 << 8,
	FOLLOWUP = 1 << 9,
};

static const struct {
	const char *name;
	unsigned what;
} fields[] = {
	{ "To", RECIPIENTS | ADDRESSES | SEEN },
	{ "Cc", RECIPIENTS | ADDRESSES | SEEN },
	{ "Bcc", RECIPIENTS | DROPPED },
	{ "Apparently-To", RECIPIENTS | ADDRESSES },
	{ "From", ADDRESSES | AUTHOR },
	{ "Sender", ADDRESSES },
	{ "Reply-To", ADDRESSES },
	{ "Return-Receipt-To", ADDRESSES },
	{ "Errors-To", ADDRESSES },
	{ "Date", DATE },
	{ "Message-ID", ID },
	{ "Return-Path", DROPPED | RETURN },
	{ "Mail-Followup-To", ADDRESSES | FOLLOWUP },
	{ "Content-Length", DROPPED },
	{ "Resent-To", RESENT | RECIPIENTS | ADDRESSES | SEEN },
	{ "Resent-Cc", RESENT | RECIPIENTS | ADDRESSES | SEEN },
	{ "Resent-Bcc", RESENT | RECIPIENTS | DROPPED },
	{ "Resent-From", RESENT | ADDRESSES | AUTHOR },
	{ "Resent-Sender", RESENT | ADDRESSES },
	{ "Resent-Reply-To", RESENT | ADDRESSES },
	{ "Resent-Date", RESENT | DATE },
	{ "Resent-Message-ID", RESENT | ID },
};

static unsigned what_is(const struct submission *submission,
			const struct header_field *field)
{
	unsigned what = 0;

	for (size_t i = 0; i < LENGTH(fields); i++)
		if (span_is_word(field->name, fields[i].name))
			what = fields[i].what;
	if (((what & AUTHOR) && submission->drop_author) ||
	    ((what & ID) && submission->drop_id))
		what = DROPPED;
	return what;
}

static bool no_room(struct err *err)
{
	return err_permanent(err, "5.3.4", "the header is larger than %zu bytes",
			     SUBMISSION_HEADER_MAX);
}

static bool add_recipient(void *ctx, const char *address, struct span place,
			  struct err *err)
{
	struct submission *submission = ctx;
	char whole[ADDRESS_MAX];

	(void)place;
	if (!qualify_address(&submission->qualifier, address, whole, err))
		return false;
	for (size_t i = 0; i < submission->count; i++)
		if (address_same(submission->recipients[i], whole))
			return true;
	if (submission->count == SUBMISSION_RECIPIENTS_MAX)
		return err_permanent(err, "5.5.3", "more than %d recipients",
				     SUBMISSION_RECIPIENTS_MAX);
	submission->recipients =
		must_resize(submission->recipients, submission->count + 1,
			    sizeof(*submission->recipients));
	submission->recipients[submission->count++] = must_copy(whole);
	return true;
}

bool submission_recipients(struct submission *submission, struct span list,
			   struct err *err)
{
	return header_addresses_at(list, add_recipient, submission, err);
}

/* A program that writes mboxes may hand in the line that divides them. */
static void skip_mbox_line(struct span *message)
{
	static const char from[] = "From ";
	size_t quoted = message->len && message->at[0] == '>';
	const char *end = message->len ? memchr(message->at, '\n', message->len) : NULL;

	if (end && message->len >= quoted + strlen(from) &&
	    memcmp(message->at + quoted, from, strlen(from)) == 0)
		*message = span_after(*message, (size_t)(end - message->at) + 1);
}

/* The sum of what is there: of the Resent- fields alone, where there are any. */
static unsigned survey(const struct submission *submission, struct span rest)
{
	struct header_field field;
	unsigned found = 0, resent = 0, what;

	while (header_next(&rest, &field)) {
		what = what_is(submission, &field);
		*(what & RESENT ? &resent : &found) |= what;
	}
	return resent ? resent : found;
}

/* "ann@host (Ann Cook)": what cannot stand in a comment is left out of it. */
static bool add_commented_author(const struct submission *submission, const char *resent,
				 struct buf *out)
{
	const char *name = submission->full_name ? submission->full_name : "";

	if (!buf_appendf(out, "%sFrom: ", resent) ||
	    !address_append(out, submission->author) ||
	    (name[0] && !buf_append_text(out, " (")))
		return false;
	for (; *name; name++)
		if (!strchr("()\\", *name) && (unsigned char)*name >= ' ' &&
		    !buf_append_byte(out, *name))
			return false;
	return (!submission->full_name || !submission->full_name[0] ||
		buf_append_byte(out, ')')) &&
	       buf_append_byte(out, '\n');
}

static bool add_missing(const struct submission *submission, unsigned found,
			struct buf *out, struct err *err)
{
	const char *resent = found & RESENT ? "Resent-" : "";
	char date[CLOCK_TEXT_MAX];

	if (!(found & DATE) && !buf_appendf(out, "%sDate: %s\n", resent,
					    clock_format_rfc5322(submission->now, date)))
		return no_room(err);
	if (!(found & ID) && !buf_appendf(out, "%sMessage-ID: <%s@%s>\n", resent,
					  submission->unique, submission->me))
		return no_room(err);
	if (submission->says_hidden && !(found & SEEN) &&
	    !buf_appendf(out, "%sCc: recipient list not shown: ;\n", resent))
		return no_room(err);
	if (found & AUTHOR)
		return true;
	if (submission->in_comment)
		return add_commented_author(submission, resent, out) || no_room(err);
	if (!buf_appendf(out, "%sFrom: ", resent) ||
	    !full_name_append(out, submission->full_name) || !buf_append_byte(out, '<') ||
	    !address_append(out, submission->author) || !buf_append_text(out, ">\n"))
		return no_room(err);
	return true;
}

/* The field with its addresses whole; as it stands, where they cannot be read. */
static bool copy_field(const struct submission *submission,
		       const struct header_field *field, unsigned what, struct buf *out,
		       struct err *err)
{
	size_t head = (size_t)(field->value.at - field->whole.at);
	struct err unread = { 0 };
	size_t len = out->len;

	if ((what & ADDRESSES) && buf_append(out, field->whole.at, head) &&
	    qualify_list(&submission->qualifier, field->value, out, &unread) &&
	    buf_append_byte(out, '\n'))
		return true;
	buf_cut(out, len);
	if (!buf_append_span(out, field->whole) ||
	    (field->whole.at[field->whole.len - 1] != '\n' &&
	     !buf_append_byte(out, '\n')))
		return no_room(err);
	return true;
}

static bool keep_return_path(void *ctx, const char *address, struct span place,
			     struct err *err)
{
	struct submission *submission = ctx;

	(void)place;
	return qualify_address(&submission->qualifier, address, submission->return_path,
			       err);
}

/* Whom bounces are to go to, as the writer says; "<>" is nobody. */
static void take_return_path(struct submission *submission,
			     const struct header_field *field)
{
	struct err unread;

	submission->return_path[0] = '\0';
	submission->has_return_path =
		header_addresses_at(field->value, keep_return_path, submission, &unread);
}

static bool copy_fields(struct submission *submission, struct span *rest, unsigned found,
			struct buf *out, struct err *err)
{
	struct header_field field;
	unsigned what;

	while (header_next(rest, &field)) {
		what = what_is(submission, &field);
		if (what & RETURN)
			take_return_path(submission, &field);
		if (submission->header_recipients && (what & RECIPIENTS) &&
		    (what & RESENT) == (found & RESENT) &&
		    !submission_recipients(submission, field.value, err))
			return err_context(err, "%.*s", SPAN_ARG(field.name));
		if (!(what & DROPPED) && !copy_field(submission, &field, what, out, err))
			return false;
	}
	return true;
}

struct followup {
	const struct submission *submission;
	struct buf all; /* "ann@host, bob@host" */
	bool is_list;
};

static bool add_to_followup(void *ctx, const char *address, struct span place,
			    struct err *err)
{
	struct followup *followup = ctx;
	const struct submission *submission = followup->submission;
	char whole[ADDRESS_MAX];

	(void)place;
	if (!qualify_address(&submission->qualifier, address, whole, err))
		return false;
	for (size_t i = 0; i < submission->list_count; i++)
		if (span_is_word(submission->lists[i], whole))
			followup->is_list = true;
	return (!followup->all.len || buf_append_text(&followup->all, ",\n  ")) &&
			       address_append(&followup->all, whole)
		       ? true
		       : no_room(err);
}

/* Mail to one of the writer's lists: answers go to the list and the others named, not to
 * him a second time. */
static bool add_followup(const struct submission *submission, struct span rest,
			 struct buf *out, struct err *err)
{
	struct followup followup = { .submission = submission,
				     .all = BUF_INIT(SUBMISSION_HEADER_MAX) };
	struct header_field field;
	struct err unread;
	bool done = true;

	while (submission->list_count && header_next(&rest, &field)) {
		unsigned what = what_is(submission, &field);

		if ((what & SEEN) && !(what & RESENT) &&
		    !header_addresses_at(field.value, add_to_followup, &followup,
					 &unread))
			continue; /* one that cannot be read names nobody */
	}
	if (followup.is_list)
		done = buf_appendf(out, "Mail-Followup-To: %s\n", followup.all.data) ||
		       no_room(err);
	buf_clear(&followup.all);
	return done;
}

bool submission_compose(struct submission *submission, struct span *message,
			struct buf *out, struct err *err)
{
	struct span rest = *message;
	unsigned found;

	skip_mbox_line(&rest);
	found = survey(submission, rest);
	if (!add_missing(submission, found, out, err) ||
	    (!(found & FOLLOWUP) && !add_followup(submission, rest, out, err)) ||
	    !copy_fields(submission, &rest, found, out, err))
		return false;
	if (rest.len && rest.at[0] == '\n')
		rest = span_after(rest, 1);
	*message = rest;
	return buf_append_byte(out, '\n') || no_room(err);
}

void submission_clear(struct submission *submission)
{
	for (size_t i = 0; i < submission->count; i++)
		free(submission->recipients[i]);
	free(submission->recipients);
	submission->recipients = NULL;
	submission->count = 0;
}
