#include "report/stop_text.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* What is said of a stop whose maker had no words of its own. */
static const struct words {
	const char *scope;
	bool needs_person;
	const char *what;
	const char *mend;
} table[] = {
	{ "account", false, "a limit of our account at the provider", "" },
	{ "place", true, "the server does not take our mail from here",
	  "See that host, port and login in the smarthost's file are right, or ask the "
	  "provider. The key fallback names another smarthost that takes the mail "
	  "meanwhile." },
	{ "login", true, "the login is refused",
	  "Put the right password into the file that the key passwordfile names; if the "
	  "smarthost has the key login, run `lontar login` with its name." },
	{ "peer", false, "the server does not do what it offers", "" },
	{ "certificate", true, "the server's certificate is not the right one",
	  "See that the key host is the name in the certificate, and that the key cafile "
	  "names the authority that signed it." },
	{ "clock", false, "the clock of this machine is not right",
	  "Set the clock, or see that a time server can be reached." },
	{ "network", false, "something in the network answers in the server's place",
	  "If the network has a page to log in at, log in there; or use another link." },
	{ "session", false, "the server wants a pause", "" },
	{ "sender", true, "the server does not take mail from this sender",
	  "Let this person write from an address that the provider takes, or exchange "
	  "the address by a line in control/rewrites." },
	{ "person", true, "it is held",
	  "`lontar release` with its id sends it again, `lontar drop` returns it to its "
	  "sender." },
};
static const struct words any = { "", true, "the server refuses our mail", "" };

static const struct words *words_of(const struct stop *stop)
{
	for (size_t i = 0; i < LENGTH(table); i++)
		if (strcmp(table[i].scope, stop->scope) == 0)
			return &table[i];
	return &any;
}

const char *stop_scope(const struct stop *stop)
{
	return strcmp(stop->scope, "session") == 0 ? "peer" : stop->scope;
}

const char *stop_what(const struct stop *stop)
{
	return stop->what[0] ? stop->what : words_of(stop)->what;
}

const char *stop_mend(const struct stop *stop)
{
	return stop->mend[0] ? stop->mend : words_of(stop)->mend;
}

bool stop_needs_person(const struct stop *stop)
{
	return words_of(stop)->needs_person;
}

void stop_when(const struct stop *stop, int64_t now, char out[STOP_WHEN_MAX])
{
	const char *link =
		stop_ends_with_link(stop, now) ? " or when a link comes up" : "";
	char until[CLOCK_TEXT_MAX];

	if (strcmp(stop->scope, "person") == 0 && stop->key[0])
		snprintf(out, STOP_WHEN_MAX, "until a person lets it go");
	else if (strcmp(stop->scope, "clock") == 0)
		snprintf(out, STOP_WHEN_MAX, "again when the clock is right");
	else if (stop_ends(stop))
		snprintf(out, STOP_WHEN_MAX, "again at %s%s",
			 clock_format_local(stop_ends(stop), now, until), link);
	else
		snprintf(out, STOP_WHEN_MAX, "again when a link comes up");
}

void stop_explain(const struct stop *stop, int64_t now, char out[STOP_TEXT_MAX])
{
	char when[STOP_WHEN_MAX];

	stop_when(stop, now, when);
	snprintf(out, STOP_TEXT_MAX, "%s, %s%s%s%s", stop_what(stop), when,
		 stop->reason[0] ? " (" : "", stop->reason, stop->reason[0] ? ")" : "");
}
