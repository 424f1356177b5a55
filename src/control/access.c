#include "control/access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/number.h"
#include "control/map.h"
#include "control/network.h"
#include "control/rules.h"

#define SOURCE     "tcp.smtp"
#define MAP        "tcp.smtp.cdb"
#define SOURCE_MAX ((size_t)16 * 1024 * 1024)
#define VALUE_MAX  ((size_t)8192)

static const char *const loopback[] = { "127.0.0.0/8", "::1", NULL };
static const char *const private[] = { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
				       "fc00::/7",   "fe80::/10",     NULL };

static const char *find_network(const char *const *networks,
				const struct network *address)
{
	struct network network;

	for (; *networks; networks++)
		if (network_parse(span_of(*networks), &network) &&
		    network_has(&network, address))
			return *networks;
	return NULL;
}

static bool parse_remote(const char *remote_ip, struct network *out)
{
	return network_parse(span_of(remote_ip), out) && out->bits == 128;
}

bool access_is_loopback(const char *remote_ip)
{
	struct network address;

	return parse_remote(remote_ip, &address) && find_network(loopback, &address);
}

bool access_plain_login(const struct settings *settings, const char *remote_ip)
{
	struct network address, network;

	if (!parse_remote(remote_ip, &address))
		return false;
	if (find_network(loopback, &address))
		return true;
	for (size_t i = 0; i < settings->plainnets.count; i++)
		if (network_parse(span_of(settings->plainnets.lines[i]), &network) &&
		    network_has(&network, &address))
			return true;
	return false;
}

/* No rules were ever written. */
static void use_default(const char *remote_ip, struct access *access)
{
	struct network address;
	const char *network = NULL;

	if (parse_remote(remote_ip, &address)) {
		network = find_network(loopback, &address);
		if (!network)
			network = find_network(private, &address);
	}
	access->may_relay = network != NULL;
	if (network)
		snprintf(access->rule, sizeof(access->rule),
			 "no control/tcp.smtp: %s may relay", network);
	else
		snprintf(access->rule, sizeof(access->rule),
			 "no control/tcp.smtp: only loopback and the LAN may relay");
}

/* The rule as somebody may have written it. */
static void describe(struct span key, struct span data, char *text, size_t room)
{
	struct span variable, value;
	bool denied = data.len && data.at[0] == 'D';
	char what;
	size_t used = 0;

	snprintf(text, room, "%.*s:%s", SPAN_ARG(key), denied ? "deny" : "allow");
	while ((what = rules_next(&data, &variable, &value)) != 0) {
		used = strlen(text);
		if (what == '+')
			snprintf(text + used, room - used, ",%.*s=\"%.*s\"",
				 SPAN_ARG(variable), SPAN_ARG(value));
	}
}

static bool apply(struct span key, struct span data, struct access *access,
		  struct err *err)
{
	struct span variable, value;
	char what;

	describe(key, data, access->rule, sizeof(access->rule));
	while ((what = rules_next(&data, &variable, &value)) != 0) {
		if (what == 'D') {
			access->allowed = false;
		} else if (span_is(variable, "RELAYCLIENT")) {
			if (value.len >= sizeof(access->relay_suffix))
				return err_temporary(
					err, "4.3.5",
					"control/" SOURCE
					": RELAYCLIENT is longer than %zu bytes",
					sizeof(access->relay_suffix) - 1);
			access->may_relay = true;
			snprintf(access->relay_suffix, sizeof(access->relay_suffix),
				 "%.*s", SPAN_ARG(value));
		} else if (span_is(variable, "DATABYTES")) {
			access->has_databytes =
				number_parse(value, INT64_MAX, &access->databytes);
		} else if (span_is(variable, "QMAILQUEUE")) {
			if (value.len >= sizeof(access->filter) ||
			    (value.len && value.at[0] != '/'))
				return err_temporary(
					err, "4.3.5",
					"control/" SOURCE
					": QMAILQUEUE is no whole path of at most %zu "
					"bytes",
					sizeof(access->filter) - 1);
			access->has_filter = true;
			snprintf(access->filter, sizeof(access->filter), "%.*s",
				 SPAN_ARG(value));
		}
	}
	return true;
}

/* text, its beginnings that end in a dot or colon, then nothing: tcpserver's order. */
static enum map_found find_rule(int control_fd, const char *text, struct span *key_out,
				struct buf *value, struct err *err)
{
	struct span key = span_of(text);
	enum map_found found = map_get(control_fd, MAP, key, value, err);

	while (found == MAP_MISSING && key.len) {
		do
			key.len--;
		while (key.len && !strchr(".:", key.at[key.len - 1]));
		found = map_get(control_fd, MAP, key, value, err);
	}
	*key_out = key;
	return found;
}

bool access_find(int control_fd, const char *remote_ip, struct access *access_out,
		 struct err *err)
{
	AUTO_BUF value = BUF_INIT(VALUE_MAX);
	char text[NETWORK_TEXT_MAX];
	struct network address;
	struct span key;

	*access_out = (struct access){ .allowed = true };
	if (parse_remote(remote_ip, &address))
		remote_ip = network_format_address(&address, text);
	switch (find_rule(control_fd, remote_ip, &key, &value, err)) {
	case MAP_FOUND:
		return apply(key, buf_span(&value), access_out, err);
	case MAP_MISSING:
		snprintf(access_out->rule, sizeof(access_out->rule),
			 "no rule in control/" SOURCE " matches");
		return true;
	case MAP_FAILED:
		break;
	}
	if (err->exit_code != EX_NOINPUT)
		return false;
	if (faccessat(control_fd, SOURCE, F_OK, AT_EACCESS) == 0)
		return err_temporary(err, "4.3.5",
				     "control/" MAP
				     " is missing; make it with `lontar rebuild`");
	use_default(remote_ip, access_out);
	return true;
}

static bool put_rule(void *ctx, struct span key, struct span data, struct err *err)
{
	return map_put(ctx, key, data, err);
}

bool access_rebuild(int control_fd, struct err *err)
{
	AUTO_BUF text = BUF_INIT(SOURCE_MAX);
	struct map_source source;
	struct map_maker *maker;
	struct err ignored;
	bool found, parsed;

	if (!file_read_if_any(control_fd, SOURCE, &text, &found, err))
		return err_context(err, "control");
	if (!found)
		return true;
	source = (struct map_source){ SOURCE, buf_span(&text) };
	maker = map_make(control_fd, MAP, &source, NULL, err);
	if (!maker)
		return false;
	parsed = rules_parse(SOURCE, buf_span(&text), put_rule, maker, err);
	return map_finish(maker, parsed, parsed ? err : &ignored) && parsed;
}
