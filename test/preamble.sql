\set ECHO none
-- What tests of test/sql begin with, after `install`, which makes the schema test. Only the line above is in their expected outputs.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';
\set ECHO all
