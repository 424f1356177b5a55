#include "control/routes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/relay.h"
#include "control/signature.h"
#include "control/smarthost.h"
#include "mail/address.h"

/* What stands behind a keyed line's colon. */
static const char *value_of(const char *line)
{
	return line + strcspn(line, ":") + 1;
}

/* domain itself, then ".suffix" longest first: qmail's order. */
static const char *find_domain(const struct settings_list *list, const char *domain)
{
	struct span key = span_of(domain);
	const char *line = NULL;

	while (key.len && !line) {
		line = settings_list_find(list, key);
		do
			key = span_after(key, 1);
		while (key.len && key.at[0] != '.');
	}
	return line;
}

/* The same, and at last the line for everything. */
static const char *find_any(const struct settings_list *list, const char *domain)
{
	const char *line = find_domain(list, domain);

	return line ? line : settings_list_find(list, span_of(""));
}

bool routes_is_local(const struct settings *settings, const char *domain)
{
	return settings_list_find(&settings->locals, span_of(domain)) != NULL;
}

bool routes_is_ours(const struct settings *settings, const char *domain)
{
	const char *line;

	if (routes_is_local(settings, domain) ||
	    find_domain(&settings->rcpthosts, domain))
		return true;
	line = find_domain(&settings->virtualdomains, domain);
	return line && value_of(line)[0];
}

bool routes_virtual(const struct settings *settings, const char *address, char *user_out,
		    size_t room, const char **line_out)
{
	const char *domain = address_domain(address), *line;
	struct span local = address_local(address);

	if (!domain[0] || routes_is_local(settings, domain))
		return false;
	line = settings_list_find(&settings->virtualdomains, span_of(address));
	if (!line)
		line = find_any(&settings->virtualdomains, domain);
	if (!line || !value_of(line)[0])
		return false;
	*line_out = line;
	return (size_t)snprintf(user_out, room, "%s-%.*s", value_of(line),
				SPAN_ARG(local)) < room;
}

static const char *find_sender(const struct settings *settings, const char *sender)
{
	const char *at = strrchr(sender, '@'), *line;

	if (!sender[0] || !settings->senderroutes.count)
		return NULL;
	line = settings_list_find(&settings->senderroutes, span_of(sender));
	return line || !at ? line
			   : settings_list_find(&settings->senderroutes, span_of(at));
}

static bool has_file(int control_fd, const char *name, bool *there_out, struct err *err)
{
	char path[SMARTHOST_NAME_MAX + 16];

	snprintf(path, sizeof(path), "smarthosts/%s", name);
	*there_out = faccessat(control_fd, path, F_OK, AT_EACCESS) == 0;
	if (*there_out || errno == ENOENT || errno == ENOTDIR)
		return true;
	return err_errno(err, "control/%s", path);
}

bool routes_find(int control_fd, const struct settings *settings, const char *sender,
		 const char *recipient, struct route *route_out, struct err *err)
{
	struct relay relay;
	struct err why;
	bool is_file = false;

	*route_out = (struct route){ .by = ROUTE_NONE };
	route_out->line = find_sender(settings, sender);
	if (route_out->line)
		route_out->by = ROUTE_SENDER;
	else
		route_out->line =
			find_any(&settings->smtproutes, address_domain(recipient));
	if (!route_out->line)
		return true;
	if (!value_of(route_out->line)[0]) {
		/* qmail asks DNS for the MX here; this path never does. */
		route_out->by = ROUTE_NONE;
		return true;
	}
	if (!relay_parse(value_of(route_out->line), &relay, &why))
		return err_temporary(err, "4.3.5", "control/%s: %s",
				     route_out->by == ROUTE_SENDER ? "senderroutes"
								   : "smtproutes",
				     why.text);
	if (!relay.port && !has_file(control_fd, relay.smarthost, &is_file, err))
		return false;
	if (route_out->by == ROUTE_NONE)
		route_out->by = ROUTE_DOMAIN;
	memcpy(route_out->smarthost, relay.smarthost, sizeof(route_out->smarthost));
	if (is_file)
		return true;
	memcpy(route_out->host, relay.host, sizeof(route_out->host));
	route_out->port = relay.port;
	return true;
}

uint64_t routes_signature(int control_fd, const struct settings *settings)
{
	uint64_t signature = SIGNATURE_START;
	struct settings_list names;
	struct err ignored;

	for (size_t i = 0; i < settings->senderroutes.count; i++)
		signature = signature_text(signature, settings->senderroutes.lines[i]);
	signature = signature_number(signature, settings->senderroutes.count);
	for (size_t i = 0; i < settings->smtproutes.count; i++)
		signature = signature_text(signature, settings->smtproutes.lines[i]);
	/* A folder that cannot be read is as good as none here: who sends will tell. */
	if (!smarthost_names(control_fd, "smarthosts", &names, &ignored))
		return signature;
	for (size_t i = 0; i < names.count; i++)
		signature = signature_text(signature, names.lines[i]);
	settings_list_clear(&names);
	return signature;
}
