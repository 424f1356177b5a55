#include "programs/lontar-web/page.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/number.h"
#include "programs/lontar-web/markup.h"

#define PAGE_MAX ((size_t)4 * 1024 * 1024)

static struct MHD_Response *respond(struct buf *body, const char *type)
{
	size_t len = body->len;
	struct MHD_Response *response = MHD_create_response_from_buffer(
		len, buf_take(body), MHD_RESPMEM_MUST_FREE);

	if (!response)
		abort(); /* no memory for a few bytes: the master starts us anew */
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "X-Frame-Options", "DENY");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "Content-Security-Policy",
				"default-src 'none'; style-src 'unsafe-inline'; "
				"form-action 'self'; frame-ancestors 'none'");
	return response;
}

struct MHD_Response *page_words(const char *text)
{
	struct buf body = BUF_INIT(PAGE_MAX);

	markup_begin(&body, "Lontar");
	markup(&body, "<p>%s</p>\n", text);
	markup_end(&body);
	return respond(&body, "text/html; charset=utf-8");
}

struct MHD_Response *page_go_back(void)
{
	struct MHD_Response *response = page_words("It is asked for.");

	MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, "/");
	return response;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

#define COUNT_MAX 24

static const char *count_of(const json_t *object, const char *key,
			    char text_out[COUNT_MAX])
{
	const json_t *number = json_object_get(object, key);

	text_out[0] = '\0'; /* null: not known */
	if (json_is_integer(number))
		snprintf(text_out, COUNT_MAX, "%" JSON_INTEGER_FORMAT,
			 json_integer_value(number));
	return text_out;
}

static const char *bytes_of(const json_t *object, const char *key,
			    char text_out[NUMBER_TEXT_MAX])
{
	return number_format_bytes(
		(uint64_t)json_integer_value(json_object_get(object, key)), text_out);
}

typedef void write_row(struct buf *body, const json_t *one);

static void write_table(struct buf *body, const char *title, const char *head,
			const json_t *list, write_row *row)
{
	if (!json_array_size(list))
		return;
	markup(body, "<h2>%s</h2>\n<table>\n<tr>", title);
	for (struct span rest = span_of(head), word; span_cut(&rest, '|', &word);)
		(void)!buf_appendf(body, "<th>%.*s</th>", SPAN_ARG(word));
	markup(body, "</tr>\n");
	for (size_t i = 0; i < json_array_size(list); i++)
		row(body, json_array_get(list, i));
	markup(body, "</table>\n");
}

static void write_link(struct buf *body, const json_t *link)
{
	markup(body, "<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n",
	       text_of(link, "name"), text_of(link, "state"), text_of(link, "since"),
	       text_of(link, "why"));
}

static void write_parked(struct buf *body, const json_t *one)
{
	char count[COUNT_MAX], bytes[NUMBER_TEXT_MAX], age[CLOCK_TEXT_MAX] = "";
	const json_t *oldest = json_object_get(one, "oldest_s");

	if (json_is_integer(oldest))
		clock_format_duration(json_integer_value(oldest), age);
	markup(body,
	       "<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td>"
	       "</tr>\n",
	       text_of(one, "smarthost"), count_of(one, "messages", count),
	       bytes_of(one, "bytes", bytes), age, text_of(one, "state"),
	       text_of(one, "last_error"));
}

static void write_stopped(struct buf *body, const json_t *one)
{
	markup(body, "<tr><td>%s</td><td>%s</td><td>%s</td></tr>\n",
	       text_of(one, "smarthost"), text_of(one, "why"), text_of(one, "mend"));
}

static void write_pickup(struct buf *body, const json_t *one)
{
	char count[COUNT_MAX], bytes[NUMBER_TEXT_MAX];

	markup(body, "<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n",
	       text_of(one, "name"), count_of(one, "waiting", count),
	       bytes_of(one, "bytes", bytes), text_of(one, "last_ok"),
	       text_of(one, "last_error"));
}

static void write_large(struct buf *body, const json_t *one)
{
	char bytes[NUMBER_TEXT_MAX];

	markup(body, "<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td>",
	       text_of(one, "from"), text_of(one, "subject"), text_of(one, "date"),
	       bytes_of(one, "octets", bytes), text_of(one, "cost"));
	if (json_is_true(json_object_get(one, "asked")))
		markup(body, "<td>comes with the next call</td></tr>\n");
	else
		markup(body,
		       "<td><form method=\"post\" action=\"/fetch?id=%s&amp;token=%s\">"
		       "<button>Fetch it</button></form></td></tr>\n",
		       text_of(one, "id"), text_of(one, "token"));
}

static struct MHD_Response *page_status(const json_t *told, const char *user)
{
	struct buf body = BUF_INIT(PAGE_MAX);
	const json_t *status = json_object_get(told, "status");

	markup_begin(&body, text_of(status, "me"));
	write_table(&body, "Large mail for you, still at the provider",
		    "from|subject|sent|size|cost|", json_object_get(told, "large"),
		    write_large);
	write_table(&body, "Mail that goes out",
		    "by|messages|size|oldest|state|last error",
		    json_object_get(status, "parked"), write_parked);
	write_table(&body, "What keeps it back", "by|why|what helps",
		    json_object_get(told, "stopped"), write_stopped);
	write_table(&body, "Mail that is fetched",
		    "from|waits there|size|last fetched|last error",
		    json_object_get(status, "pickups"), write_pickup);
	write_table(&body, "Links", "link|state|since|", json_object_get(status, "links"),
		    write_link);
	markup(&body, "<p>You are %s. This page is as of its loading.</p>\n", user);
	markup_end(&body);
	return respond(&body, "text/html; charset=utf-8");
}

static struct MHD_Response *page_json(const json_t *told)
{
	struct buf body = BUF_INIT(PAGE_MAX);
	char *text = json_dumps(json_object_get(told, "status"), JSON_INDENT(2));

	if (text && !buf_appendf(&body, "%s\n", text))
		buf_reset(&body);
	free(text);
	return respond(&body, "application/json");
}

/* A line a thing in the list, in the text format that Prometheus reads. */
static void write_gauge(struct buf *body, const char *name, const json_t *list,
			const char *label, const char *key)
{
	char count[COUNT_MAX];

	markup(body, "# TYPE %s gauge\n", name);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);

		if (*count_of(one, key, count))
			markup(body, "%s{%s=\"%s\"} %s\n", name, label,
			       text_of(one,
				       json_object_get(one, "name") ? "name" : label),
			       count);
	}
}

static void write_links_up(struct buf *body, const json_t *links)
{
	markup(body, "# TYPE lontar_link_up gauge\n");
	for (size_t i = 0; i < json_array_size(links); i++) {
		const json_t *link = json_array_get(links, i);

		markup(body, "lontar_link_up{link=\"%s\"} %s\n", text_of(link, "name"),
		       strcmp(text_of(link, "state"), "up") == 0 ? "1" : "0");
	}
}

/* Names of smarthosts, links and pickups need no escapes. */
static struct MHD_Response *page_metrics(const json_t *told)
{
	struct buf body = BUF_INIT(PAGE_MAX);
	const json_t *status = json_object_get(told, "status");
	const json_t *parked = json_object_get(status, "parked");

	write_gauge(&body, "lontar_parked_messages", parked, "smarthost", "messages");
	write_gauge(&body, "lontar_parked_bytes", parked, "smarthost", "bytes");
	write_gauge(&body, "lontar_parked_held", parked, "smarthost", "held");
	write_gauge(&body, "lontar_parked_uncertain", parked, "smarthost", "uncertain");
	write_gauge(&body, "lontar_parked_oldest_seconds", parked, "smarthost",
		    "oldest_s");
	write_gauge(&body, "lontar_pickup_waiting", json_object_get(status, "pickups"),
		    "pickup", "waiting");
	write_links_up(&body, json_object_get(status, "links"));
	return respond(&body, "text/plain; version=0.0.4; charset=utf-8");
}

struct MHD_Response *page_of(enum request_page page, const char *user, int fd)
{
	struct MHD_Response *response;
	json_t *told = NULL;

	if (fd >= 0 && lseek(fd, 0, SEEK_SET) == 0)
		told = json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
	if (!told)
		return page_words("The gateway's state cannot be read now.");
	if (page == PAGE_JSON)
		response = page_json(told);
	else if (page == PAGE_METRICS)
		response = page_metrics(told);
	else
		response = page_status(told, user);
	json_decref(told);
	return response;
}
