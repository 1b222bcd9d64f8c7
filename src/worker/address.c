/*
 * address.c
 *	  Which addresses webhooks may be delivered to: those of the public internet,
 *	  and what a setting allows.  Names can resolve to anything, so addresses are
 *	  checked when they are dialled.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "utils/varlena.h"

#include "worker/address.h"

#define MAPPED_BITS 96 /* before an IPv4 address within ::ffff:0:0/96 */

/* A range of IPv6 addresses; IPv4 ones are mapped. */
typedef struct Range
{
	uint8 bytes[16];
	int bits;
} Range;

#define ALLOWED_MAX 100

static Range allowed[ALLOWED_MAX];
static int nallowed = 0;

/*
 * What is not reachable from everywhere or means something special (IANA's
 * registries of special-purpose addresses, RFC 6890 and its updates), and where
 * clouds tell their machines about themselves.
 */
static const struct
{
	const char *range;
	const char *what;
} special[] = {
	{"0.0.0.0/8", "a reserved address"},
	{"10.0.0.0/8", "a private address"},
	{"100.64.0.0/10", "an address of a carrier's own network"},
	{"127.0.0.0/8", "a loopback address"},
	{"168.63.129.16/32", "a metadata address"},
	{"169.254.0.0/16", "a link-local address"},
	{"172.16.0.0/12", "a private address"},
	{"192.0.0.0/24", "a reserved address"},
	{"192.0.2.0/24", "an address for documentation"},
	{"192.88.99.0/24", "a reserved address"},
	{"192.168.0.0/16", "a private address"},
	{"198.18.0.0/15", "an address for benchmarks"},
	{"198.51.100.0/24", "an address for documentation"},
	{"203.0.113.0/24", "an address for documentation"},
	{"224.0.0.0/4", "a multicast address"},
	{"240.0.0.0/4", "a reserved address"},
	{"::1/128", "a loopback address"},
	{"64:ff9b:1::/48", "a private address"},
	{"2001::/23", "a reserved address"},
	{"2001:db8::/32", "an address for documentation"},
	{"3fff::/20", "an address for documentation"},
	{"fc00::/7", "a private address"},
	{"fe80::/10", "a link-local address"},
	{"fec0::/10", "a private address"},
	{"ff00::/8", "a multicast address"},
};

/* Ranges whose addresses contain an IPv4 address that packets may end up at */
static const struct
{
	const char *range;
	int at; /* byte */
} embedding[] = {
	{"64:ff9b::/96", 12}, /* NAT64 */
	{"2002::/16", 2},	  /* 6to4 */
};

static void
map_ipv4(const void *ipv4, uint8 bytes[16])
{
	memset(bytes, 0, 10);
	memset(bytes + 10, 0xff, 2);
	memcpy(bytes + 12, ipv4, 4);
}

/* An address, or with a slash a range of them; false for anything else. */
static bool
parse_range(const char *text, Range *range)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t) (slash - text) : strlen(text);
	bool ipv4 = strchr(text, ':') == NULL;
	uint8 bytes[4];
	char *end;
	long bits;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(ipv4 ? AF_INET : AF_INET6, address, ipv4 ? bytes : range->bytes) != 1)
		return false;
	if (ipv4)
		map_ipv4(bytes, range->bytes);
	range->bits = 128;
	if (slash == NULL)
		return true;
	bits = strtol(slash + 1, &end, 10);
	if (end == slash + 1 || *end != '\0' || bits < 0 || bits > (ipv4 ? 32 : 128))
		return false;
	range->bits = (int) bits + (ipv4 ? MAPPED_BITS : 0);
	return true;
}

static bool
in_range(const uint8 bytes[16], const Range *range)
{
	int whole = range->bits / 8;
	uint8 mask = (uint8) (0xff00 >> range->bits % 8);

	return memcmp(bytes, range->bytes, whole) == 0 && (mask == 0 || ((bytes[whole] ^ range->bytes[whole]) & mask) == 0);
}

static bool
in_range_text(const uint8 bytes[16], const char *text)
{
	Range range;

	return parse_range(text, &range) && in_range(bytes, &range);
}

/* Why an address is not allowed, or NULL. */
static const char *
refusal(const uint8 bytes[16])
{
	uint8 embedded[16];

	for (int i = 0; i < nallowed; i++)
		if (in_range(bytes, &allowed[i]))
			return NULL;
	for (size_t i = 0; i < lengthof(special); i++)
		if (in_range_text(bytes, special[i].range))
			return special[i].what;
	for (size_t i = 0; i < lengthof(embedding); i++)
		if (in_range_text(bytes, embedding[i].range))
		{
			map_ipv4(bytes + embedding[i].at, embedded);
			return refusal(embedded);
		}
	if (in_range_text(bytes, "0.0.0.0/0") || in_range_text(bytes, "2000::/3"))
		return NULL;
	return "a reserved address";
}

/*
 * Why a socket address is not allowed, or NULL; the address as text goes to
 * shown.  Raises nothing and allocates nothing, as libcurl calls it.
 */
const char *
address_refusal(const struct sockaddr *address, char shown[ADDRESS_SHOWN])
{
	uint8 bytes[16];

	strcpy(shown, "?");
	if (address->sa_family == AF_INET)
	{
		const struct sockaddr_in *ipv4 = (const struct sockaddr_in *) address;

		inet_ntop(AF_INET, &ipv4->sin_addr, shown, ADDRESS_SHOWN);
		map_ipv4(&ipv4->sin_addr, bytes);
	}
	else if (address->sa_family == AF_INET6)
	{
		const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *) address;

		inet_ntop(AF_INET6, &ipv6->sin6_addr, shown, ADDRESS_SHOWN);
		memcpy(bytes, &ipv6->sin6_addr, sizeof(bytes));
	}
	else
		return "not an internet address";
	return refusal(bytes);
}

/* The same of an address that is text. */
const char *
address_text_refusal(const char *address)
{
	Range range;

	return parse_range(address, &range) ? refusal(range.bytes) : "not an internet address";
}

/* Parse a list of ranges, into ranges if that is not NULL; how many, or -1 if it is malformed. */
static int
parse_list(const char *list, Range *ranges)
{
	char *copy = pstrdup(list);
	List *texts;
	ListCell *cell;
	Range range;
	int count = 0;

	if (!SplitGUCList(copy, ',', &texts) || list_length(texts) > ALLOWED_MAX)
		return -1;
	foreach(cell, texts)
	{
		if (!parse_range(lfirst(cell), &range))
			return -1;
		if (ranges)
			ranges[count] = range;
		count++;
	}
	list_free(texts);
	pfree(copy);
	return count;
}

/* check hook of propstreet_webhooks.allow_addresses */
bool
check_allow_addresses(char **value, void **extra pg_attribute_unused(), GucSource source pg_attribute_unused())
{
	if (parse_list(*value, NULL) >= 0)
		return true;
	GUC_check_errdetail(
		"It must be a list of up to %d addresses or ranges such as 10.1.0.0/16 or fd00::/8, separated by commas.",
		ALLOWED_MAX);
	return false;
}

/* Allow ranges of addresses, besides what is public. */
void
allow_addresses(const char *list)
{
	nallowed = Max(parse_list(list, allowed), 0);
}
