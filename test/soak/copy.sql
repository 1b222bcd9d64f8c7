-- Projects, and prospects of the last of them, are loaded.
\set ms random_exponential(1, 100, 3)
BEGIN;
COPY propstreet.project (name) FROM PROGRAM 'seq 1 10';
SELECT currval('propstreet.project_id_seq') AS project \gset
COPY propstreet.prospect (project_id, contact_id) FROM PROGRAM 'seq -f ":project,%g" 1 10' (FORMAT csv);
\sleep :ms ms
COMMIT;
