/*
 * send.c
 *	  Sends deliveries with libcurl, many at once, without ever waiting: its sockets
 *	  are in an epoll set, on which the worker's loop waits together with its latch.
 *
 *	  libcurl may call back, and starts threads to resolve names: nothing is raised
 *	  from its callbacks, and all signals are blocked while it runs, so that they
 *	  stay with the main thread.
 */
#include "postgres.h"

#if !__has_include(<curl/curl.h>)
#error \
	"curl's headers are missing: install libcurl4-openssl-dev, or build without the webhook worker by make WEBHOOKS=no"
#endif

#include <curl/curl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "worker/address.h"
#include "worker/send.h"

#define BODY_MAX 65536		  /* bytes of a response that are read */
#define CONNECTION_SECONDS 60 /* that one is used for: names move */
#define EVENTS_AT_ONCE 64

typedef struct Transfer
{
	CURL *easy;
	struct curl_slist *headers;
	size_t received; /* of the response's body */
	char refused[ADDRESS_SHOWN + 128];
	char error[CURL_ERROR_SIZE];
} Transfer;

static CURLM *multi;
static int sockets;			  /* epoll */
static TimestampTz timer = 0; /* when libcurl wants to be called, or 0 */
static SendSettings settings;

static sigset_t
block_signals(void)
{
	sigset_t all;
	sigset_t before;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	return before;
}

static void
restore_signals(sigset_t before)
{
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void
check(bool good, const char *what)
{
	if (!good)
		ereport(ERROR, (errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION), errmsg("could not %s", what)));
}

/* ---- libcurl's callbacks ---- */

static int
watch_socket(CURL *easy pg_attribute_unused(), curl_socket_t socket, int what, void *self pg_attribute_unused(),
			 void *known)
{
	struct epoll_event event = {.data.fd = socket};

	if (what == CURL_POLL_REMOVE)
	{
		epoll_ctl(sockets, EPOLL_CTL_DEL, socket, NULL);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	if (epoll_ctl(sockets, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event) != 0)
		return -1;
	curl_multi_assign(multi, socket, &sockets);
	return 0;
}

static int
set_timer(CURLM *of pg_attribute_unused(), long timeout_ms, void *self pg_attribute_unused())
{
	timer = timeout_ms < 0 ? 0 : TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout_ms);
	return 0;
}

static void
refuse(Transfer *transfer, const char *address, const char *what)
{
	snprintf(transfer->refused, sizeof(transfer->refused), "%s is %s, which is not allowed", address, what);
}

/* The socket for an address, if it is one that webhooks may go to. */
static curl_socket_t
open_socket(void *self, curlsocktype purpose pg_attribute_unused(), struct curl_sockaddr *address)
{
	Transfer *transfer = self;
	char shown[ADDRESS_SHOWN];
	const char *what = address_refusal(&address->addr, shown);

	if (what == NULL)
		return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	refuse(transfer, shown, what);
	return CURL_SOCKET_BAD;
}

/* May a connection be used?  It may be an old one, made when other addresses were allowed. */
static int
check_connection(void *self, char *address, char *local_address pg_attribute_unused(), int port pg_attribute_unused(),
				 int local_port pg_attribute_unused())
{
	const char *what = address_text_refusal(address);

	if (what == NULL)
		return CURL_PREREQFUNC_OK;
	refuse(self, address, what);
	return CURL_PREREQFUNC_ABORT;
}

/* Nobody wants the body; a very long one is cut off. */
static size_t
discard_body(char *data pg_attribute_unused(), size_t size, size_t count, void *self)
{
	Transfer *transfer = self;

	transfer->received += size * count;
	return transfer->received > BODY_MAX ? 0 : size * count;
}

/* ---- what those who write a URL call ---- */

/* What libcurl's parser says of a URL that can't be called, or NULL. */
const char *
sender_url_problem(const char *url)
{
	CURLU *parsed = curl_url();
	CURLUcode result = parsed ? curl_url_set(parsed, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;

	curl_url_cleanup(parsed);
	return result == CURLUE_OK ? NULL : curl_url_strerror(result);
}

/* ---- what the worker calls ---- */

/* To be called once, in the process that sends. */
void
sender_init(void)
{
	sigset_t signals = block_signals();
	CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);

	multi = curl_multi_init();
	restore_signals(signals);
	check(result == CURLE_OK && multi, "initialize libcurl");
	sockets = epoll_create1(EPOLL_CLOEXEC);
	check(sockets >= 0, "create an epoll instance");
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
}

void
sender_configure(const SendSettings *new_settings)
{
	settings = *new_settings;
	allow_addresses(settings.allow_addresses);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) settings.connections);
}

/* Readable when sender_work() has something to do. */
int
sender_fd(void)
{
	return sockets;
}

/* When it has otherwise: in so many milliseconds, or -1. */
long
sender_timeout_ms(void)
{
	return timer == 0 ? -1 : TimestampDifferenceMilliseconds(GetCurrentTimestamp(), timer);
}

static void
set_options(Sending *sending)
{
	Transfer *transfer = sending->transfer;
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, sending);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_URL, sending->url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) sending->body_len);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, sending->body);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, check_connection);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) settings.timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) settings.timeout_ms);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, (long) CONNECTION_SECONDS);
#if CURL_AT_LEAST_VERSION(7, 85, 0)
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, sending->allow_http ? "https,http" : "https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long) (CURLPROTO_HTTPS | (sending->allow_http ? CURLPROTO_HTTP : 0)));
#endif
#if CURL_AT_LEAST_VERSION(7, 87, 0)
	/* a name server that is silent must not hold up the end of a transfer */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	if (*settings.ca_file)
	{
		curl_easy_setopt(easy, CURLOPT_CAINFO, settings.ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
}

static struct curl_slist *
header_list(char *lines)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	char *position;

	for (char *line = strtok_r(lines, "\n", &position); line; line = strtok_r(NULL, "\n", &position))
		list = curl_slist_append(list, line);
	return list;
}

/* Start to send; sender_finished() gives it back. */
void
sender_start(Sending *sending)
{
	Transfer *transfer = MemoryContextAllocZero(sending->context, sizeof(Transfer));
	sigset_t signals = block_signals();
	bool added;

	sending->transfer = transfer;
	transfer->easy = curl_easy_init();
	transfer->headers = header_list(sending->headers);
	added = transfer->easy != NULL;
	if (added)
	{
		set_options(sending);
		added = curl_multi_add_handle(multi, transfer->easy) == CURLM_OK;
	}
	restore_signals(signals);
	check(added, "start a transfer");
}

/* Do what can be done without waiting. */
void
sender_work(void)
{
	sigset_t signals = block_signals();
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(sockets, events, EVENTS_AT_ONCE, 0);
	int running;

	for (int i = 0; i < count; i++)
	{
		int mask = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
				   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
				   (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

		curl_multi_socket_action(multi, events[i].data.fd, mask, &running);
	}
	if (timer != 0 && timer <= GetCurrentTimestamp())
	{
		timer = 0;
		curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	restore_signals(signals);
}

/*
 * libcurl says the same of a URL that it may not call and of an answer that is no HTTP: the latter
 * comes over a connection.
 */
static const char *
unsupported(const Sending *sending)
{
	char *address = NULL;

	if (curl_easy_getinfo(sending->transfer->easy, CURLINFO_PRIMARY_IP, &address) == CURLE_OK && address && *address)
		return "the endpoint does not speak HTTP";
	return sending->allow_http ? "the URL is neither https nor http" : "the URL is not https";
}

/* Put down what came of a transfer. */
static void
conclude(Sending *sending, CURLcode result)
{
	Transfer *transfer = sending->transfer;
	CURL *easy = transfer->easy;
	curl_off_t number = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &sending->status);
	if (curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &number) == CURLE_OK)
		sending->latency_ms = (long) (number / 1000);
	if (curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &number) == CURLE_OK)
		sending->retry_after = number;
	if (result == CURLE_OK || (result == CURLE_WRITE_ERROR && transfer->received > BODY_MAX))
		return;
	sending->refused = transfer->refused[0] && (result == CURLE_COULDNT_CONNECT || result == CURLE_ABORTED_BY_CALLBACK);
	if (sending->refused)
		sending->error = transfer->refused;
	else if (result == CURLE_UNSUPPORTED_PROTOCOL)
		sending->error = unsupported(sending);
	else
		sending->error = transfer->error[0] ? transfer->error : curl_easy_strerror(result);
}

/* The next transfer that has ended, or NULL; the caller deletes its context. */
Sending *
sender_finished(void)
{
	sigset_t signals = block_signals();
	CURLMsg *message;
	Sending *sending = NULL;
	int left;

	message = curl_multi_info_read(multi, &left);
	if (message)
	{
		CURL *easy = message->easy_handle;

		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &sending);
		conclude(sending, message->data.result);
		curl_multi_remove_handle(multi, easy);
		curl_easy_cleanup(easy);
		curl_slist_free_all(sending->transfer->headers);
	}
	restore_signals(signals);
	return sending;
}
