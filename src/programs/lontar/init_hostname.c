#include "programs/lontar/init_hostname.h"

#include <ctype.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mail/address.h"

static void lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

static const char *without_first(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot && strchr(dot + 1, '.') ? dot + 1 : name;
}

static const char *last_two(const char *name)
{
	const char *last = strrchr(name, '.');

	while (last && last > name && last[-1] != '.')
		last--;
	return last ? last : name;
}

/* "gate" becomes "gate.office.example" by /etc/hosts or DNS. */
static bool find_me(char me_out[256], struct err *err)
{
	struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;

	if (gethostname(me_out, 256) != 0)
		return err_errno(err, "the machine's name");
	me_out[255] = '\0';
	if (!strchr(me_out, '.') && getaddrinfo(me_out, NULL, &hints, &found) == 0 &&
	    found->ai_canonname && strlen(found->ai_canonname) < 256)
		memcpy(me_out, found->ai_canonname, strlen(found->ai_canonname) + 1);
	if (found)
		freeaddrinfo(found);
	lower(me_out);
	if (strchr(me_out, '.') && me_out[0] != '[' &&
	    address_domain_is_valid(span_of(me_out)))
		return true;
	return err_exit(err, EX_CONFIG,
			"the machine's name, %.100s, has no domain: say --me HOST, or "
			"write its full name first into its line of /etc/hosts",
			me_out);
}

static void add_name(struct settings_list *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->lines[i], name) == 0)
			return;
	settings_list_add(names, span_of(name), 0);
}

/* What the addresses of the machine's interfaces are called. */
static void add_interfaces(struct settings_list *names)
{
	struct ifaddrs *all, *at;

	if (getifaddrs(&all) != 0)
		return;
	for (at = all; at; at = at->ifa_next) {
		int family = at->ifa_addr ? at->ifa_addr->sa_family : AF_UNSPEC;
		socklen_t len = family == AF_INET ? sizeof(struct sockaddr_in)
						  : sizeof(struct sockaddr_in6);
		char name[NI_MAXHOST];

		if ((family != AF_INET && family != AF_INET6) ||
		    getnameinfo(at->ifa_addr, len, name, sizeof(name), NULL, 0,
				NI_NAMEREQD) != 0)
			continue;
		lower(name);
		if (strchr(name, '.') && address_domain_is_valid(span_of(name)))
			add_name(names, name);
	}
	freeifaddrs(all);
}

bool init_hostname(struct init_hostname *out, struct err *err)
{
	*out = (struct init_hostname){ .me = "" };
	if (!find_me(out->me, err))
		return false;
	out->defaultdomain = without_first(out->me);
	out->plusdomain = last_two(out->me);
	add_name(&out->names, out->me);
	add_interfaces(&out->names);
	return true;
}
