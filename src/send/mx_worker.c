#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "ipc/link.h"
#include "ipc/master.h"
#include "ipc/peer.h"
#include "send/mx_job.h"
#include "send/mx_private.h"

#define PLAN_MAX    ((size_t)32 * 1024 * 1024)
#define END_TURN_US 20000
#define END_TURNS   150 /* then it is killed */

static void take_domain(struct mx_worker *worker, struct mx_domain *domain)
{
	struct mx_message *last = domain->first;

	domain->worker = worker;
	for (worker->count++; last->next; last = last->next)
		worker->count++;
	last->next = worker->messages;
	worker->messages = domain->first;
	domain->first = NULL;
}

static bool is_for(const struct mx_domain *domain, const struct mx_host *host)
{
	return domain->state == DOMAIN_KNOWN && domain->first && !domain->worker &&
	       domain->count && strcmp(domain->hosts[0].name, host->name) == 0;
}

/* A file without a name that says what is to be done, at its beginning. -1 and err. */
static int write_plan(const struct mx_delivery *delivery, const struct mx_host *host,
		      struct err *err)
{
	AUTO_BUF plan = BUF_INIT(PLAN_MAX);
	bool fits = mx_job_put_host(&plan, host);
	int fd;

	for (const struct mx_domain *at = delivery->domains; fits && at; at = at->next) {
		if (!is_for(at, host))
			continue;
		fits = mx_job_put_domain(&plan, at->name);
		for (const struct mx_message *one = at->first; fits && one;
		     one = one->next)
			fits = mx_job_put_message(&plan, one->name.id);
	}
	if (!fits) {
		err_temporary(err, "4.3.0", "too much to send to %s at a time",
			      host->name);
		return -1;
	}
	fd = memfd_create("mx-job", MFD_CLOEXEC);
	if (fd < 0)
		err_errno(err, "memfd");
	else if (!file_write(fd, plan.data, plan.len, err))
		file_close(&fd);
	else
		lseek(fd, 0, SEEK_SET);
	return fd;
}

static void become(int plan_fd, int supervisor_fd, const char *smarthost)
{
	/* Neither may have the number that the other is to get. */
	int plan = fcntl(plan_fd, F_DUPFD, PRIVATE_FD + 1);
	int supervisor = fcntl(supervisor_fd, F_DUPFD, PRIVATE_FD + 1);

	if (plan < 0 || supervisor < 0 || dup2(plan, STDIN_FILENO) < 0 ||
	    dup2(supervisor, PRIVATE_FD) < 0)
		_exit(EX_OSERR);
	close(plan);
	close(supervisor);
	close(MASTER_FD);
	execl("/proc/self/exe", "lontar-flush", "--mx-job", smarthost, (char *)NULL);
	_exit(EX_OSERR);
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct mx_worker *worker = ctx;
	struct link_progress progress;
	struct link_done done;

	(void)peer;
	file_close(&fd);
	if (packet->type == LINK_PROGRESS && link_progress_get(packet, &progress)) {
		worker->last = progress;
		worker->last.smarthost = worker->last.link = worker->last.doing =
			(struct span){ NULL, 0 };
		return true;
	}
	if (packet->type != LINK_DONE || !link_done_get(packet, &done))
		return false;
	worker->told = true;
	worker->exit_code = done.exit_code;
	snprintf(worker->text, sizeof(worker->text), "%.*s",
		 done.text.len < sizeof(worker->text) ? (int)done.text.len
						      : (int)sizeof(worker->text) - 1,
		 done.text.at);
	return true;
}

static void end_if_gone(struct mx_worker *worker)
{
	struct mx_delivery *delivery = worker->delivery;
	struct mx_worker **at = &delivery->workers;

	if (worker->peer || worker->pid)
		return;
	while (*at != worker)
		at = &(*at)->next;
	*at = worker->next;
	delivery->worker_count--;
	delivery->worker_ended(delivery, worker);
	mx_worker_free(worker);
	mx_resume_soon(delivery);
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct mx_worker *worker = ctx;

	(void)peer;
	worker->peer = NULL;
	end_if_gone(worker);
}

static void on_exit_of(struct ev_loop *loop, ev_child *watcher, int events)
{
	struct mx_worker *worker = watcher->data;

	(void)events;
	ev_child_stop(loop, watcher);
	worker->pid = 0;
	end_if_gone(worker);
}

bool mx_worker_start(struct mx_delivery *delivery, const struct mx_host *host,
		     struct err *err)
{
	static const struct peer_handler handler = { on_packet, on_closed };
	const struct mx_delivery_setup *setup = &delivery->setup;
	const char *smarthost = parked_smarthost(setup->outbound->parked);
	AUTO_FD plan = write_plan(delivery, host, err);
	struct mx_worker *worker;
	int pair[2];
	pid_t pid;

	if (plan < 0 || !file_socketpair(pair, err))
		return false;
	pid = fork();
	if (pid == 0)
		become(plan, pair[1], smarthost);
	file_close(&pair[1]);
	if (pid < 0) {
		file_close(&pair[0]);
		return err_errno(err, "start a process");
	}
	worker = must_alloc(sizeof(*worker));
	*worker = (struct mx_worker){ .next = delivery->workers,
				      .delivery = delivery,
				      .pid = pid };
	delivery->workers = worker;
	delivery->worker_count++;
	snprintf(worker->host, sizeof(worker->host), "%s", host->name);
	for (struct mx_domain *at = delivery->domains; at; at = at->next)
		if (is_for(at, host))
			take_domain(worker, at);
	worker->peer = peer_open(setup->loop, pair[0], &handler, worker);
	ev_child_init(&worker->child, on_exit_of, pid, 0);
	worker->child.data = worker;
	ev_child_start(setup->loop, &worker->child);
	log_info("flush smarthost=%s host=%s messages=%zu", smarthost, worker->host,
		 worker->count);
	return true;
}

void mx_worker_send(const struct mx_worker *worker, const struct buf *packet)
{
	if (worker->peer)
		peer_send(worker->peer, packet, -1);
}

/* Until it has gone: no other process may have its messages before. */
static void wait_for(pid_t pid)
{
	kill(pid, SIGTERM);
	for (int turn = 0; turn < END_TURNS; turn++) {
		if (waitpid(pid, NULL, WNOHANG) != 0)
			return;
		usleep(END_TURN_US);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

void mx_worker_free(struct mx_worker *worker)
{
	const struct mx_delivery_setup *setup = &worker->delivery->setup;
	struct outbound *outbound = setup->outbound;

	ev_child_stop(setup->loop, &worker->child);
	peer_close(worker->peer);
	if (worker->pid)
		wait_for(worker->pid);
	stops_take_over(outbound->root_fd, parked_smarthost(outbound->parked),
			worker->host, &outbound->stops);
	while (worker->messages) {
		struct mx_message *next = worker->messages->next;

		free(worker->messages);
		worker->messages = next;
	}
	free(worker);
}
