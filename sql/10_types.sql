-- 10_types.sql: the types, with their functions, operators, operator classes, casts and
-- aggregates; and cursors.

-- Enums: their order is the order of the stages

CREATE TYPE propstreet.project_status AS ENUM ('open', 'closed', 'deleted');
COMMENT ON TYPE propstreet.project_status IS 'Lifecycle of a project';
CREATE TYPE propstreet.project_classification AS ENUM ('draft', 'active', 'inactive');
COMMENT ON TYPE propstreet.project_classification IS 'Work stage of a project';
CREATE TYPE propstreet.teaser_stage AS ENUM ('property_added', 'drafting', 'published', 'verified', 'communicated');
COMMENT ON TYPE propstreet.teaser_stage IS 'Stage of a project''s teaser';
CREATE TYPE propstreet.mandate AS ENUM ('exclusive', 'non_exclusive', 'other');
COMMENT ON TYPE propstreet.mandate IS 'Sales mandate of a project';
CREATE TYPE propstreet.asset_type AS ENUM ('single', 'portfolio');
COMMENT ON TYPE propstreet.asset_type IS 'One property or several';
CREATE TYPE propstreet.prospect_classification AS ENUM ('not_contacted', 'contacted', 'interested', 'not_interested', 'bidder');
COMMENT ON TYPE propstreet.prospect_classification IS 'Pipeline stage of a prospect';

-- price

CREATE TYPE propstreet.price;
CREATE FUNCTION propstreet.price_in(pg_catalog.cstring) RETURNS propstreet.price
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_in(pg_catalog.cstring) IS 'Input';
CREATE FUNCTION propstreet.price_out(propstreet.price) RETURNS pg_catalog.cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_out(propstreet.price) IS 'Output';
CREATE FUNCTION propstreet.price_recv(pg_catalog.internal) RETURNS propstreet.price
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_recv(pg_catalog.internal) IS 'Binary input';
CREATE FUNCTION propstreet.price_send(propstreet.price) RETURNS pg_catalog.bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_send(propstreet.price) IS 'Binary output';
CREATE TYPE propstreet.price (
	INPUT = propstreet.price_in, OUTPUT = propstreet.price_out, RECEIVE = propstreet.price_recv, SEND = propstreet.price_send,
	INTERNALLENGTH = 16, ALIGNMENT = double, STORAGE = plain
);
COMMENT ON TYPE propstreet.price IS 'Amount of money, kept exactly and as written: 150 millions SEK';

CREATE FUNCTION propstreet.price_to_json(propstreet.price) RETURNS pg_catalog.json
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_to_json(propstreet.price) IS 'Price as the JSON of the API';
CREATE FUNCTION propstreet.price_from_json(pg_catalog.json) RETURNS propstreet.price
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_from_json(pg_catalog.json) IS 'Price of the JSON of the API';
CREATE CAST (propstreet.price AS pg_catalog.json) WITH FUNCTION propstreet.price_to_json(propstreet.price) AS ASSIGNMENT;
COMMENT ON CAST (propstreet.price AS pg_catalog.json) IS 'Price as the JSON of the API';
CREATE CAST (pg_catalog.json AS propstreet.price) WITH FUNCTION propstreet.price_from_json(pg_catalog.json) AS ASSIGNMENT;
COMMENT ON CAST (pg_catalog.json AS propstreet.price) IS 'Price of the JSON of the API';

CREATE FUNCTION propstreet.amount(propstreet.price) RETURNS numeric
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'price_amount';
COMMENT ON FUNCTION propstreet.amount(propstreet.price) IS 'Amount in units of the currency: value times scale';
CREATE FUNCTION propstreet.currency(propstreet.price) RETURNS pg_catalog.text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'price_currency';
COMMENT ON FUNCTION propstreet.currency(propstreet.price) IS 'Currency code';
CREATE FUNCTION propstreet.scale(propstreet.price) RETURNS pg_catalog.text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'price_scale';
COMMENT ON FUNCTION propstreet.scale(propstreet.price) IS 'Scale: none, thousands, millions or billions';

-- comparison of price

CREATE FUNCTION propstreet.price_lt(propstreet.price, propstreet.price) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_lt(propstreet.price, propstreet.price) IS 'Implementation of the < operator';
CREATE FUNCTION propstreet.price_le(propstreet.price, propstreet.price) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_le(propstreet.price, propstreet.price) IS 'Implementation of the <= operator';
CREATE FUNCTION propstreet.price_eq(propstreet.price, propstreet.price) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_eq(propstreet.price, propstreet.price) IS 'Implementation of the = operator';
CREATE FUNCTION propstreet.price_ne(propstreet.price, propstreet.price) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_ne(propstreet.price, propstreet.price) IS 'Implementation of the <> operator';
CREATE FUNCTION propstreet.price_ge(propstreet.price, propstreet.price) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_ge(propstreet.price, propstreet.price) IS 'Implementation of the >= operator';
CREATE FUNCTION propstreet.price_gt(propstreet.price, propstreet.price) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_gt(propstreet.price, propstreet.price) IS 'Implementation of the > operator';
CREATE FUNCTION propstreet.price_cmp(propstreet.price, propstreet.price) RETURNS integer
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_cmp(propstreet.price, propstreet.price) IS 'btree: less than, equal or greater';
CREATE FUNCTION propstreet.price_hash(propstreet.price) RETURNS integer
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_hash(propstreet.price) IS 'hash';
CREATE FUNCTION propstreet.price_hash_extended(propstreet.price, bigint) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_hash_extended(propstreet.price, bigint) IS 'hash of 64 bits, with a seed';

CREATE OPERATOR propstreet.< (
	LEFTARG = propstreet.price, RIGHTARG = propstreet.price, FUNCTION = propstreet.price_lt,
	COMMUTATOR = OPERATOR(propstreet.>), NEGATOR = OPERATOR(propstreet.>=), RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR propstreet.< (propstreet.price, propstreet.price) IS 'less than';
CREATE OPERATOR propstreet.<= (
	LEFTARG = propstreet.price, RIGHTARG = propstreet.price, FUNCTION = propstreet.price_le,
	COMMUTATOR = OPERATOR(propstreet.>=), NEGATOR = OPERATOR(propstreet.>), RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR propstreet.<= (propstreet.price, propstreet.price) IS 'less than or equal';
CREATE OPERATOR propstreet.= (
	LEFTARG = propstreet.price, RIGHTARG = propstreet.price, FUNCTION = propstreet.price_eq,
	COMMUTATOR = OPERATOR(propstreet.=), NEGATOR = OPERATOR(propstreet.<>), RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
	HASHES, MERGES
);
COMMENT ON OPERATOR propstreet.= (propstreet.price, propstreet.price) IS 'equal';
CREATE OPERATOR propstreet.<> (
	LEFTARG = propstreet.price, RIGHTARG = propstreet.price, FUNCTION = propstreet.price_ne,
	COMMUTATOR = OPERATOR(propstreet.<>), NEGATOR = OPERATOR(propstreet.=), RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR propstreet.<> (propstreet.price, propstreet.price) IS 'not equal';
CREATE OPERATOR propstreet.>= (
	LEFTARG = propstreet.price, RIGHTARG = propstreet.price, FUNCTION = propstreet.price_ge,
	COMMUTATOR = OPERATOR(propstreet.<=), NEGATOR = OPERATOR(propstreet.<), RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR propstreet.>= (propstreet.price, propstreet.price) IS 'greater than or equal';
CREATE OPERATOR propstreet.> (
	LEFTARG = propstreet.price, RIGHTARG = propstreet.price, FUNCTION = propstreet.price_gt,
	COMMUTATOR = OPERATOR(propstreet.<), NEGATOR = OPERATOR(propstreet.<=), RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR propstreet.> (propstreet.price, propstreet.price) IS 'greater than';

CREATE OPERATOR CLASS propstreet.price_ops DEFAULT FOR TYPE propstreet.price USING btree AS
	OPERATOR 1 propstreet.<,
	OPERATOR 2 propstreet.<=,
	OPERATOR 3 propstreet.=,
	OPERATOR 4 propstreet.>=,
	OPERATOR 5 propstreet.>,
	FUNCTION 1 propstreet.price_cmp(propstreet.price, propstreet.price);
COMMENT ON OPERATOR CLASS propstreet.price_ops USING btree IS 'By currency, then by amount';
COMMENT ON OPERATOR FAMILY propstreet.price_ops USING btree IS 'By currency, then by amount';
CREATE OPERATOR CLASS propstreet.price_ops DEFAULT FOR TYPE propstreet.price USING hash AS
	OPERATOR 1 propstreet.=,
	FUNCTION 1 propstreet.price_hash(propstreet.price),
	FUNCTION 2 propstreet.price_hash_extended(propstreet.price, bigint);
COMMENT ON OPERATOR CLASS propstreet.price_ops USING hash IS 'By currency, then by amount';
COMMENT ON OPERATOR FAMILY propstreet.price_ops USING hash IS 'By currency, then by amount';

-- arithmetic of price

CREATE FUNCTION propstreet.price_pl(propstreet.price, propstreet.price) RETURNS propstreet.price
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_pl(propstreet.price, propstreet.price) IS 'Implementation of the + operator';
CREATE OPERATOR propstreet.+ (
	LEFTARG = propstreet.price, RIGHTARG = propstreet.price, FUNCTION = propstreet.price_pl,
	COMMUTATOR = OPERATOR(propstreet.+)
);
COMMENT ON OPERATOR propstreet.+ (propstreet.price, propstreet.price) IS 'add prices in one currency: in the finer scale if it fits, else the coarsest that is exact';
CREATE FUNCTION propstreet.price_smaller(propstreet.price, propstreet.price) RETURNS propstreet.price
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_smaller(propstreet.price, propstreet.price) IS 'Smaller of two';
CREATE FUNCTION propstreet.price_larger(propstreet.price, propstreet.price) RETURNS propstreet.price
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_larger(propstreet.price, propstreet.price) IS 'Larger of two';
CREATE AGGREGATE propstreet.min(propstreet.price) (
	SFUNC = propstreet.price_smaller, STYPE = propstreet.price, COMBINEFUNC = propstreet.price_smaller,
	SORTOP = OPERATOR(propstreet.<), PARALLEL = SAFE
);
COMMENT ON AGGREGATE propstreet.min(propstreet.price) IS 'Least price: by currency, then by amount';
CREATE AGGREGATE propstreet.max(propstreet.price) (
	SFUNC = propstreet.price_larger, STYPE = propstreet.price, COMBINEFUNC = propstreet.price_larger,
	SORTOP = OPERATOR(propstreet.>), PARALLEL = SAFE
);
COMMENT ON AGGREGATE propstreet.max(propstreet.price) IS 'Greatest price: by currency, then by amount';
CREATE FUNCTION propstreet.price_sum_transition(pg_catalog.internal, propstreet.price) RETURNS pg_catalog.internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_sum_transition(pg_catalog.internal, propstreet.price) IS 'sum(): one more price';
CREATE FUNCTION propstreet.price_sum_combine(pg_catalog.internal, pg_catalog.internal) RETURNS pg_catalog.internal
	LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_sum_combine(pg_catalog.internal, pg_catalog.internal) IS 'sum(): two parts together';
CREATE FUNCTION propstreet.price_sum_serialize(pg_catalog.internal) RETURNS pg_catalog.bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_sum_serialize(pg_catalog.internal) IS 'sum(): a part, from a parallel worker';
CREATE FUNCTION propstreet.price_sum_deserialize(pg_catalog.bytea, pg_catalog.internal) RETURNS pg_catalog.internal
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_sum_deserialize(pg_catalog.bytea, pg_catalog.internal) IS 'sum(): a part, from a parallel worker';
CREATE FUNCTION propstreet.price_sum_final(pg_catalog.internal) RETURNS propstreet.price
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_sum_final(pg_catalog.internal) IS 'sum(): the result';
CREATE AGGREGATE propstreet.sum(propstreet.price) (
	SFUNC = propstreet.price_sum_transition, STYPE = pg_catalog.internal, SSPACE = 32, FINALFUNC = propstreet.price_sum_final,
	COMBINEFUNC = propstreet.price_sum_combine, SERIALFUNC = propstreet.price_sum_serialize,
	DESERIALFUNC = propstreet.price_sum_deserialize, PARALLEL = SAFE
);
COMMENT ON AGGREGATE propstreet.sum(propstreet.price) IS
	'Exact sum of prices in one currency: in the finest scale among them if it fits, else the coarsest that is exact';

-- price_range

CREATE TYPE propstreet.price_range;
CREATE FUNCTION propstreet.price_range_in(pg_catalog.cstring) RETURNS propstreet.price_range
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_in(pg_catalog.cstring) IS 'Input';
CREATE FUNCTION propstreet.price_range_out(propstreet.price_range) RETURNS pg_catalog.cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_out(propstreet.price_range) IS 'Output';
CREATE FUNCTION propstreet.price_range_recv(pg_catalog.internal) RETURNS propstreet.price_range
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_recv(pg_catalog.internal) IS 'Binary input';
CREATE FUNCTION propstreet.price_range_send(propstreet.price_range) RETURNS pg_catalog.bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_send(propstreet.price_range) IS 'Binary output';
CREATE TYPE propstreet.price_range (
	INPUT = propstreet.price_range_in, OUTPUT = propstreet.price_range_out, RECEIVE = propstreet.price_range_recv, SEND = propstreet.price_range_send,
	INTERNALLENGTH = 24, ALIGNMENT = double, STORAGE = plain
);
COMMENT ON TYPE propstreet.price_range IS 'Interval of money, bounds included: 100..200 millions SEK, 100.. millions SEK, ..200 millions SEK';

CREATE FUNCTION propstreet.price_range_to_json(propstreet.price_range) RETURNS pg_catalog.json
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_to_json(propstreet.price_range) IS 'Price range as the JSON of the API';
CREATE FUNCTION propstreet.price_range_from_json(pg_catalog.json) RETURNS propstreet.price_range
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_from_json(pg_catalog.json) IS 'Price range of the JSON of the API';
CREATE CAST (propstreet.price_range AS pg_catalog.json) WITH FUNCTION propstreet.price_range_to_json(propstreet.price_range) AS ASSIGNMENT;
COMMENT ON CAST (propstreet.price_range AS pg_catalog.json) IS 'Price range as the JSON of the API';
CREATE CAST (pg_catalog.json AS propstreet.price_range) WITH FUNCTION propstreet.price_range_from_json(pg_catalog.json) AS ASSIGNMENT;
COMMENT ON CAST (pg_catalog.json AS propstreet.price_range) IS 'Price range of the JSON of the API';

CREATE FUNCTION propstreet.lower(propstreet.price_range) RETURNS propstreet.price
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'price_range_lower';
COMMENT ON FUNCTION propstreet.lower(propstreet.price_range) IS 'Least price of a range, or null';
CREATE FUNCTION propstreet.upper(propstreet.price_range) RETURNS propstreet.price
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'price_range_upper';
COMMENT ON FUNCTION propstreet.upper(propstreet.price_range) IS 'Greatest price of a range, or null';

-- comparison of price_range

CREATE FUNCTION propstreet.price_range_lt(propstreet.price_range, propstreet.price_range) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_lt(propstreet.price_range, propstreet.price_range) IS 'Implementation of the < operator';
CREATE FUNCTION propstreet.price_range_le(propstreet.price_range, propstreet.price_range) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_le(propstreet.price_range, propstreet.price_range) IS 'Implementation of the <= operator';
CREATE FUNCTION propstreet.price_range_eq(propstreet.price_range, propstreet.price_range) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_eq(propstreet.price_range, propstreet.price_range) IS 'Implementation of the = operator';
CREATE FUNCTION propstreet.price_range_ne(propstreet.price_range, propstreet.price_range) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_ne(propstreet.price_range, propstreet.price_range) IS 'Implementation of the <> operator';
CREATE FUNCTION propstreet.price_range_ge(propstreet.price_range, propstreet.price_range) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_ge(propstreet.price_range, propstreet.price_range) IS 'Implementation of the >= operator';
CREATE FUNCTION propstreet.price_range_gt(propstreet.price_range, propstreet.price_range) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_gt(propstreet.price_range, propstreet.price_range) IS 'Implementation of the > operator';
CREATE FUNCTION propstreet.price_range_cmp(propstreet.price_range, propstreet.price_range) RETURNS integer
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_cmp(propstreet.price_range, propstreet.price_range) IS 'btree: less than, equal or greater';
CREATE FUNCTION propstreet.price_range_hash(propstreet.price_range) RETURNS integer
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_hash(propstreet.price_range) IS 'hash';
CREATE FUNCTION propstreet.price_range_hash_extended(propstreet.price_range, bigint) RETURNS bigint
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_hash_extended(propstreet.price_range, bigint) IS 'hash of 64 bits, with a seed';

CREATE OPERATOR propstreet.< (
	LEFTARG = propstreet.price_range, RIGHTARG = propstreet.price_range, FUNCTION = propstreet.price_range_lt,
	COMMUTATOR = OPERATOR(propstreet.>), NEGATOR = OPERATOR(propstreet.>=), RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR propstreet.< (propstreet.price_range, propstreet.price_range) IS 'less than';
CREATE OPERATOR propstreet.<= (
	LEFTARG = propstreet.price_range, RIGHTARG = propstreet.price_range, FUNCTION = propstreet.price_range_le,
	COMMUTATOR = OPERATOR(propstreet.>=), NEGATOR = OPERATOR(propstreet.>), RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR propstreet.<= (propstreet.price_range, propstreet.price_range) IS 'less than or equal';
CREATE OPERATOR propstreet.= (
	LEFTARG = propstreet.price_range, RIGHTARG = propstreet.price_range, FUNCTION = propstreet.price_range_eq,
	COMMUTATOR = OPERATOR(propstreet.=), NEGATOR = OPERATOR(propstreet.<>), RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
	HASHES, MERGES
);
COMMENT ON OPERATOR propstreet.= (propstreet.price_range, propstreet.price_range) IS 'equal';
CREATE OPERATOR propstreet.<> (
	LEFTARG = propstreet.price_range, RIGHTARG = propstreet.price_range, FUNCTION = propstreet.price_range_ne,
	COMMUTATOR = OPERATOR(propstreet.<>), NEGATOR = OPERATOR(propstreet.=), RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR propstreet.<> (propstreet.price_range, propstreet.price_range) IS 'not equal';
CREATE OPERATOR propstreet.>= (
	LEFTARG = propstreet.price_range, RIGHTARG = propstreet.price_range, FUNCTION = propstreet.price_range_ge,
	COMMUTATOR = OPERATOR(propstreet.<=), NEGATOR = OPERATOR(propstreet.<), RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR propstreet.>= (propstreet.price_range, propstreet.price_range) IS 'greater than or equal';
CREATE OPERATOR propstreet.> (
	LEFTARG = propstreet.price_range, RIGHTARG = propstreet.price_range, FUNCTION = propstreet.price_range_gt,
	COMMUTATOR = OPERATOR(propstreet.<), NEGATOR = OPERATOR(propstreet.<=), RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR propstreet.> (propstreet.price_range, propstreet.price_range) IS 'greater than';

CREATE OPERATOR CLASS propstreet.price_range_ops DEFAULT FOR TYPE propstreet.price_range USING btree AS
	OPERATOR 1 propstreet.<,
	OPERATOR 2 propstreet.<=,
	OPERATOR 3 propstreet.=,
	OPERATOR 4 propstreet.>=,
	OPERATOR 5 propstreet.>,
	FUNCTION 1 propstreet.price_range_cmp(propstreet.price_range, propstreet.price_range);
COMMENT ON OPERATOR CLASS propstreet.price_range_ops USING btree IS 'By currency, then by the amounts of min (absent first) and max (absent last)';
COMMENT ON OPERATOR FAMILY propstreet.price_range_ops USING btree IS 'By currency, then by the amounts of min (absent first) and max (absent last)';
CREATE OPERATOR CLASS propstreet.price_range_ops DEFAULT FOR TYPE propstreet.price_range USING hash AS
	OPERATOR 1 propstreet.=,
	FUNCTION 1 propstreet.price_range_hash(propstreet.price_range),
	FUNCTION 2 propstreet.price_range_hash_extended(propstreet.price_range, bigint);
COMMENT ON OPERATOR CLASS propstreet.price_range_ops USING hash IS 'By currency, then by the amounts of min (absent first) and max (absent last)';
COMMENT ON OPERATOR FAMILY propstreet.price_range_ops USING hash IS 'By currency, then by the amounts of min (absent first) and max (absent last)';

-- containment and overlap of price_range

CREATE FUNCTION propstreet.price_range_contains(propstreet.price_range, propstreet.price) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_contains(propstreet.price_range, propstreet.price) IS 'Implementation of the @> operator';
CREATE FUNCTION propstreet.price_contained(propstreet.price, propstreet.price_range) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_contained(propstreet.price, propstreet.price_range) IS 'Implementation of the <@ operator';
CREATE FUNCTION propstreet.price_range_overlaps(propstreet.price_range, propstreet.price_range) RETURNS boolean
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.price_range_overlaps(propstreet.price_range, propstreet.price_range) IS 'Implementation of the && operator';
CREATE OPERATOR propstreet.@> (
	LEFTARG = propstreet.price_range, RIGHTARG = propstreet.price, FUNCTION = propstreet.price_range_contains,
	COMMUTATOR = OPERATOR(propstreet.<@), RESTRICT = pg_catalog.contsel, JOIN = pg_catalog.contjoinsel
);
COMMENT ON OPERATOR propstreet.@> (propstreet.price_range, propstreet.price) IS 'range contains price';
CREATE OPERATOR propstreet.<@ (
	LEFTARG = propstreet.price, RIGHTARG = propstreet.price_range, FUNCTION = propstreet.price_contained,
	COMMUTATOR = OPERATOR(propstreet.@>), RESTRICT = pg_catalog.contsel, JOIN = pg_catalog.contjoinsel
);
COMMENT ON OPERATOR propstreet.<@ (propstreet.price, propstreet.price_range) IS 'price is in range';
CREATE OPERATOR propstreet.&& (
	LEFTARG = propstreet.price_range, RIGHTARG = propstreet.price_range, FUNCTION = propstreet.price_range_overlaps,
	COMMUTATOR = OPERATOR(propstreet.&&), RESTRICT = pg_catalog.areasel, JOIN = pg_catalog.areajoinsel
);
COMMENT ON OPERATOR propstreet.&& (propstreet.price_range, propstreet.price_range) IS 'ranges have a price in common';

-- external_ref: what is stored is the text, which the server's own functions compare, write and send

CREATE TYPE propstreet.external_ref;
CREATE FUNCTION propstreet.external_ref_in(pg_catalog.cstring) RETURNS propstreet.external_ref
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.external_ref_in(pg_catalog.cstring) IS 'Input';
CREATE FUNCTION propstreet.external_ref_out(propstreet.external_ref) RETURNS pg_catalog.cstring
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textout';
COMMENT ON FUNCTION propstreet.external_ref_out(propstreet.external_ref) IS 'Output';
CREATE FUNCTION propstreet.external_ref_recv(pg_catalog.internal) RETURNS propstreet.external_ref
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.external_ref_recv(pg_catalog.internal) IS 'Binary input';
CREATE FUNCTION propstreet.external_ref_send(propstreet.external_ref) RETURNS pg_catalog.bytea
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'textsend';
COMMENT ON FUNCTION propstreet.external_ref_send(propstreet.external_ref) IS 'Binary output';
CREATE TYPE propstreet.external_ref (
	INPUT = propstreet.external_ref_in, OUTPUT = propstreet.external_ref_out, RECEIVE = propstreet.external_ref_recv, SEND = propstreet.external_ref_send,
	INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended
);
COMMENT ON TYPE propstreet.external_ref IS 'Reference to a record in another system: hubspot:deal-123456, the namespace folded to lower case';

CREATE FUNCTION propstreet.external_ref_to_json(propstreet.external_ref) RETURNS pg_catalog.json
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.external_ref_to_json(propstreet.external_ref) IS 'Reference as the JSON of the API';
CREATE FUNCTION propstreet.external_ref_from_json(pg_catalog.json) RETURNS propstreet.external_ref
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.external_ref_from_json(pg_catalog.json) IS 'Reference of the JSON of the API';
CREATE CAST (propstreet.external_ref AS pg_catalog.json) WITH FUNCTION propstreet.external_ref_to_json(propstreet.external_ref) AS ASSIGNMENT;
COMMENT ON CAST (propstreet.external_ref AS pg_catalog.json) IS 'Reference as the JSON of the API';
CREATE CAST (pg_catalog.json AS propstreet.external_ref) WITH FUNCTION propstreet.external_ref_from_json(pg_catalog.json) AS ASSIGNMENT;
COMMENT ON CAST (pg_catalog.json AS propstreet.external_ref) IS 'Reference of the JSON of the API';

CREATE FUNCTION propstreet.external_ref(namespace pg_catalog.text, id pg_catalog.text) RETURNS propstreet.external_ref
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'external_ref_construct';
COMMENT ON FUNCTION propstreet.external_ref(pg_catalog.text, pg_catalog.text) IS 'Reference to an id of a namespace';
CREATE FUNCTION propstreet.namespace(propstreet.external_ref) RETURNS pg_catalog.text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'external_ref_namespace';
COMMENT ON FUNCTION propstreet.namespace(propstreet.external_ref) IS 'Namespace of a reference, in lower case';
CREATE FUNCTION propstreet.external_id(propstreet.external_ref) RETURNS pg_catalog.text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'external_ref_id';
COMMENT ON FUNCTION propstreet.external_id(propstreet.external_ref) IS 'Id in the other system';

-- comparison of external_ref

CREATE FUNCTION propstreet.external_ref_lt(propstreet.external_ref, propstreet.external_ref) RETURNS boolean
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'bytealt';
COMMENT ON FUNCTION propstreet.external_ref_lt(propstreet.external_ref, propstreet.external_ref) IS 'Implementation of the < operator';
CREATE FUNCTION propstreet.external_ref_le(propstreet.external_ref, propstreet.external_ref) RETURNS boolean
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteale';
COMMENT ON FUNCTION propstreet.external_ref_le(propstreet.external_ref, propstreet.external_ref) IS 'Implementation of the <= operator';
CREATE FUNCTION propstreet.external_ref_eq(propstreet.external_ref, propstreet.external_ref) RETURNS boolean
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteaeq';
COMMENT ON FUNCTION propstreet.external_ref_eq(propstreet.external_ref, propstreet.external_ref) IS 'Implementation of the = operator';
CREATE FUNCTION propstreet.external_ref_ne(propstreet.external_ref, propstreet.external_ref) RETURNS boolean
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteane';
COMMENT ON FUNCTION propstreet.external_ref_ne(propstreet.external_ref, propstreet.external_ref) IS 'Implementation of the <> operator';
CREATE FUNCTION propstreet.external_ref_ge(propstreet.external_ref, propstreet.external_ref) RETURNS boolean
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteage';
COMMENT ON FUNCTION propstreet.external_ref_ge(propstreet.external_ref, propstreet.external_ref) IS 'Implementation of the >= operator';
CREATE FUNCTION propstreet.external_ref_gt(propstreet.external_ref, propstreet.external_ref) RETURNS boolean
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteagt';
COMMENT ON FUNCTION propstreet.external_ref_gt(propstreet.external_ref, propstreet.external_ref) IS 'Implementation of the > operator';
CREATE FUNCTION propstreet.external_ref_cmp(propstreet.external_ref, propstreet.external_ref) RETURNS integer
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteacmp';
COMMENT ON FUNCTION propstreet.external_ref_cmp(propstreet.external_ref, propstreet.external_ref) IS 'btree: less than, equal or greater';
CREATE FUNCTION propstreet.external_ref_hash(propstreet.external_ref) RETURNS integer
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashvarlena';
COMMENT ON FUNCTION propstreet.external_ref_hash(propstreet.external_ref) IS 'hash';
CREATE FUNCTION propstreet.external_ref_hash_extended(propstreet.external_ref, bigint) RETURNS bigint
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashvarlenaextended';
COMMENT ON FUNCTION propstreet.external_ref_hash_extended(propstreet.external_ref, bigint) IS 'hash of 64 bits, with a seed';

CREATE OPERATOR propstreet.< (
	LEFTARG = propstreet.external_ref, RIGHTARG = propstreet.external_ref, FUNCTION = propstreet.external_ref_lt,
	COMMUTATOR = OPERATOR(propstreet.>), NEGATOR = OPERATOR(propstreet.>=), RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR propstreet.< (propstreet.external_ref, propstreet.external_ref) IS 'less than';
CREATE OPERATOR propstreet.<= (
	LEFTARG = propstreet.external_ref, RIGHTARG = propstreet.external_ref, FUNCTION = propstreet.external_ref_le,
	COMMUTATOR = OPERATOR(propstreet.>=), NEGATOR = OPERATOR(propstreet.>), RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR propstreet.<= (propstreet.external_ref, propstreet.external_ref) IS 'less than or equal';
CREATE OPERATOR propstreet.= (
	LEFTARG = propstreet.external_ref, RIGHTARG = propstreet.external_ref, FUNCTION = propstreet.external_ref_eq,
	COMMUTATOR = OPERATOR(propstreet.=), NEGATOR = OPERATOR(propstreet.<>), RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
	HASHES, MERGES
);
COMMENT ON OPERATOR propstreet.= (propstreet.external_ref, propstreet.external_ref) IS 'equal';
CREATE OPERATOR propstreet.<> (
	LEFTARG = propstreet.external_ref, RIGHTARG = propstreet.external_ref, FUNCTION = propstreet.external_ref_ne,
	COMMUTATOR = OPERATOR(propstreet.<>), NEGATOR = OPERATOR(propstreet.=), RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR propstreet.<> (propstreet.external_ref, propstreet.external_ref) IS 'not equal';
CREATE OPERATOR propstreet.>= (
	LEFTARG = propstreet.external_ref, RIGHTARG = propstreet.external_ref, FUNCTION = propstreet.external_ref_ge,
	COMMUTATOR = OPERATOR(propstreet.<=), NEGATOR = OPERATOR(propstreet.<), RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR propstreet.>= (propstreet.external_ref, propstreet.external_ref) IS 'greater than or equal';
CREATE OPERATOR propstreet.> (
	LEFTARG = propstreet.external_ref, RIGHTARG = propstreet.external_ref, FUNCTION = propstreet.external_ref_gt,
	COMMUTATOR = OPERATOR(propstreet.<), NEGATOR = OPERATOR(propstreet.<=), RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR propstreet.> (propstreet.external_ref, propstreet.external_ref) IS 'greater than';

CREATE OPERATOR CLASS propstreet.external_ref_ops DEFAULT FOR TYPE propstreet.external_ref USING btree AS
	OPERATOR 1 propstreet.<,
	OPERATOR 2 propstreet.<=,
	OPERATOR 3 propstreet.=,
	OPERATOR 4 propstreet.>=,
	OPERATOR 5 propstreet.>,
	FUNCTION 1 propstreet.external_ref_cmp(propstreet.external_ref, propstreet.external_ref),
	FUNCTION 2 pg_catalog.bytea_sortsupport(pg_catalog.internal),
	FUNCTION 4 pg_catalog.btequalimage(pg_catalog.oid);
COMMENT ON OPERATOR CLASS propstreet.external_ref_ops USING btree IS 'Byte by byte';
COMMENT ON OPERATOR FAMILY propstreet.external_ref_ops USING btree IS 'Byte by byte';
CREATE OPERATOR CLASS propstreet.external_ref_ops DEFAULT FOR TYPE propstreet.external_ref USING hash AS
	OPERATOR 1 propstreet.=,
	FUNCTION 1 propstreet.external_ref_hash(propstreet.external_ref),
	FUNCTION 2 propstreet.external_ref_hash_extended(propstreet.external_ref, bigint);
COMMENT ON OPERATOR CLASS propstreet.external_ref_ops USING hash IS 'Byte by byte';
COMMENT ON OPERATOR FAMILY propstreet.external_ref_ops USING hash IS 'Byte by byte';

-- etag: what is stored is the opaque tag

CREATE TYPE propstreet.etag;
CREATE FUNCTION propstreet.etag_in(pg_catalog.cstring) RETURNS propstreet.etag
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.etag_in(pg_catalog.cstring) IS 'Input';
CREATE FUNCTION propstreet.etag_out(propstreet.etag) RETURNS pg_catalog.cstring
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.etag_out(propstreet.etag) IS 'Output';
CREATE FUNCTION propstreet.etag_recv(pg_catalog.internal) RETURNS propstreet.etag
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.etag_recv(pg_catalog.internal) IS 'Binary input';
CREATE FUNCTION propstreet.etag_send(propstreet.etag) RETURNS pg_catalog.bytea
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.etag_send(propstreet.etag) IS 'Binary output';
CREATE TYPE propstreet.etag (
	INPUT = propstreet.etag_in, OUTPUT = propstreet.etag_out, RECEIVE = propstreet.etag_recv, SEND = propstreet.etag_send,
	INTERNALLENGTH = VARIABLE, ALIGNMENT = int4, STORAGE = extended
);
COMMENT ON TYPE propstreet.etag IS 'Entity tag, compared weakly: W/"abc123", or "abc123" for the same';

CREATE FUNCTION propstreet.etag_to_json(propstreet.etag) RETURNS pg_catalog.json
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.etag_to_json(propstreet.etag) IS 'Entity tag as the JSON of the API';
CREATE FUNCTION propstreet.etag_from_json(pg_catalog.json) RETURNS propstreet.etag
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.etag_from_json(pg_catalog.json) IS 'Entity tag of the JSON of the API';
CREATE CAST (propstreet.etag AS pg_catalog.json) WITH FUNCTION propstreet.etag_to_json(propstreet.etag) AS ASSIGNMENT;
COMMENT ON CAST (propstreet.etag AS pg_catalog.json) IS 'Entity tag as the JSON of the API';
CREATE CAST (pg_catalog.json AS propstreet.etag) WITH FUNCTION propstreet.etag_from_json(pg_catalog.json) AS ASSIGNMENT;
COMMENT ON CAST (pg_catalog.json AS propstreet.etag) IS 'Entity tag of the JSON of the API';

CREATE FUNCTION propstreet.etag(kind pg_catalog.text, tenant_id bigint, id bigint, revision bigint, updated_utc pg_catalog.timestamptz)
	RETURNS propstreet.etag
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'etag_make';
COMMENT ON FUNCTION propstreet.etag(pg_catalog.text, bigint, bigint, bigint, pg_catalog.timestamptz) IS
	'Entity tag of a version of a project, prospect or webhook';

-- comparison of etag

CREATE FUNCTION propstreet.etag_lt(propstreet.etag, propstreet.etag) RETURNS boolean
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'bytealt';
COMMENT ON FUNCTION propstreet.etag_lt(propstreet.etag, propstreet.etag) IS 'Implementation of the < operator';
CREATE FUNCTION propstreet.etag_le(propstreet.etag, propstreet.etag) RETURNS boolean
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteale';
COMMENT ON FUNCTION propstreet.etag_le(propstreet.etag, propstreet.etag) IS 'Implementation of the <= operator';
CREATE FUNCTION propstreet.etag_eq(propstreet.etag, propstreet.etag) RETURNS boolean
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteaeq';
COMMENT ON FUNCTION propstreet.etag_eq(propstreet.etag, propstreet.etag) IS 'Implementation of the = operator';
CREATE FUNCTION propstreet.etag_ne(propstreet.etag, propstreet.etag) RETURNS boolean
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteane';
COMMENT ON FUNCTION propstreet.etag_ne(propstreet.etag, propstreet.etag) IS 'Implementation of the <> operator';
CREATE FUNCTION propstreet.etag_ge(propstreet.etag, propstreet.etag) RETURNS boolean
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteage';
COMMENT ON FUNCTION propstreet.etag_ge(propstreet.etag, propstreet.etag) IS 'Implementation of the >= operator';
CREATE FUNCTION propstreet.etag_gt(propstreet.etag, propstreet.etag) RETURNS boolean
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteagt';
COMMENT ON FUNCTION propstreet.etag_gt(propstreet.etag, propstreet.etag) IS 'Implementation of the > operator';
CREATE FUNCTION propstreet.etag_cmp(propstreet.etag, propstreet.etag) RETURNS integer
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'byteacmp';
COMMENT ON FUNCTION propstreet.etag_cmp(propstreet.etag, propstreet.etag) IS 'btree: less than, equal or greater';
CREATE FUNCTION propstreet.etag_hash(propstreet.etag) RETURNS integer
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashvarlena';
COMMENT ON FUNCTION propstreet.etag_hash(propstreet.etag) IS 'hash';
CREATE FUNCTION propstreet.etag_hash_extended(propstreet.etag, bigint) RETURNS bigint
	LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE AS 'hashvarlenaextended';
COMMENT ON FUNCTION propstreet.etag_hash_extended(propstreet.etag, bigint) IS 'hash of 64 bits, with a seed';

CREATE OPERATOR propstreet.< (
	LEFTARG = propstreet.etag, RIGHTARG = propstreet.etag, FUNCTION = propstreet.etag_lt,
	COMMUTATOR = OPERATOR(propstreet.>), NEGATOR = OPERATOR(propstreet.>=), RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR propstreet.< (propstreet.etag, propstreet.etag) IS 'less than';
CREATE OPERATOR propstreet.<= (
	LEFTARG = propstreet.etag, RIGHTARG = propstreet.etag, FUNCTION = propstreet.etag_le,
	COMMUTATOR = OPERATOR(propstreet.>=), NEGATOR = OPERATOR(propstreet.>), RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR propstreet.<= (propstreet.etag, propstreet.etag) IS 'less than or equal';
CREATE OPERATOR propstreet.= (
	LEFTARG = propstreet.etag, RIGHTARG = propstreet.etag, FUNCTION = propstreet.etag_eq,
	COMMUTATOR = OPERATOR(propstreet.=), NEGATOR = OPERATOR(propstreet.<>), RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
	HASHES, MERGES
);
COMMENT ON OPERATOR propstreet.= (propstreet.etag, propstreet.etag) IS 'equal';
CREATE OPERATOR propstreet.<> (
	LEFTARG = propstreet.etag, RIGHTARG = propstreet.etag, FUNCTION = propstreet.etag_ne,
	COMMUTATOR = OPERATOR(propstreet.<>), NEGATOR = OPERATOR(propstreet.=), RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR propstreet.<> (propstreet.etag, propstreet.etag) IS 'not equal';
CREATE OPERATOR propstreet.>= (
	LEFTARG = propstreet.etag, RIGHTARG = propstreet.etag, FUNCTION = propstreet.etag_ge,
	COMMUTATOR = OPERATOR(propstreet.<=), NEGATOR = OPERATOR(propstreet.<), RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR propstreet.>= (propstreet.etag, propstreet.etag) IS 'greater than or equal';
CREATE OPERATOR propstreet.> (
	LEFTARG = propstreet.etag, RIGHTARG = propstreet.etag, FUNCTION = propstreet.etag_gt,
	COMMUTATOR = OPERATOR(propstreet.<), NEGATOR = OPERATOR(propstreet.<=), RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR propstreet.> (propstreet.etag, propstreet.etag) IS 'greater than';

CREATE OPERATOR CLASS propstreet.etag_ops DEFAULT FOR TYPE propstreet.etag USING btree AS
	OPERATOR 1 propstreet.<,
	OPERATOR 2 propstreet.<=,
	OPERATOR 3 propstreet.=,
	OPERATOR 4 propstreet.>=,
	OPERATOR 5 propstreet.>,
	FUNCTION 1 propstreet.etag_cmp(propstreet.etag, propstreet.etag),
	FUNCTION 2 pg_catalog.bytea_sortsupport(pg_catalog.internal),
	FUNCTION 4 pg_catalog.btequalimage(pg_catalog.oid);
COMMENT ON OPERATOR CLASS propstreet.etag_ops USING btree IS 'Byte by byte';
COMMENT ON OPERATOR FAMILY propstreet.etag_ops USING btree IS 'Byte by byte';
CREATE OPERATOR CLASS propstreet.etag_ops DEFAULT FOR TYPE propstreet.etag USING hash AS
	OPERATOR 1 propstreet.=,
	FUNCTION 1 propstreet.etag_hash(propstreet.etag),
	FUNCTION 2 propstreet.etag_hash_extended(propstreet.etag, bigint);
COMMENT ON OPERATOR CLASS propstreet.etag_ops USING hash IS 'Byte by byte';
COMMENT ON OPERATOR FAMILY propstreet.etag_ops USING hash IS 'Byte by byte';

-- Cursors

CREATE FUNCTION propstreet.cursor_encode(updated_utc pg_catalog.timestamptz, id bigint) RETURNS pg_catalog.text
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.cursor_encode(pg_catalog.timestamptz, bigint) IS
	'Cursor of a position in the order (updated_utc, id)';
CREATE FUNCTION propstreet.cursor_decode(cursor pg_catalog.text, OUT updated_utc pg_catalog.timestamptz, OUT id bigint)
	LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME';
COMMENT ON FUNCTION propstreet.cursor_decode(pg_catalog.text) IS 'Position of a cursor; PT400 if it is none';
