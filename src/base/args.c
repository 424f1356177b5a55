#include "base/args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool misuse(struct err *err, const char *usage, const char *what, const char *word)
{
	return err_exit(err, EX_USAGE, "%s%s; %.*s", what, word,
			(int)strcspn(usage, "\n"), usage);
}

void args_answer_common(const char *word, const char *usage)
{
	if (strcmp(word, "--help") == 0)
		printf("%s", usage);
	else if (strcmp(word, "--version") == 0)
		printf("lontar %s\n", LONTAR_VERSION);
	else
		return;
	exit(EX_OK);
}

static const struct args_option *find(const struct args_option *options, const char *word)
{
	size_t len = strcspn(word, "=");

	for (; options && options->name; options++)
		if (strlen(options->name) == len &&
		    strncmp(options->name, word, len) == 0)
			return options;
	return NULL;
}

static bool use_value(const struct args_option *option, const char *value,
		      struct err *err)
{
	if (option->each)
		return option->each(option->ctx, value, err);
	*option->value_out = value;
	return true;
}

bool args_parse(struct args *args, const struct args_option *options, const char *usage,
		struct err *err)
{
	int kept = 1, i = 1;

	for (; i < args->argc; i++) {
		const char *word = args->argv[i], *value;
		const struct args_option *option;

		if (strcmp(word, "--") == 0) {
			i++;
			break;
		}
		if (word[0] != '-' || !word[1]) {
			args->argv[kept++] = args->argv[i];
			continue;
		}
		args_answer_common(word, usage);
		option = word[1] == '-' ? find(options, word + 2) : NULL;
		if (!option)
			return misuse(err, usage, "unknown option ", word);
		value = strchr(word, '=');
		if (option->flag_out) {
			if (value)
				return misuse(err, usage, "no value belongs to --",
					      option->name);
			*option->flag_out = true;
			continue;
		}
		if (!value && i + 1 == args->argc)
			return misuse(err, usage, "a value is missing after ", word);
		if (!use_value(option, value ? value + 1 : args->argv[++i], err))
			return false;
	}
	for (; i < args->argc; i++)
		args->argv[kept++] = args->argv[i];
	args->argc = kept;
	args->argv[kept] = NULL;
	return true;
}

bool args_count(const struct args *args, int least, int most, const char *usage,
		struct err *err)
{
	int words = args->argc - 1;

	if (words < least)
		return misuse(err, usage, "something is missing", "");
	if (most >= 0 && words > most)
		return misuse(err, usage, "too much: ", args->argv[most + 1]);
	return true;
}
