/* The domains that mail waits for: their mail hosts are asked for, and those that cannot
 * be reached are left out for a while. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "send/mx_private.h"

void mx_domain_fail(struct mx_domain *domain, const struct err *err)
{
	domain->state = DOMAIN_FAILED;
	domain->err = *err;
	domain->since = clock_wall_s();
}

static void set_hosts(struct mx_domain *domain, const struct mx_host *hosts, size_t count)
{
	const struct settings *settings = &domain->delivery->setup.outbound->settings;
	struct err loop = { 0 };

	dns_check_found(&domain->delivery->dns);
	count = mx_hosts_before_us(settings, hosts, count);
	if (!count) {
		err_permanent(&loop, "5.4.6",
			      "mail for %s would come back here: this gateway is its "
			      "best mail host, and control/locals and "
			      "control/smtproutes do not say what to do with it",
			      domain->name);
		mx_domain_fail(domain, &loop);
		return;
	}
	domain->state = DOMAIN_KNOWN;
	domain->since = clock_wall_s();
	domain->hosts = must_alloc(count * sizeof(*hosts));
	domain->count = count;
	memcpy(domain->hosts, hosts, count * sizeof(*hosts));
}

static void on_dns_checked(void *ctx)
{
	mx_resume_soon(ctx);
}

/* That a domain is not there is believed only of a name server that tells the truth. */
static void set_missing(struct mx_domain *domain, const struct err *err)
{
	struct mx_delivery *delivery = domain->delivery;
	const struct link_path *path = delivery->setup.path;

	mx_domain_fail(domain, err);
	if (err->kind == ERR_PERMANENT)
		dns_check_start(&delivery->dns, delivery->setup.loop,
				&(struct resolve_way){ .servers = path->link.dns,
						       .bind_to = path->bind_to },
				on_dns_checked, delivery);
}

static void on_hosts(void *ctx, const struct mx_host *hosts, size_t count,
		     const struct err *err)
{
	struct mx_domain *domain = ctx;

	domain->delivery->asking--;
	if (err)
		set_missing(domain, err);
	else
		set_hosts(domain, hosts, count);
	mx_close(domain->mx);
	domain->mx = NULL;
	mx_resume_soon(domain->delivery);
}

/* Many domains have one hoster. */
static const char *known_addresses(void *ctx, const char *host)
{
	const struct mx_domain *asking = ctx;

	for (const struct mx_domain *at = asking->delivery->domains; at; at = at->next)
		for (size_t i = 0; i < at->count; i++)
			if (strcmp(at->hosts[i].name, host) == 0)
				return at->hosts[i].addresses;
	return NULL;
}

void mx_domain_ask(struct mx_domain *domain)
{
	struct mx_delivery *delivery = domain->delivery;
	const struct link_path *path = delivery->setup.path;

	domain->state = DOMAIN_ASKING;
	delivery->asking++;
	domain->mx = mx_start(delivery->setup.loop, domain->name,
			      &(struct resolve_way){ .servers = path->link.dns,
						     .bind_to = path->bind_to },
			      known_addresses, on_hosts, domain);
}

struct mx_domain *mx_domain_find(struct mx_delivery *delivery, const char *name)
{
	struct mx_domain *domain = delivery->domains;

	while (domain && strcasecmp(domain->name, name) != 0)
		domain = domain->next;
	if (domain)
		return domain;
	domain = must_alloc(sizeof(*domain));
	*domain = (struct mx_domain){ .next = delivery->domains,
				      .delivery = delivery,
				      .name = must_copy(name) };
	for (char *c = domain->name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	delivery->domains = domain;
	return domain;
}

static void forget_hosts(struct mx_domain *domain)
{
	free(domain->hosts);
	domain->hosts = NULL;
	domain->count = 0;
	domain->state = DOMAIN_NEW;
}

/* A call may last as long as the link does. */
void mx_domains_refresh(struct mx_delivery *delivery)
{
	int64_t now = clock_wall_s();

	unreachable_forget_old(delivery);
	for (struct mx_domain *one = delivery->domains; one; one = one->next)
		if (!one->worker && !one->mx && now - one->since >= MX_KNOWN_S)
			forget_hosts(one);
}

/* Its best host is one that may be reached; else it has failed. */
void mx_domain_choose_host(struct mx_domain *domain)
{
	while (domain->count) {
		const struct unreachable_host *dead =
			unreachable_find(domain->delivery, domain->hosts[0].name);

		if (!dead)
			return;
		domain->err = dead->err;
		domain->count--;
		memmove(domain->hosts, domain->hosts + 1,
			domain->count * sizeof(*domain->hosts));
	}
	domain->state = DOMAIN_FAILED;
}
