-- The roles of PostgREST, for psql, as a superuser: psql -d DATABASE -v password=... -f roles.sql

-- PostgREST logs in as authenticator and becomes the role that a token names. Give this login to nothing else: the
-- tenant is the one that the token's claim says.
CREATE ROLE authenticator LOGIN NOINHERIT PASSWORD :'password';
ALTER ROLE authenticator SET propstreet.tenant_claim = 'tenant_id';

-- Tokens with {"role": "propstreet_user", "tenant_id": 1}
CREATE ROLE propstreet_user NOLOGIN;
SELECT propstreet.grant_to('propstreet_user');

-- Requests without a token get openapi.json, and 401 for everything else. It is the tenant of a token that counts: one
-- with a tenant and without a role has all of the REST API, too
CREATE ROLE web_anon NOLOGIN;
GRANT USAGE ON SCHEMA propstreet, propstreet_api TO web_anon;
GRANT EXECUTE ON FUNCTION propstreet.handle_postgrest(bytea), propstreet_api.handle(bytea) TO web_anon;

GRANT propstreet_user, web_anon TO authenticator;
