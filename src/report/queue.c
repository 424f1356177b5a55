#include "report/queue.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "link/order.h"
#include "mail/envelope.h"
#include "mail/header_words.h"
#include "report/json.h"

#define HEADER_LOOK_BYTES 8192

const char *queue_message_state(const struct queue_message *message)
{
	switch (message->name.state) {
	case PARKED_WAITING:
		return "waiting";
	case PARKED_HELD:
		return "held";
	case PARKED_SENDING:
		return "sending";
	case PARKED_UNCERTAIN:
		return "uncertain";
	}
	return "waiting";
}

/* A subject that stands further down is not shown. */
static char *read_subject(int fd, off_t at)
{
	char bytes[HEADER_LOOK_BYTES], words[HEADER_WORDS_MAX];
	ssize_t got = pread(fd, bytes, sizeof(bytes), at);

	header_words((struct span){ bytes, got > 0 ? (size_t)got : 0 }, "Subject", words,
		     sizeof(words));
	return must_copy(words);
}

static void take_head(struct queue_message *message, struct envelope *envelope)
{
	message->sender = must_copy(envelope->sender);
	message->recipients =
		must_alloc((envelope->count + 1) * sizeof(*message->recipients));
	for (size_t i = 0; i < envelope->count; i++)
		if (!envelope->recipients[i].settled)
			message->recipients[message->recipient_count++] =
				must_copy(envelope->recipients[i].address);
}

/* One parked Maildir, and what keeps mail in it. */
struct place {
	const struct smarthost_status *smarthost;
	struct parked *parked;
	uint64_t link_up_s;
	struct stops stops;
	struct stops_now now;
};

static const struct stop *keeping(const struct place *place,
				  const struct queue_message *message)
{
	const char *sender = message->sender;

	/* On the wire it is the null sender. */
	if (strcmp(sender, ENVELOPE_DOUBLE_BOUNCE) == 0)
		sender = "";
	return stops_keeping(&place->stops, &place->now, sender, message->name.id,
			     message->name.state == PARKED_HELD);
}

static void free_message(struct queue_message *message)
{
	for (size_t i = 0; i < message->recipient_count; i++)
		free(message->recipients[i]);
	free(message->recipients);
	free(message->sender);
	free(message->subject);
}

/* False: it is not there any more, or all its recipients are settled. */
static bool read_message(const struct place *place, const struct parked_name *name,
			 struct queue_message *message_out)
{
	const struct smarthost_status *smarthost = place->smarthost;
	struct envelope envelope = { 0 };
	struct err err = { 0 };
	int64_t now = clock_wall_s(), parked_at = parked_name_time(name);
	int fd = parked_read(place->parked, name, &envelope, &err);

	if (fd < 0 && err.exit_code == EX_NOINPUT)
		return false;
	*message_out = (struct queue_message){ .smarthost = smarthost, .name = *name };
	message_out->age_s = now > parked_at ? now - parked_at : 0;
	message_out->waited_s = (int64_t)order_waited_s(name, place->link_up_s);
	if (fd >= 0) {
		take_head(message_out, &envelope);
		message_out->subject = read_subject(fd, envelope.body);
	}
	envelope_clear(&envelope);
	file_close(&fd);
	if (message_out->sender && !message_out->recipient_count) {
		free_message(message_out);
		return false;
	}
	if (message_out->sender)
		why_it_waits(smarthost, keeping(place, message_out), name, now,
			     &message_out->why);
	else
		snprintf(message_out->why.text, sizeof(message_out->why.text),
			 "its head cannot be read");
	return true;
}

static int by_age(const void *one, const void *other)
{
	return strcmp(((const struct parked_name *)one)->id,
		      ((const struct parked_name *)other)->id);
}

/* Who is told of each message. */
struct audience {
	bool (*each)(void *ctx, const struct queue_message *message);
	void *ctx;
};

static void tell_messages(const struct place *place, const struct parked_list *list,
			  const struct audience *audience)
{
	struct queue_message message;
	bool wanted = true;

	for (size_t i = 0; i < list->count && wanted; i++) {
		if (!read_message(place, &list->names[i], &message))
			continue;
		wanted = audience->each(audience->ctx, &message);
		free_message(&message);
	}
}

static bool tell_smarthost(int root_fd, int control_fd,
			   const struct smarthost_status *smarthost,
			   const struct parked_list *list,
			   const struct audience *audience, struct err *err)
{
	struct place place = { .smarthost = smarthost,
			       .link_up_s = link_up_seconds(root_fd) };

	if (!list->count)
		return true;
	place.parked = parked_open(root_fd, smarthost->name, false, err);
	if (!place.parked)
		return false;
	stops_read(root_fd, smarthost->name, &place.stops);
	if (place.stops.count)
		place.now = smarthost_status_now(root_fd, control_fd, smarthost);
	qsort(list->names, list->count, sizeof(*list->names), by_age);
	tell_messages(&place, list, audience);
	stops_clear(&place.stops);
	parked_close(place.parked);
	return true;
}

static bool keep_only(struct settings_list *names, const char *only, struct err *err)
{
	for (size_t i = 0; i < names->count; i++) {
		char *found = names->lines[i];

		if (strcmp(found, only) != 0)
			continue;
		names->lines[i] = names->lines[0];
		names->lines[0] = found;
		while (names->count > 1)
			free(names->lines[--names->count]);
		return true;
	}
	return err_exit(err, EX_NOINPUT,
			"%s: no such smarthost; `lontar status` lists them", only);
}

bool queue_each(int root_fd, int control_fd, const char *only,
		bool (*each)(void *ctx, const struct queue_message *message), void *ctx,
		struct err *err)
{
	const struct audience audience = { each, ctx };
	struct settings_list names;
	bool read;

	if (!status_smarthosts(root_fd, control_fd, &names, err))
		return false;
	read = !only || keep_only(&names, only, err);
	for (size_t i = 0; read && i < names.count; i++) {
		struct smarthost_status smarthost;
		struct parked_list list;

		read = smarthost_status_read(root_fd, control_fd, names.lines[i],
					     &smarthost, &list, err) &&
		       tell_smarthost(root_fd, control_fd, &smarthost, &list, &audience,
				      err);
		parked_list_clear(&list);
	}
	settings_list_clear(&names);
	return read;
}

static json_t *message_json(const struct queue_message *message)
{
	const struct smarthost_status *smarthost = message->smarthost;
	json_t *recipients = json_array();

	for (size_t i = 0; i < message->recipient_count; i++)
		json_array_append_new(recipients, report_text(message->recipients[i]));
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:s, s:o, s:o, s:i, s:i, "
		"s:o, s:o, s:o, s:o, s:o, s:o}",
		"id", report_text(message->name.id), "smarthost",
		report_text(smarthost->name), "sender", report_text(message->sender),
		"recipients", recipients, "size", (json_int_t)message->name.wire_bytes,
		"age_s", (json_int_t)message->age_s, "waited_s",
		(json_int_t)message->waited_s, "state", queue_message_state(message),
		"why", report_text(message->why.text), "next",
		report_when(message->why.next), "priority", (int)message->name.priority,
		"attempts", (int)message->name.attempts, "link",
		report_words(smarthost->link_up ? smarthost->link.name : NULL),
		"last_error",
		report_words(message->why.reason[0] ? message->why.reason
						    : smarthost->note.last_error),
		"scope", report_words(message->why.scope), "until",
		report_when(message->why.until), "mend", report_words(message->why.mend),
		"subject", report_words(message->subject ? message->subject : ""));
}

static bool add_json(void *ctx, const struct queue_message *message)
{
	json_array_append_new(ctx, message_json(message));
	return true;
}

bool queue_print_json(int root_fd, int control_fd, const char *only, FILE *to,
		      struct err *err)
{
	json_t *messages = json_array();

	if (queue_each(root_fd, control_fd, only, add_json, messages, err))
		return report_print(messages, to, err);
	json_decref(messages);
	return false;
}

/* For a terminal: what a stranger put into an address must not move the cursor. */
static void print_address(const char *address, FILE *to)
{
	for (const char *at = *address ? address : "<>"; *at; at++)
		fputc((unsigned char)*at < ' ' || *at == 127 ? '?' : *at, to);
}

struct table {
	FILE *to;
	bool any;
};

/* Normal is not worth a word; what is more than urgent is an operator's. */
static const char *priority_shown(unsigned priority)
{
	static const char *const shown[] = { "", ", high", ", urgent" };

	return priority < LENGTH(shown) ? shown[priority] : ", first";
}

static bool print_message(void *ctx, const struct queue_message *message)
{
	char bytes[NUMBER_TEXT_MAX], age[CLOCK_TEXT_MAX];
	struct table *table = ctx;
	FILE *to = table->to;

	table->any = true;
	fprintf(to, "%s  %s  %s  %s%s  for %s\n", message->name.id,
		number_format_bytes(message->name.wire_bytes, bytes),
		clock_format_duration(message->age_s, age), queue_message_state(message),
		priority_shown(message->name.priority), message->smarthost->name);
	fputs("    from ", to);
	print_address(message->sender ? message->sender : "?", to);
	fputs(" to", to);
	for (size_t i = 0; i < message->recipient_count; i++) {
		fputc(' ', to);
		print_address(message->recipients[i], to);
	}
	fprintf(to, "\n    %s\n", message->why.text);
	if (message->why.mend[0])
		fprintf(to, "    %s\n", message->why.mend);
	return !ferror(to);
}

bool queue_print(int root_fd, int control_fd, const char *only, FILE *to, struct err *err)
{
	struct table table = { .to = to };

	if (!queue_each(root_fd, control_fd, only, print_message, &table, err))
		return false;
	if (!table.any)
		fprintf(to, "Nothing is parked.\n");
	return true;
}
