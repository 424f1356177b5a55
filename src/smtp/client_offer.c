/*
 * What is believed of an offer.
 *
 * SIZE: some servers and the filters in front of them say "SIZE 100", or say SIZE twice.
 * A limit below 64 KiB is none, and of two limits the larger counts; a message above the
 * limit is still asked about, so that the server itself refuses it (RFC 1870 6.1).
 *
 * Exim keeps a sender whose recipients were all refused when BDAT follows, and refuses
 * the next MAIL with 503. Its greeting tells who it is, and RSET in front of each MAIL
 * costs no round trip if it is pipelined.
 */
#include "smtp/client_offer.h"

#include "base/attr.h"
#include "base/number.h"

#define SIZE_MIN   65536  /* bytes; a smaller limit is a mistake */
#define LIMITS_MAX 999999 /* RFC 9422 3: six digits */

void smtp_offer_greeting(struct smtp_offer *offer, const char *greeting)
{
	offer->keeps_sender = strstr(greeting, " Exim ") != NULL;
}

/* size-param = 1*20DIGIT, and nothing or 0 for "no fixed limit" */
static void read_size(struct smtp_offer *offer, struct span value)
{
	uint64_t size;

	if (number_parse(value, UINT64_MAX, &size) && size >= SIZE_MIN &&
	    size > offer->size_max)
		offer->size_max = size;
}

/* limits = limit *(SP limit); limit = name "=" value (RFC 9422 2) */
static void read_limits(struct smtp_offer *offer, struct span values)
{
	const struct {
		const char *name;
		uint64_t *value;
	} limits[] = {
		{ "MAILMAX", &offer->mails_max },
		{ "RCPTMAX", &offer->recipients_max },
		{ "RCPTDOMAINMAX", &offer->recipient_domains_max },
	};
	struct span value, name;

	while (span_cut(&values, ' ', &value)) {
		if (!span_cut(&value, '=', &name))
			continue;
		for (size_t i = 0; i < LENGTH(limits); i++)
			if (span_is_word(name, limits[i].name) && value.at &&
			    !number_parse(value, LIMITS_MAX, limits[i].value))
				*limits[i].value = 0;
	}
}

/* ehlo-line = ehlo-keyword *( SP ehlo-param ); some servers write "AUTH=LOGIN" */
void smtp_offer_line(struct smtp_offer *offer, struct span line)
{
	const struct {
		const char *word;
		bool *flag;
	} words[] = {
		{ "PIPELINING", &offer->pipelining },
		{ "CHUNKING", &offer->chunking },
		{ "8BITMIME", &offer->eight_bit },
		{ "SMTPUTF8", &offer->smtputf8 },
		{ "SIZE", &offer->size },
		{ "STARTTLS", &offer->starttls },
		{ "AUTH", &offer->auth },
	};
	struct span rest = span_trim(span_after(line, 4)), word = rest;

	word.len = 0;
	while (word.len < rest.len && rest.at[word.len] != ' ' &&
	       rest.at[word.len] != '=')
		word.len++;
	rest = span_trim(span_after(rest, word.len + 1));
	for (size_t i = 0; i < LENGTH(words); i++)
		if (span_is_word(word, words[i].word))
			*words[i].flag = true;
	if (span_is_word(word, "SIZE"))
		read_size(offer, rest);
	else if (span_is_word(word, "LIMITS"))
		read_limits(offer, rest);
}
