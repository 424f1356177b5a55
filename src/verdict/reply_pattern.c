#include "verdict/reply_pattern.h"

#include <stdlib.h>

#include "base/buf.h"

#define NEAR_MAX 4 /* words that "..." may stand for */

enum element_kind {
	ELEMENT_WORD,
	ELEMENT_LINK,
	ELEMENT_IP,
	ELEMENT_ADDRESS,
	ELEMENT_SENDER,
	ELEMENT_RECIPIENT,
	ELEMENT_NUMBER,
	ELEMENT_TIME,
	ELEMENT_SET,
	ELEMENT_ANY,
	ELEMENT_NEAR,
	ELEMENT_AND,
};

struct reply_pattern_element {
	enum element_kind kind;
	struct span word; /* without its stars */
	bool open_front;  /* "*quota" */
	bool open_back;   /* "reject*" */
	size_t set;       /* ELEMENT_SET: its place in the book */
};

struct reply_pattern_set {
	struct span name;
	struct reply_pattern *phrases;
	size_t count;
};

/* Where the next element may begin: true at [i] in front of token i. */
struct positions {
	bool at[REPLY_TOKENS_MAX + 1];
	bool any;
};

void reply_pattern_book_clear(struct reply_pattern_book *book)
{
	for (size_t i = 0; i < book->set_count; i++)
		free(book->sets[i].phrases);
	free(book->sets);
	free(book->elements);
	*book = (struct reply_pattern_book){ .elements = NULL };
}

/* Arrays grow when their count is a power of two. */
static void *room_for_one(void *items, size_t count, size_t each)
{
	return count & (count - 1) ? items
				   : must_resize(items, count ? 2 * count : 1, each);
}

static void add(struct reply_pattern_book *book, struct reply_pattern *pattern,
		struct reply_pattern_element element)
{
	book->elements = room_for_one(book->elements, book->element_count,
				      sizeof(*book->elements));
	book->elements[book->element_count++] = element;
	pattern->count++;
}

static const char *add_word(struct reply_pattern_book *book,
			    struct reply_pattern *pattern, enum element_kind kind,
			    struct span word)
{
	struct reply_pattern_element element = { .kind = kind };

	if (word.len > 1 && word.at[0] == '*') {
		element.open_front = true;
		word = span_after(word, 1);
	}
	if (word.len > 1 && word.at[word.len - 1] == '*') {
		element.open_back = true;
		word.len--;
	}
	if (memchr(word.at, '*', word.len))
		return "a \"*\" stands alone, or at one end of a word";
	element.word = word;
	add(book, pattern, element);
	return NULL;
}

static const char *add_words(struct reply_pattern_book *book,
			     struct reply_pattern *pattern, enum element_kind kind,
			     struct span text)
{
	size_t before = pattern->count;
	struct span word;
	const char *wrong;

	while (reply_tokens_next_word(&text, &word)) {
		wrong = add_word(book, pattern, kind, word);
		if (wrong)
			return wrong;
	}
	return pattern->count > before ? NULL
				       : "signs are not looked at; write words only";
}

static const struct reply_pattern_set *find_set(const struct reply_pattern_book *book,
						struct span name)
{
	for (size_t i = 0; i < book->set_count; i++)
		if (book->sets[i].name.len == name.len &&
		    memcmp(book->sets[i].name.at, name.at, name.len) == 0)
			return &book->sets[i];
	return NULL;
}

static const char *add_set_name(struct reply_pattern_book *book,
				struct reply_pattern *pattern, struct span item)
{
	struct span name = { item.at + 1, item.len - 2 };
	const struct reply_pattern_set *set = find_set(book, name);

	if (!set)
		return "there is no such {set}; write its words, or the set before";
	add(book, pattern,
	    (struct reply_pattern_element){ .kind = ELEMENT_SET,
					    .set = (size_t)(set - book->sets) });
	return NULL;
}

static bool kind_of_sign(struct span item, enum element_kind *kind_out)
{
	static const struct {
		const char *sign;
		enum element_kind kind;
	} signs[] = {
		{ "*", ELEMENT_ANY },
		{ "...", ELEMENT_NEAR },
		{ "&", ELEMENT_AND },
		{ "<ip>", ELEMENT_IP },
		{ "<address>", ELEMENT_ADDRESS },
		{ "<sender>", ELEMENT_SENDER },
		{ "<recipient>", ELEMENT_RECIPIENT },
		{ "<number>", ELEMENT_NUMBER },
		{ "<time>", ELEMENT_TIME },
	};

	for (size_t i = 0; i < LENGTH(signs); i++)
		if (span_is(item, signs[i].sign)) {
			*kind_out = signs[i].kind;
			return true;
		}
	return false;
}

static const char *add_item(struct reply_pattern_book *book,
			    struct reply_pattern *pattern, struct span item)
{
	struct reply_pattern_element element = { .kind = ELEMENT_WORD };

	if (kind_of_sign(item, &element.kind)) {
		add(book, pattern, element);
		return NULL;
	}
	if (item.len > 2 && item.at[0] == '{' && item.at[item.len - 1] == '}')
		return add_set_name(book, pattern, item);
	if (item.at[0] == '/')
		return add_words(book, pattern, ELEMENT_LINK, span_after(item, 1));
	return add_words(book, pattern, ELEMENT_WORD, item);
}

static bool next_item(struct span *text, struct span *item_out)
{
	size_t len = 0;

	*text = span_trim(*text);
	while (len < text->len && text->at[len] != ' ' && text->at[len] != '\t')
		len++;
	*item_out = (struct span){ text->at, len };
	*text = span_after(*text, len);
	return len != 0;
}

static void lower(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] - 'A' + 'a');
}

static bool is_gap(enum element_kind kind)
{
	return kind == ELEMENT_ANY || kind == ELEMENT_NEAR || kind == ELEMENT_AND;
}

/* A part has something to look for at both ends. */
static const char *judge(const struct reply_pattern_book *book,
			 const struct reply_pattern *pattern)
{
	const struct reply_pattern_element *elements = book->elements + pattern->first;

	if (!pattern->count)
		return "there are no words";
	if (is_gap(elements[0].kind) || is_gap(elements[pattern->count - 1].kind))
		return "\"*\", \"...\" and \"&\" stand between words";
	for (size_t i = 1; i < pattern->count; i++)
		if (is_gap(elements[i].kind) && is_gap(elements[i - 1].kind))
			return "\"*\", \"...\" and \"&\" stand between words";
	return NULL;
}

const char *reply_pattern_add(struct reply_pattern_book *book, char *text, size_t len,
			      struct reply_pattern *pattern_out)
{
	struct span rest = { text, len }, item;
	const char *wrong;

	*pattern_out = (struct reply_pattern){ .first = book->element_count };
	while (next_item(&rest, &item)) {
		wrong = add_item(book, pattern_out, item);
		if (wrong)
			return wrong;
	}
	/* Only now: "SendAs" is parted at its capitals. */
	lower(text, len);
	return judge(book, pattern_out);
}

/* Phrases are of one length each: no gaps, no times, no sets in a set. */
static const char *judge_phrase(const struct reply_pattern_book *book,
				const struct reply_pattern *phrase)
{
	for (size_t i = 0; i < phrase->count; i++)
		if (book->elements[phrase->first + i].kind >= ELEMENT_TIME)
			return "the phrases of a set are plain words, with \"|\" between";
	return NULL;
}

static struct reply_pattern_set *set_named(struct reply_pattern_book *book,
					   struct span name)
{
	const struct reply_pattern_set *found = find_set(book, name);

	if (found)
		return &book->sets[found - book->sets];
	book->sets = room_for_one(book->sets, book->set_count, sizeof(*book->sets));
	book->sets[book->set_count] = (struct reply_pattern_set){ .name = name };
	return &book->sets[book->set_count++];
}

const char *reply_pattern_add_set(struct reply_pattern_book *book, struct span name,
				  char *text, size_t len)
{
	struct reply_pattern_set *set = set_named(book, name);
	struct span rest = { text, len }, piece;
	struct reply_pattern phrase;
	const char *wrong;

	while (span_cut(&rest, '|', &piece)) {
		wrong = reply_pattern_add(book, text + (piece.at - text), piece.len,
					  &phrase);
		if (!wrong)
			wrong = judge_phrase(book, &phrase);
		if (wrong)
			return wrong;
		set->phrases =
			room_for_one(set->phrases, set->count, sizeof(*set->phrases));
		set->phrases[set->count++] = phrase;
	}
	return NULL;
}

static bool is_word(const struct reply_pattern_element *element, struct span text)
{
	const struct span word = element->word;

	if (text.len < word.len ||
	    (text.len > word.len && !element->open_front && !element->open_back))
		return false;
	if (element->open_front && element->open_back)
		return memmem(text.at, text.len, word.at, word.len) != NULL;
	if (element->open_front)
		text = span_after(text, text.len - word.len);
	return memcmp(text.at, word.at, word.len) == 0;
}

static bool is_same_address(const struct reply_token *token, struct span address)
{
	return token->kind == REPLY_ADDRESS && address.len &&
	       token->text.len == address.len &&
	       strncasecmp(token->text.at, address.at, address.len) == 0;
}

/* The token at `at` against an element that takes one. */
static bool is_token(const struct reply_pattern_element *element,
		     const struct reply_tokens *tokens, size_t at)
{
	const struct reply_token *token = &tokens->at[at];

	switch (element->kind) {
	case ELEMENT_WORD:
		return (token->kind == REPLY_WORD || token->kind == REPLY_NUMBER) &&
		       is_word(element, token->text);
	case ELEMENT_LINK:
		return token->kind == REPLY_LINK && is_word(element, token->text);
	case ELEMENT_IP:
		return token->kind == REPLY_IP;
	case ELEMENT_ADDRESS:
		return token->kind == REPLY_ADDRESS;
	case ELEMENT_SENDER:
		return is_same_address(token, tokens->sender);
	case ELEMENT_RECIPIENT:
		return is_same_address(token, tokens->recipient);
	case ELEMENT_NUMBER:
		return token->kind == REPLY_NUMBER;
	case ELEMENT_TIME:
	case ELEMENT_SET:
	case ELEMENT_ANY:
	case ELEMENT_NEAR:
	case ELEMENT_AND:
		break;
	}
	return false;
}

static bool is_phrase(const struct reply_pattern_book *book, struct reply_pattern phrase,
		      const struct reply_tokens *tokens, size_t at)
{
	if (phrase.count > tokens->count - at)
		return false;
	for (size_t i = 0; i < phrase.count; i++)
		if (!is_token(&book->elements[phrase.first + i], tokens, at + i))
			return false;
	return true;
}

static void mark(struct positions *positions, size_t from, size_t to)
{
	positions->any = positions->any || from <= to;
	for (size_t i = from; i <= to; i++)
		positions->at[i] = true;
}

static void mark_set(const struct reply_pattern_book *book,
		     const struct reply_pattern_set *set,
		     const struct reply_tokens *tokens, size_t at, struct positions *next)
{
	for (size_t i = 0; i < set->count; i++)
		if (is_phrase(book, set->phrases[i], tokens, at))
			mark(next, at + set->phrases[i].count,
			     at + set->phrases[i].count);
}

static void step_from(const struct reply_pattern_book *book,
		      const struct reply_pattern_element *element,
		      const struct reply_tokens *tokens, size_t at,
		      struct positions *next)
{
	uint32_t ignored;
	size_t taken;

	if (element->kind == ELEMENT_SET) {
		mark_set(book, &book->sets[element->set], tokens, at, next);
	} else if (element->kind == ELEMENT_NEAR) {
		mark(next, at,
		     at + NEAR_MAX < tokens->count ? at + NEAR_MAX : tokens->count);
	} else if (element->kind == ELEMENT_TIME) {
		taken = reply_tokens_time(tokens, at, &ignored);
		if (taken)
			mark(next, at + taken, at + taken);
	} else if (at < tokens->count && is_token(element, tokens, at)) {
		mark(next, at + 1, at + 1);
	}
}

/* Where the element may end, if it begins at one of `now`. */
static struct positions step(const struct reply_pattern_book *book,
			     const struct reply_pattern_element *element,
			     const struct reply_tokens *tokens,
			     const struct positions *now)
{
	struct positions next = { .any = false };

	for (size_t i = 0; i <= tokens->count; i++) {
		if (!now->at[i])
			continue;
		if (element->kind == ELEMENT_ANY) {
			mark(&next, i, tokens->count);
			break;
		}
		step_from(book, element, tokens, i, &next);
	}
	return next;
}

/* Follows elements from any place; leaves the places where the last one may end. */
static bool follow(const struct reply_pattern_book *book, struct reply_pattern pattern,
		   const struct reply_tokens *tokens, struct positions *ends_out)
{
	*ends_out = (struct positions){ .any = false };
	mark(ends_out, 0, tokens->count);
	for (size_t i = 0; i < pattern.count && ends_out->any; i++) {
		const struct reply_pattern_element *element =
			&book->elements[pattern.first + i];

		if (element->kind == ELEMENT_AND)
			mark(ends_out, 0, tokens->count);
		else
			*ends_out = step(book, element, tokens, ends_out);
	}
	return ends_out->any;
}

bool reply_pattern_is_found(const struct reply_pattern_book *book,
			    struct reply_pattern pattern,
			    const struct reply_tokens *tokens)
{
	struct positions ends;

	return follow(book, pattern, tokens, &ends);
}

bool reply_pattern_find_time(const struct reply_pattern_book *book,
			     struct reply_pattern pattern,
			     const struct reply_tokens *tokens, uint32_t *seconds_out)
{
	struct positions ends;

	pattern.count--; /* the "<time>" */
	if (!follow(book, pattern, tokens, &ends))
		return false;
	for (size_t i = 0; i < tokens->count; i++)
		if (ends.at[i] && reply_tokens_time(tokens, i, seconds_out))
			return true;
	return false;
}

bool reply_pattern_ends_with_time(const struct reply_pattern_book *book,
				  struct reply_pattern pattern)
{
	return pattern.count > 1 &&
	       book->elements[pattern.first + pattern.count - 1].kind == ELEMENT_TIME;
}
