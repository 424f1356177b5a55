#include "programs/lontar-auth/login.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/accounts.h"
#include "control/routes.h"
#include "programs/lontar-auth/helper.h"
#include "programs/lontar-auth/permit.h"

#define PASSWORD_MAX   513 /* crypt(3) takes up to 512 bytes */
#define NAME_MAX_BYTES 320 /* an address given for a name: 64, "@", 255 */
#define CHILD_CPU_S    10
#define CROWDED_MS     2000 /* for who tries many passwords at once */
#define BUSY           "busy, try again later"
#define REFUSED        "wrong name or password"

enum child_says {
	CHILD_RIGHT,
	CHILD_WRONG,
};

struct login {
	struct login *next; /* in the queue */
	struct auth *auth;
	struct session *session; /* NULL: gone */
	char remote_ip[REMOTE_IP_MAX];
	char service[SERVICE_NAME_MAX];
	char name[ACCOUNT_NAME_MAX]; /* empty: what was given cannot be a name */
	char password[PASSWORD_MAX];
	char *hash;     /* NULL: no such account; compared with nothing, as slowly */
	bool elsewhere; /* no account: control/checkpassword says who knows */
	enum auth_verdict verdict;
	const char *text;
	ev_child child;
	ev_timer delay;
	bool queued;
	bool counted; /* remotes_login_begin was true */
};

struct login_queue {
	struct login *first, **last;
	unsigned running, running_max;
};

struct login_queue *login_queue_new(void)
{
	struct login_queue *queue = must_alloc(sizeof(*queue));
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	queue->last = &queue->first;
	queue->running_max = cores < 2 ? 2 : (unsigned)cores;
	return queue;
}

static void forget_password(struct login *login)
{
	explicit_bzero(login->password, sizeof(login->password));
	if (login->hash)
		explicit_bzero(login->hash, strlen(login->hash));
}

static void login_free(struct login *login)
{
	ev_timer_stop(login->auth->service.loop, &login->delay);
	ev_child_stop(login->auth->service.loop, &login->child);
	forget_password(login);
	free(login->hash);
	free(login);
}

static void answer(struct login *login)
{
	if (login->session)
		worker_answer(login->session,
			      &(struct worker_answer){ login->verdict, login->name,
						       login->elsewhere, login->text });
	login_free(login);
}

static void on_delay(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	answer(watcher->data);
}

/* The verdict is there; it is told when the time has come. */
static void conclude(struct login *login, enum auth_verdict verdict, const char *text)
{
	static const enum remotes_login told[] = {
		[AUTH_YES] = REMOTES_LOGIN_RIGHT,
		[AUTH_NO] = REMOTES_LOGIN_WRONG,
		[AUTH_LATER] = REMOTES_LOGIN_UNTOLD,
	};
	int delay_ms = CROWDED_MS;

	if (login->counted)
		delay_ms = remotes_login_end(login->auth->remotes, login->remote_ip,
					     told[verdict], clock_monotonic_ms());
	forget_password(login);
	login->verdict = verdict;
	login->text = text;
	if (verdict != AUTH_LATER)
		log_info("auth %s user=%s service=%s ip=%s delay_ms=%d",
			 verdict == AUTH_YES ? "ok" : "failed",
			 login->name[0] ? login->name : "?", login->service,
			 login->remote_ip, delay_ms);
	/* Even without a delay by way of the loop, never from within login_begin. */
	ev_timer_set(&login->delay, delay_ms / 1000., 0.);
	ev_timer_start(login->auth->service.loop, &login->delay);
}

/* In the child. Ends with it. */
static _Noreturn void compare(const struct login *login)
{
	const struct rlimit cpu = { CHILD_CPU_S, CHILD_CPU_S };
	bool right;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The loop's handlers would wake the parent. */
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGCHLD, SIG_DFL);
	setrlimit(RLIMIT_CPU, &cpu);
	right = account_password_is_right(login->password, login->hash);
	_exit(right && login->hash ? CHILD_RIGHT : CHILD_WRONG);
}

static void start_next(struct auth *auth);

static void on_child(struct ev_loop *loop, ev_child *watcher, int events)
{
	struct login *login = watcher->data;
	int status = watcher->rstatus;

	(void)events;
	ev_child_stop(loop, watcher);
	login->auth->logins->running--;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_RIGHT) {
		conclude(login, AUTH_YES, "");
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_WRONG) {
		conclude(login, AUTH_NO, REFUSED);
	} else {
		log_warning("auth: comparing a password ended with status %d", status);
		conclude(login, AUTH_LATER, BUSY);
	}
	start_next(login->auth);
}

static void on_helper(void *ctx, enum auth_verdict verdict)
{
	struct login *login = ctx;
	struct auth *auth = login->auth;

	auth->logins->running--;
	conclude(login, verdict, verdict == AUTH_NO ? REFUSED : verdict ? BUSY : "");
	start_next(auth);
}

static void start(struct login *login)
{
	pid_t child;

	if (login->elsewhere) {
		login->auth->logins->running++;
		helper_ask(login->auth, login->name, login->password, on_helper, login);
		return;
	}
	child = fork();
	if (child == 0)
		compare(login);
	if (child < 0) {
		log_warning("auth: no process to compare a password with");
		conclude(login, AUTH_LATER, BUSY);
		return;
	}
	login->auth->logins->running++;
	ev_child_init(&login->child, on_child, child, 0);
	login->child.data = login;
	ev_child_start(login->auth->service.loop, &login->child);
}

static void start_next(struct auth *auth)
{
	struct login_queue *queue = auth->logins;

	while (queue->first && queue->running < queue->running_max) {
		struct login *login = queue->first;

		queue->first = login->next;
		if (!queue->first)
			queue->last = &queue->first;
		login->queued = false;
		start(login);
	}
}

void login_abandon(struct login *login)
{
	struct login_queue *queue = login->auth->logins;
	struct login **at = &queue->first;

	login->session = NULL;
	if (!login->queued)
		return;
	while (*at != login)
		at = &(*at)->next;
	*at = login->next;
	if (!login->next)
		queue->last = at;
	remotes_login_end(login->auth->remotes, login->remote_ip, REMOTES_LOGIN_UNTOLD,
			  clock_monotonic_ms());
	login_free(login);
}

/* Names are lower case, and an address at one of our domains means its local part. What
 * cannot be a name may be a password in the wrong place: not kept, not logged. */
static void set_name(struct login *login, struct span given)
{
	char text[NAME_MAX_BYTES];
	char *at;

	if (!packet_text_copy(given, text, sizeof(text)))
		return;
	for (char *letter = text; *letter; letter++)
		if (*letter >= 'A' && *letter <= 'Z')
			*letter = (char)(*letter - 'A' + 'a');
	at = strchr(text, '@');
	if (at && routes_is_local(current_settings(login->auth), at + 1))
		*at = '\0';
	if (account_name_is_valid(text))
		memcpy(login->name, text, strlen(text) + 1);
	explicit_bzero(text, sizeof(text));
}

/* False: nobody can say now. */
static bool look_up(struct login *login)
{
	struct err err = { 0 };

	if (!login->name[0])
		return true;
	switch (account_find(login->auth->control_fd, login->name, &login->hash, &err)) {
	case ACCOUNT_YES:
		return true;
	case ACCOUNT_NO:
		login->elsewhere = login->auth->settings.checkpassword != NULL;
		return true;
	case ACCOUNT_UNKNOWN:
		break;
	}
	log_failure(&err);
	return false;
}

void login_begin(struct auth *auth, struct session *session,
		 const struct auth_login *asked)
{
	struct login *login = must_alloc(sizeof(*login));
	struct login_queue *queue = auth->logins;
	bool fits;

	*login = (struct login){ .auth = auth, .session = session };
	memcpy(login->remote_ip, session->remote_ip, sizeof(login->remote_ip));
	memcpy(login->service, session->service, sizeof(login->service));
	ev_timer_init(&login->delay, on_delay, 0., 0.);
	login->delay.data = login;
	ev_child_init(&login->child, on_child, 0, 0);
	session->login = login;
	set_name(login, asked->user);
	fits = packet_text_copy(asked->password, login->password,
				sizeof(login->password));
	login->counted = remotes_login_begin(auth->remotes, login->remote_ip,
					     clock_monotonic_ms());
	if (!login->counted) {
		conclude(login, AUTH_LATER, "too many wrong passwords, try later");
		return;
	}
	if (!fits)
		login->name[0] = '\0'; /* right for nobody */
	if (!look_up(login)) {
		conclude(login, AUTH_LATER, BUSY);
		return;
	}
	login->queued = true;
	*queue->last = login;
	queue->last = &login->next;
	start_next(auth);
}
