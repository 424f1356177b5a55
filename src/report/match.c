#include "report/match.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/number.h"
#include "report/numbers.h"

struct open_message {
	struct numbered numbered; /* first */
	struct match_message message;
	char sender[];
};

struct open_delivery {
	struct numbered numbered; /* first */
	int64_t began_ns;
	uint64_t message;
	char recipient[];
};

struct match {
	const struct match_handler *handler;
	void *ctx;
	struct numbers messages;
	struct numbers deliveries;
};

struct match *match_new(const struct match_handler *handler, void *ctx)
{
	struct match *match = must_alloc(sizeof(*match));

	match->handler = handler;
	match->ctx = ctx;
	return match;
}

void match_free(struct match *match)
{
	numbers_clear(&match->messages);
	numbers_clear(&match->deliveries);
	free(match);
}

static void lower(char *to, struct span from)
{
	for (size_t i = 0; i < from.len; i++)
		to[i] = (char)tolower((unsigned char)from.at[i]);
}

static bool take_text(struct span *line, const char *text)
{
	size_t len = strlen(text);

	if (line->len < len || memcmp(line->at, text, len) != 0)
		return false;
	*line = span_after(*line, len);
	return true;
}

static bool take_number(struct span *line, uint64_t *out)
{
	size_t len = 0;

	while (len < line->len && isdigit((unsigned char)line->at[len]))
		len++;
	if (!number_parse((struct span){ line->at, len }, UINT64_MAX, out))
		return false;
	*line = span_after(*line, len);
	return true;
}

static void forget(struct numbers *numbers, uint64_t number)
{
	free(numbers_take(numbers, number));
}

/* new msg M */
static bool on_new(struct match *match, int64_t ns, struct span rest)
{
	uint64_t number;

	(void)ns;
	if (!take_number(&rest, &number))
		return false;
	forget(&match->messages, number);
	return true;
}

/* info msg M: bytes B from <SENDER> qp Q uid U */
static bool on_info(struct match *match, int64_t ns, struct span rest)
{
	struct match_message message = { .is_known = true, .birth_ns = ns };
	struct open_message *opened;
	struct span sender;
	uint64_t number;
	const char *end;

	if (!take_number(&rest, &number) || !take_text(&rest, ": bytes ") ||
	    !take_number(&rest, &message.bytes) || !take_text(&rest, " from <"))
		return false;
	/* A sender may hold anything but a blank. */
	end = memchr(rest.at, ' ', rest.len);
	if (!end || end == rest.at || end[-1] != '>')
		return false;
	sender = (struct span){ rest.at, (size_t)(end - 1 - rest.at) };
	rest = span_after(rest, sender.len + 1);
	if (!take_text(&rest, " qp ") || !take_number(&rest, &message.qp) ||
	    !take_text(&rest, " uid ") || !take_number(&rest, &message.uid))
		return false;
	forget(&match->messages, number);
	opened = must_alloc(sizeof(*opened) + sender.len + 1);
	lower(opened->sender, sender);
	message.sender = opened->sender;
	opened->message = message;
	opened->numbered.number = number;
	numbers_add(&match->messages, &opened->numbered);
	return true;
}

/* starting delivery D: msg M to local|remote RECIPIENT */
static bool on_starting(struct match *match, int64_t ns, struct span rest)
{
	struct open_delivery *opened;
	uint64_t number, message;
	struct span recipient;
	const char *end;
	char *blank;

	if (!take_number(&rest, &number) || !take_text(&rest, ": msg ") ||
	    !take_number(&rest, &message) || !take_text(&rest, " to "))
		return false;
	recipient = rest;
	if (!take_text(&rest, "local ") && !take_text(&rest, "remote "))
		return false;
	end = memchr(rest.at, ' ', rest.len);
	if (end)
		recipient.len = (size_t)(end - recipient.at);
	forget(&match->deliveries, number);
	opened = must_alloc(sizeof(*opened) + recipient.len + 1);
	lower(opened->recipient, recipient);
	blank = strchr(opened->recipient, ' ');
	if (blank)
		*blank = '.';
	opened->began_ns = ns;
	opened->message = message;
	opened->numbered.number = number;
	numbers_add(&match->deliveries, &opened->numbered);
	return true;
}

static bool take_result(struct span *rest, enum match_result *result_out)
{
	static const struct {
		const char *text;
		enum match_result result;
	} results[] = {
		{ ": success: ", MATCH_SUCCESS },
		{ ": failure: ", MATCH_FAILURE },
		{ ": deferral: ", MATCH_DEFERRAL },
	};

	for (size_t i = 0; i < LENGTH(results); i++)
		if (take_text(rest, results[i].text)) {
			*result_out = results[i].result;
			return true;
		}
	/* "report mangled, will defer" */
	*result_out = MATCH_DEFERRAL;
	return take_text(rest, ": ");
}

/* delivery D: success|failure|deferral: TEXT */
static bool on_delivery(struct match *match, int64_t ns, struct span rest)
{
	static const struct match_message unknown = { .sender = "" };
	struct match_delivery delivery = { .done_ns = ns, .message = unknown };
	struct open_delivery *opened;
	struct open_message *message = NULL;
	uint64_t number;

	if (!take_number(&rest, &number) || !take_result(&rest, &delivery.result))
		return false;
	delivery.reason = rest;
	delivery.recipient = "";
	opened = (struct open_delivery *)numbers_take(&match->deliveries, number);
	if (opened) {
		delivery.began_ns = opened->began_ns;
		delivery.recipient = opened->recipient;
		message = (struct open_message *)numbers_find(&match->messages,
							      opened->message);
	}
	if (message) {
		message->message.success += delivery.result == MATCH_SUCCESS;
		message->message.failure += delivery.result == MATCH_FAILURE;
		message->message.deferral += delivery.result == MATCH_DEFERRAL;
		delivery.message = message->message;
	}
	match->handler->on_delivery(match->ctx, &delivery);
	free(opened);
	return true;
}

/* end msg M */
static bool on_end(struct match *match, int64_t ns, struct span rest)
{
	struct open_message *message;
	uint64_t number;

	if (!take_number(&rest, &number))
		return false;
	message = (struct open_message *)numbers_take(&match->messages, number);
	if (message)
		match->handler->on_message(match->ctx, &message->message, ns);
	free(message);
	return true;
}

/* status: local a/A remote b/B; status: exiting: what is under way has no end */
static bool on_status(struct match *match, int64_t ns, struct span rest)
{
	uint64_t local, remote, limit;

	(void)ns;
	if (take_text(&rest, "exiting")) {
		numbers_clear(&match->deliveries);
		return true;
	}
	if (!take_text(&rest, "local ") || !take_number(&rest, &local) ||
	    !take_text(&rest, "/") || !take_number(&rest, &limit) ||
	    !take_text(&rest, " remote ") || !take_number(&rest, &remote))
		return false;
	match->handler->on_status(match->ctx, local, remote);
	return true;
}

/* bounce msg M qp Q */
static bool on_bounce(struct match *match, int64_t ns, struct span rest)
{
	(void)ns;
	(void)rest;
	match->handler->on_note(match->ctx, MATCH_BOUNCE);
	return true;
}

/* triple bounce: discarding bounce/M */
static bool on_triple(struct match *match, int64_t ns, struct span rest)
{
	(void)ns;
	(void)rest;
	match->handler->on_note(match->ctx, MATCH_TRIPLE_BOUNCE);
	return true;
}

static bool on_alert(struct match *match, int64_t ns, struct span rest)
{
	(void)ns;
	(void)rest;
	match->handler->on_note(match->ctx, MATCH_ALERT);
	return true;
}

static bool on_warning(struct match *match, int64_t ns, struct span rest)
{
	(void)ns;
	(void)rest;
	match->handler->on_note(match->ctx, MATCH_WARNING);
	return true;
}

void match_line(struct match *match, int64_t ns, struct span line)
{
	static const struct {
		const char *begins;
		bool (*take)(struct match *match, int64_t ns, struct span rest);
	} kinds[] = {
		{ "delivery ", on_delivery }, { "starting delivery ", on_starting },
		{ "status: ", on_status },    { "info msg ", on_info },
		{ "new msg ", on_new },       { "end msg ", on_end },
		{ "bounce msg ", on_bounce }, { "triple bounce: ", on_triple },
		{ "alert: ", on_alert },      { "warning: ", on_warning },
	};

	for (size_t i = 0; i < LENGTH(kinds); i++) {
		struct span rest = line;

		if (take_text(&rest, kinds[i].begins)) {
			(void)!kinds[i].take(match, ns, rest);
			return;
		}
	}
}
