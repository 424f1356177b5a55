/* lontar login: a person lets the gateway in at a provider (OAuth 2). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "control/pickup.h"
#include "control/smarthost.h"
#include "link/stops.h"
#include "oauth/grant.h"
#include "oauth/tokens.h"
#include "programs/lontar-login/login.h"

#define SLOWER_S     5 /* RFC 8628 3.5 */
#define ADDRESS_ROOM 8192

static const char usage[] =
	"usage: lontar login NAME\n"
	"Logs in at the provider of control/logins/NAME: shows an address and a code, and\n"
	"waits until somebody has opened the one, in any browser, and typed the other; or,\n"
	"where the provider has no codes (Google), asks for what the browser shows then.\n";

static void show(const struct oauth_reply *device)
{
	printf("Open %s and type the code %s\n", device->verification_uri,
	       device->user_code);
	if (device->verification_uri_complete)
		printf("or open %s\n", device->verification_uri_complete);
	printf("Waiting, for %llu minutes at most ...\n",
	       (unsigned long long)(device->expires_in + 59) / 60);
	fflush(stdout);
}

static void wait_s(uint64_t seconds)
{
	struct timespec pause = { .tv_sec = (time_t)seconds };

	while (nanosleep(&pause, &pause) != 0)
		;
}

/* Until the person has answered, or the code is worth nothing any more. */
static bool poll(const struct place *place, const struct login *login,
		 const struct oauth_reply *device, struct oauth_reply *granted_out,
		 struct err *err)
{
	int64_t end = clock_monotonic_ms() + (int64_t)device->expires_in * 1000;
	uint64_t interval = device->interval;

	while (clock_monotonic_ms() < end) {
		wait_s(interval);
		switch (oauth_device_poll(place->control_fd, login, device->device_code,
					  granted_out, err)) {
		case OAUTH_GRANTED:
			return true;
		case OAUTH_PENDING:
			break;
		case OAUTH_SLOWER:
			interval += SLOWER_S;
			break;
		case OAUTH_FAILED:
			if (err->kind == ERR_PERMANENT)
				return false;
			/* 3.5: the network was away for a moment. */
			interval += SLOWER_S;
			break;
		}
	}
	return err_exit(err, EX_TEMPFAIL, "nobody typed the code in time; run it again");
}

static bool keep(const struct place *place, const struct login *login,
		 const struct oauth_reply *granted, struct err *err)
{
	AUTO_FD lock = tokens_lock(place->root_fd, login->name, err);
	struct tokens tokens = { .accessuntil = 0 };
	bool kept = lock >= 0 &&
		    tokens_keep(place->root_fd, login, &tokens, granted, true, err);

	tokens_clear(&tokens);
	return kept;
}

static bool is_login(const char *one, const char *name)
{
	return one && strcmp(one, name) == 0;
}

/* Smarthosts that were stopped for want of this login may go on. Only a hint: a flush
 * that is at work writes its own stops. */
static void let_go(const struct place *place, const char *name)
{
	struct settings settings = { 0 };
	struct settings_list names;
	struct smarthost smarthost;
	struct stop stop;
	struct err ignored;

	if (!settings_load(place->control_fd, &settings, &ignored))
		return;
	if (!smarthost_names(place->control_fd, "smarthosts", &names, &ignored)) {
		settings_clear(&settings);
		return;
	}
	for (size_t i = 0; i < names.count; i++) {
		if (!smarthost_load(place->control_fd, &settings, names.lines[i],
				    &smarthost, &ignored))
			continue;
		if (is_login(smarthost.login, name) &&
		    smarthost_is_stopped(place->root_fd, place->control_fd,
					 names.lines[i], &stop) &&
		    strcmp(stop.scope, "login") == 0 &&
		    stops_forgive(place->root_fd, names.lines[i], &ignored))
			printf("%s is stopped no longer: `lontar flush %s` sends what "
			       "waits\n",
			       names.lines[i], names.lines[i]);
		smarthost_clear(&smarthost);
	}
	settings_list_clear(&names);
	settings_clear(&settings);
}

static bool by_device(const struct place *place, const struct login *login,
		      struct oauth_reply *granted_out, struct err *err)
{
	struct oauth_reply device;
	bool done;

	if (!oauth_device_begin(place->control_fd, login, &device, err))
		return false;
	show(&device);
	done = poll(place, login, &device, granted_out, err);
	oauth_reply_clear(&device);
	return done;
}

static bool by_code(const struct place *place, const struct login *login,
		    struct oauth_reply *granted_out, struct err *err)
{
	AUTO_BUF address = BUF_INIT(ADDRESS_ROOM);
	char pasted[ADDRESS_ROOM];
	struct oauth_code code;
	bool done;

	if (!oauth_code_begin(login, &code, &address, err))
		return false;
	printf("Open this address in any browser, and log in:\n\n%s\n\n"
	       "At the end the browser finds no page at an address that begins with\n"
	       "%s: paste that address here: ",
	       address.data, OAUTH_REDIRECT);
	fflush(stdout);
	if (!fgets(pasted, sizeof(pasted), stdin))
		return err_exit(err, EX_TEMPFAIL, "nothing was pasted; run it again");
	done = oauth_code_finish(place->control_fd, login, &code,
				 span_trim(span_of(pasted)), granted_out, err);
	explicit_bzero(pasted, sizeof(pasted));
	return done;
}

static bool log_in(const struct place *place, const struct login *login, struct err *err)
{
	struct oauth_reply granted;
	bool done;

	if (!(login->authurl ? by_code(place, login, &granted, err)
			     : by_device(place, login, &granted, err)))
		return false;
	done = keep(place, login, &granted, err);
	oauth_reply_clear(&granted);
	return done;
}

bool login_run(struct place *place, struct args *args, struct err *err)
{
	struct login login;
	bool done;

	if (!args_parse(args, NULL, usage, err) || !args_count(args, 1, 1, usage, err) ||
	    !place_open(place, err) ||
	    !login_load(place->control_fd, args->argv[1], &login, err))
		return false;
	done = log_in(place, &login, err);
	if (done) {
		printf("Logged in.\n");
		let_go(place, login.name);
	}
	login_clear(&login);
	return done;
}
