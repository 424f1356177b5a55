#include "smtp/client_offer.h"

#include "base/attr.h"
#include "base/number.h"

/* ehlo-line = ehlo-keyword *( SP ehlo-param ); some write "AUTH=LOGIN" */
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
	uint64_t size = 0;

	word.len = 0;
	while (word.len < rest.len && rest.at[word.len] != ' ' &&
	       rest.at[word.len] != '=')
		word.len++;
	rest = span_trim(span_after(rest, word.len + 1));
	for (size_t i = 0; i < LENGTH(words); i++)
		if (span_is_word(word, words[i].word))
			*words[i].flag = true;
	/* A limit that cannot be read is none. */
	if (span_is_word(word, "SIZE") && number_parse(rest, UINT64_MAX, &size))
		offer->size_max = size;
}
