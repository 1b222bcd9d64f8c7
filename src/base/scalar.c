/*
 * scalar.c
 *	  What reading a text has in common: ids, moments, and how the types'
 *	  input functions say what is wrong.
 */
#include "postgres.h"

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/base.h"

/* The problems of an input, which all have a place in it but the last of too many, as one sentence. */
static char *
problems_sentence(const List *problems)
{
	StringInfoData sentence;
	ListCell *cell;

	initStringInfo(&sentence);
	foreach(cell, problems)
	{
		Problem *problem = lfirst(cell);

		if (problem->pointer == NULL) /* the last one: there are more */
			appendStringInfo(&sentence, "; %s", problem->detail);
		else
			appendStringInfo(&sentence, "%s %s %s", sentence.len == 0 ? "The" : "; the",
							 strcmp(problem->pointer, "#") == 0 ? "text" : problem->pointer + strlen("#/"),
							 problem->detail);
	}
	if (sentence.data[sentence.len - 1] != '.')
		appendStringInfoChar(&sentence, '.');
	return sentence.data;
}

/*
 * Report that a text is no value of a type: softly, if the caller's error context
 * allows for it.  The SQLSTATE is 22P02, or 22003 if all that is wrong is a number
 * out of range.
 */
void
input_error(Node *escontext, bool out_of_range, const char *type, const char *text, const Problems *problems,
			const char *hint)
{
	bool range_error = out_of_range && list_length(problems->list) == 1;
	int sqlstate = range_error ? ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE : ERRCODE_INVALID_TEXT_REPRESENTATION;
	char *message = range_error ? psprintf("value %s is out of range for type %s", quoted(text), type) :
								  psprintf("invalid input syntax for type %s: %s", type, quoted(text));

	ereturn(escontext, ,
			(errcode(sqlstate), errmsg_internal("%s", message),
			 errdetail_internal("%s", problems_sentence(problems->list)), errhint("%s", hint)));
}

/*
 * An id: a positive 64-bit decimal without sign, leading zero or space (doc/decisions.md,
 * "Values").  False for anything else.
 */
bool
id_parse(const char *text, int64 *id)
{
	char *end;
	int64 number;

	if (*text < '1' || *text > '9')
		return false;
	errno = 0;
	number = strtoi64(text, &end, 10);
	if (errno != 0 || *end != '\0')
		return false;
	*id = number;
	return true;
}

/* ---- moments ---- */

static bool
read_char(const char **c, const char *choices)
{
	if (**c == '\0' || strchr(choices, **c) == NULL)
		return false;
	(*c)++;
	return true;
}

/* Two digits between two limits. */
static bool
read_pair(const char **c, int least, int most, int *number)
{
	if (!isdigit((unsigned char) (*c)[0]) || !isdigit((unsigned char) (*c)[1]))
		return false;
	*number = ((*c)[0] - '0') * 10 + (*c)[1] - '0';
	*c += 2;
	return *number >= least && *number <= most;
}

static bool
read_date(const char **c, struct pg_tm *tm)
{
	int century;
	int year;

	if (!read_pair(c, 0, 99, &century) || !read_pair(c, 0, 99, &year) || !read_char(c, "-"))
		return false;
	tm->tm_year = century * 100 + year;
	return read_pair(c, 1, 12, &tm->tm_mon) && read_char(c, "-") &&
		   read_pair(c, 1, day_tab[isleap(tm->tm_year)][tm->tm_mon - 1], &tm->tm_mday);
}

/* A fraction of 1 to 9 digits, if there is one, rounded down to microseconds. */
static bool
read_fraction(const char **c, fsec_t *fsec)
{
	int digits = 0;

	*fsec = 0;
	if (!read_char(c, "."))
		return true;
	for (; isdigit((unsigned char) **c); (*c)++)
		if (++digits <= 6)
			*fsec = *fsec * 10 + **c - '0';
	for (int i = digits; i < 6; i++)
		*fsec *= 10;
	return digits >= 1 && digits <= 9;
}

/* RFC 3339 allows for leap seconds; as for the server, one is the next minute. */
static bool
read_time(const char **c, struct pg_tm *tm, fsec_t *fsec)
{
	return read_pair(c, 0, 23, &tm->tm_hour) && read_char(c, ":") && read_pair(c, 0, 59, &tm->tm_min) &&
		   read_char(c, ":") && read_pair(c, 0, 60, &tm->tm_sec) && read_fraction(c, fsec);
}

/* The offset, in seconds west of UTC; a plus reads as a space in a query string. */
static bool
read_offset(const char **c, int *west)
{
	char sign = **c;
	int hours;
	int minutes;

	*west = 0;
	if (sign == '\0' || read_char(c, "Zz"))
		return true;
	if (!read_char(c, "+- ") || !read_pair(c, 0, 23, &hours) || !read_char(c, ":") || !read_pair(c, 0, 59, &minutes))
		return false;
	*west = (hours * MINS_PER_HOUR + minutes) * SECS_PER_MINUTE * (sign == '-' ? 1 : -1);
	return true;
}

/* Does a moment lie in the years 1 to 9999, which RFC 3339 can write? */
bool
utc_in_range(TimestampTz time)
{
	return time >= (date2j(1, 1, 1) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY &&
		   time < (date2j(10000, 1, 1) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
}

/*
 * A moment as in RFC 3339, with any offset, or none for UTC; "T" may be a space
 * (doc/decisions.md, "Values").  False for anything else, and outside of the years 1 to
 * 9999.
 */
bool
utc_parse(const char *text, TimestampTz *time)
{
	const char *c = text;
	struct pg_tm tm = {0};
	fsec_t fsec;
	int west;
	TimestampTz parsed;

	if (!read_date(&c, &tm) || !read_char(&c, "Tt ") || !read_time(&c, &tm, &fsec) || !read_offset(&c, &west) ||
		*c != '\0' || tm2timestamp(&tm, fsec, &west, &parsed) != 0 || !utc_in_range(parsed))
		return false;
	*time = parsed;
	return true;
}
