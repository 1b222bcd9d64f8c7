/*
 * signature.c
 *	  Secrets and signatures of webhooks (Standard Webhooks 1.0.0).
 */
#include "postgres.h"

#include "common/base64.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "utils/builtins.h"

#include "webhooks/webhooks.h"

#define SECRET_PREFIX "whsec_"
#define SECRET_BYTES 32 /* of those we make */
#define SECRET_BYTES_MIN 24
#define SECRET_BYTES_MAX 64

static void
append_base64(StringInfo out, const uint8 *bytes, int len)
{
	int room = pg_b64_enc_len(len);
	int encoded;

	enlargeStringInfo(out, room);
	encoded = pg_b64_encode(B64_CONST_BYTES(bytes), len, out->data + out->len, room);
	if (encoded < 0)
		elog(ERROR, "could not encode base64");
	out->len += encoded;
	out->data[out->len] = '\0';
}

/* A new secret: whsec_ and 32 random bytes in base64. */
char *
secret_generate(void)
{
	uint8 bytes[SECRET_BYTES];
	StringInfoData secret;

	if (!pg_strong_random(bytes, sizeof(bytes)))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not generate a random secret")));
	initStringInfo(&secret);
	appendStringInfoString(&secret, SECRET_PREFIX);
	append_base64(&secret, bytes, sizeof(bytes));
	return secret.data;
}

/* The bytes of a secret, or -1 if it is none. */
static int
secret_bytes(const char *secret, uint8 bytes[SECRET_BYTES_MAX])
{
	const char *encoded = secret + strlen(SECRET_PREFIX);
	int len;

	if (strncmp(secret, SECRET_PREFIX, strlen(SECRET_PREFIX)) != 0)
		return -1;
	len = pg_b64_decode(encoded, strlen(encoded), B64_BYTES(bytes), SECRET_BYTES_MAX);
	return len < SECRET_BYTES_MIN ? -1 : len;
}

/*
 * Append the signature of a body: v1, and base64 of HMAC-SHA256 over id, timestamp
 * and body.  False if the secret is none.
 */
bool
append_signature(StringInfo out, const char *secret, const char *id, int64 timestamp, const char *body, int len)
{
	char *head = psprintf("%s." INT64_FORMAT ".", id, timestamp);
	uint8 digest[PG_SHA256_DIGEST_LENGTH];
	uint8 key[SECRET_BYTES_MAX];
	int key_len = secret_bytes(secret, key);
	pg_hmac_ctx *hmac;
	bool failed;

	if (key_len < 0)
		return false;
	hmac = pg_hmac_create(PG_SHA256);
	failed = hmac == NULL || pg_hmac_init(hmac, key, key_len) < 0 ||
			 pg_hmac_update(hmac, (const uint8 *) head, strlen(head)) < 0 ||
			 pg_hmac_update(hmac, (const uint8 *) body, len) < 0 || pg_hmac_final(hmac, digest, sizeof(digest)) < 0;
	pg_hmac_free(hmac);
	explicit_bzero(key, sizeof(key));
	if (failed)
		elog(ERROR, "could not compute HMAC-SHA256");
	appendStringInfoString(out, "v1,");
	append_base64(out, digest, sizeof(digest));
	return true;
}

PG_FUNCTION_INFO_V1(propstreet_webhook_signature);

/* webhook_signature(secret, id, timestamp, body) text: for receivers and tests; 22023 for what is no secret */
Datum
propstreet_webhook_signature(PG_FUNCTION_ARGS)
{
	text *body = PG_GETARG_TEXT_PP(3);
	StringInfoData signature;

	initStringInfo(&signature);
	if (!append_signature(&signature, text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)),
						  PG_GETARG_INT64(2), VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("invalid webhook secret"),
						errhint("A secret is \"whsec_\" followed by %d to %d bytes in base64.", SECRET_BYTES_MIN,
								SECRET_BYTES_MAX)));
	PG_RETURN_TEXT_P(cstring_to_text_with_len(signature.data, signature.len));
}
