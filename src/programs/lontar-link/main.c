/*
 * lontar-link: knows which links are up, and has what is parked flushed, and what waits
 * at providers fetched, while they are; has links called when it is time. It reaches no
 * other machine itself.
 */
#include <fcntl.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "ipc/acceptor.h"
#include "ipc/parked_watch.h"
#include "ipc/service.h"
#include "programs/lontar-link/accounts.h"
#include "programs/lontar-link/calls.h"
#include "programs/lontar-link/events.h"
#include "programs/lontar-link/flushes.h"
#include "programs/lontar-link/interfaces.h"
#include "programs/lontar-link/links.h"
#include "programs/lontar-link/notices.h"
#include "programs/lontar-link/probes.h"
#include "programs/lontar-link/reload.h"
#include "programs/lontar-link/requests.h"

struct program {
	struct service service;
	struct links links;
	struct accounts accounts;
	struct flushes flushes;
	struct pickups pickups;
	struct events events;
	struct interfaces interfaces;
	struct probes probes;
	struct calls calls;
	struct notices notices;
	struct reload reload;
	struct requests requests;
	struct parked_watch watch;
	struct acceptor acceptor;
};

static void on_parked(void *ctx, const char *smarthost)
{
	struct program *program = ctx;

	flushes_parked(&program->flushes, smarthost);
	calls_look(&program->calls);
}

static void on_open(void *ctx)
{
	struct program *program = ctx;

	flushes_link_up(&program->flushes);
	pickups_link_up(&program->pickups);
}

static void on_watch(void *ctx)
{
	struct program *program = ctx;

	if (links_any_up(&program->links))
		on_open(program);
	calls_look(&program->calls);
}

static enum heard_verdict on_hook(void *ctx, const struct heard *heard)
{
	struct program *program = ctx;

	return interfaces_hook(&program->interfaces, heard);
}

static void on_recorded(void *ctx, const struct heard *heard)
{
	struct program *program = ctx;

	interfaces_recorded(&program->interfaces, heard);
}

static void on_change(void *ctx, const char *link, bool up)
{
	struct program *program = ctx;

	calls_link_changed(&program->calls, link, up);
	notices_soon(&program->notices);
}

static void on_stops(void *ctx)
{
	struct program *program = ctx;

	notices_stops(&program->notices);
}

static void on_probe(void *ctx, const char *link)
{
	struct program *program = ctx;

	probes_now(&program->probes, link);
}

/* What is used of links. */
static void count(struct program *program)
{
	struct flushes *flushes = &program->flushes;

	program->accounts = (struct accounts){ .loop = program->service.loop,
					       .root_fd = flushes->root_fd,
					       .control_fd = flushes->control_fd,
					       .links = &program->links,
					       .on_open = on_open,
					       .ctx = program };
	program->links.accounts = flushes->accounts = &program->accounts;
	accounts_open(&program->accounts);
}

static void on_settings(void *ctx)
{
	struct program *program = ctx;

	interfaces_reload(&program->interfaces);
	accounts_reload(&program->accounts);
	probes_reload(&program->probes);
	calls_look(&program->calls);
}

static void on_reload(struct service *service)
{
	on_settings(service->ctx);
}

/* Who tells of links, and what is begun by itself. */
static void watch(struct program *program)
{
	struct service *service = &program->service;
	const struct flushes *flushes = &program->flushes;

	program->events = (struct events){ .links = &program->links,
					   .control_fd = flushes->control_fd,
					   .flushes = &program->flushes,
					   .pickups = &program->pickups,
					   .ctx = program,
					   .on_hook = on_hook,
					   .on_recorded = on_recorded,
					   .on_change = on_change };
	program->interfaces = (struct interfaces){ .loop = service->loop,
						   .control_fd = flushes->control_fd,
						   .events = &program->events,
						   .ctx = program,
						   .on_probe = on_probe };
	program->probes = (struct probes){ .service = service,
					   .root_fd = flushes->root_fd,
					   .control_fd = flushes->control_fd,
					   .events = &program->events,
					   .interfaces = &program->interfaces };
	program->calls = (struct calls){ .service = service,
					 .root_fd = flushes->root_fd,
					 .control_fd = flushes->control_fd,
					 .links = &program->links,
					 .settings = &flushes->settings };
	program->notices = (struct notices){ .service = service,
					     .root_fd = flushes->root_fd,
					     .control_fd = flushes->control_fd,
					     .settings = &flushes->settings };
	program->reload = (struct reload){ .loop = service->loop,
					   .control_fd = flushes->control_fd,
					   .ctx = program,
					   .on_change = on_settings };
	notices_start(&program->notices);
	program->flushes.on_stops = on_stops;
	program->flushes.ctx = program;
	interfaces_start(&program->interfaces);
	probes_start(&program->probes);
	calls_start(&program->calls);
	reload_start(&program->reload);
}

static void on_connection(void *ctx, int fd)
{
	struct program *program = ctx;

	requests_take(&program->requests, fd);
}

static bool begin(struct program *program, struct err *err)
{
	struct service *service = &program->service;
	struct flushes *flushes = &program->flushes;

	flushes->service = service;
	flushes->root_fd = file_open_dir(AT_FDCWD, ".", err);
	if (flushes->root_fd < 0)
		return false;
	flushes->control_fd = file_open_dir(flushes->root_fd, "control", err);
	if (flushes->control_fd < 0 || !flushes_open(flushes, err) ||
	    !service_begin(service, err) || !sandbox_no_network(err) ||
	    !links_open(&program->links, flushes->root_fd, service->loop, err))
		return false;
	count(program);
	program->pickups = (struct pickups){ .service = service,
					     .accounts = &program->accounts,
					     .root_fd = flushes->root_fd,
					     .control_fd = flushes->control_fd };
	watch(program);
	program->requests = (struct requests){ .links = &program->links,
					       .events = &program->events,
					       .flushes = flushes,
					       .pickups = &program->pickups };
	requests_open(&program->requests);
	if (service->listener_count != 1)
		return err_temporary(err, "", "one listener is expected: run/link");
	acceptor_start(&program->acceptor, service->loop, service->listeners[0].fd,
		       on_connection, program);
	program->watch = (struct parked_watch){ .loop = service->loop,
						.root_fd = flushes->root_fd,
						.ctx = program,
						.on_parked = on_parked,
						.on_begin = on_watch };
	parked_watch_start(&program->watch);
	return true;
}

int main(void)
{
	static struct program program;
	struct err err = { 0 };

	log_open("lontar-link");
	program.service.ctx = &program;
	program.service.on_reload = on_reload;
	if (!begin(&program, &err)) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	service_run(&program.service);
	accounts_close(&program.accounts);
	links_close(&program.links);
	return EX_OK;
}
