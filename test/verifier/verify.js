// verify.js FILE SECRET...: verifies a request, as a receiver (test/sink/receiver) has written it, with each of the secrets: prints
// what the verifier says of it as it came, and of it with another body, id and timestamp.

const { readFileSync } = require("fs");
const { Webhook } = require("standardwebhooks");

function verdict(secret, body, headers) {
	try {
		return typeof new Webhook(secret).verify(body, headers).event === "string" ? "accepted" : "no event";
	} catch (error) {
		return error.message;
	}
}

const [file, ...secrets] = process.argv.slice(2);
const { headers, body } = JSON.parse(readFileSync(file, "utf8"));
const timestamp = String(Number(headers["webhook-timestamp"]) - 1);

for (const secret of secrets)
	console.log([
		verdict(secret, body, headers),
		verdict(secret, body.replace("{", "{ "), headers),
		verdict(secret, body, { ...headers, "webhook-id": headers["webhook-id"] + "0" }),
		verdict(secret, body, { ...headers, "webhook-timestamp": timestamp }),
	].join(", "));
