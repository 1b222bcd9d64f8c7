// Prints what is wrong with a description, and with bodies by its schemas. Called with files: the description, and
// an array of [schema, body].

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";

const require = createRequire(import.meta.url);
const Ajv2020 = require("ajv/dist/2020.js").default;
const addFormats = require("ajv-formats").default;
const [description, bodies] = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file, "utf8")));

const { valid, errors } = await new Validator().validate(structuredClone(description));
if (!valid) console.log(JSON.stringify(errors));

const ajv = addFormats(new Ajv2020({ strict: false, allErrors: true }));
ajv.addSchema(description, "openapi.json");
for (const [schema, body] of bodies) {
	const validate = ajv.compile({ $ref: `openapi.json#/components/schemas/${schema}` });
	if (!validate(body)) console.log(`${schema}: ${ajv.errorsText(validate.errors)}: ${JSON.stringify(body)}`);
}
