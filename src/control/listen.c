#include "control/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/number.h"
#include "control/lines.h"

#define LISTEN_FILE_MAX    ((size_t)64 * 1024)
#define LISTEN_ENTRIES_MAX 100

static const char *const names[] = {
	[LISTEN_SMTP] = "smtp",   [LISTEN_SUBMISSION] = "submission",
	[LISTEN_SMTPS] = "smtps", [LISTEN_POP3] = "pop3",
	[LISTEN_POP3S] = "pop3s", [LISTEN_WEB] = "web",
	[LISTEN_QMTP] = "qmtp",   [LISTEN_QMQP] = "qmqp",
};

const char *listen_service_name(enum listen_service service)
{
	return names[service];
}

void listen_clear(struct listen *listen)
{
	free(listen->entries);
	*listen = (struct listen){ 0 };
}

static bool wrong(unsigned line, const char *what, struct span text, struct err *err)
{
	return err_exit(err, EX_CONFIG, "control/listen:%u: \"%.*s\" %s", line,
			text.len > 60 ? 60 : (int)text.len, text.at, what);
}

static bool find_service(struct span word, enum listen_service *service_out)
{
	for (unsigned i = 0; i < LENGTH(names); i++)
		if (span_is(word, names[i])) {
			*service_out = (enum listen_service)i;
			return true;
		}
	return false;
}

/* "address:port" or "[address]:port". */
static bool parse_endpoint(struct span text, struct listen_entry *entry)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&entry->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&entry->address;
	size_t colon = text.len;
	struct span host;
	uint64_t port;
	bool is_v6;

	while (colon > 0 && text.at[colon - 1] != ':')
		colon--;
	if (!colon || !number_parse(span_after(text, colon), 65535, &port))
		return false;
	host = (struct span){ text.at, colon - 1 };
	is_v6 = host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
	if (is_v6)
		host = (struct span){ host.at + 1, host.len - 2 };
	if (host.len >= sizeof(entry->text))
		return false;
	memcpy(entry->text, host.at, host.len);
	entry->text[host.len] = '\0';
	entry->port = (uint16_t)port;
	if (is_v6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(entry->port);
		entry->address_len = sizeof(*v6);
		return inet_pton(AF_INET6, entry->text, &v6->sin6_addr) == 1;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(entry->port);
	entry->address_len = sizeof(*v4);
	return inet_pton(AF_INET, entry->text, &v4->sin_addr) == 1;
}

static bool parse_line(struct span line, unsigned number, struct listen *listen,
		       struct err *err)
{
	struct listen_entry entry = { .line = number };
	size_t len = 0;
	struct span endpoint;

	while (len < line.len && line.at[len] != ' ' && line.at[len] != '\t')
		len++;
	endpoint = span_trim(span_after(line, len));
	line.len = len;
	if (!find_service(line, &entry.service))
		return wrong(number,
			     "is no service; known are: smtp submission smtps pop3 pop3s "
			     "web qmtp qmqp",
			     line, err);
	if (!parse_endpoint(endpoint, &entry))
		return wrong(number,
			     "is no address:port; write it as 127.0.0.1:2525 or "
			     "[::1]:2525, 0.0.0.0 or [::] for all",
			     endpoint, err);
	for (size_t i = 0; i < listen->count; i++)
		if ((entry.port || listen->entries[i].service == entry.service) &&
		    memcmp(&listen->entries[i].address, &entry.address,
			   sizeof(entry.address)) == 0)
			return wrong(number, "stands here a second time; keep one",
				     endpoint, err);
	if (listen->count == LISTEN_ENTRIES_MAX)
		return wrong(number, "is one listener too many; keep 100", endpoint, err);
	listen->entries = must_resize(listen->entries, listen->count + 1, sizeof(entry));
	listen->entries[listen->count++] = entry;
	return true;
}

bool listen_parse(struct span text, struct listen *listen_out, struct err *err)
{
	struct span line;
	unsigned number = 0;

	*listen_out = (struct listen){ 0 };
	while (lines_next(&text, &line, &number)) {
		if (!parse_line(line, number, listen_out, err)) {
			listen_clear(listen_out);
			return false;
		}
	}
	return true;
}

bool listen_read(int control_fd, struct listen *listen_out, struct err *err)
{
	AUTO_BUF text = BUF_INIT(LISTEN_FILE_MAX);
	bool found;

	if (!file_read_if_any(control_fd, "listen", &text, &found, err))
		return err_context(err, "control");
	if (!listen_parse(buf_span(&text), listen_out, err))
		return false;
	if (listen_out->count)
		return true;
	return err_exit(err, EX_CONFIG,
			"control/listen: %s; write lines as \"smtp 127.0.0.1:2525\"",
			found ? "names no listener" : "missing");
}
