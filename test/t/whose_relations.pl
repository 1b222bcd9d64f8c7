
# Nothing acts on what is not its own: install() creates for the schema's owner, plans touch
# only relations of whom they act as, and nothing of the owner's runs with a superuser's rights.
# A full queue of notifications fails no write, and purge() reads each row a few times only.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('whose');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE owner LOGIN; CREATE DATABASE app OWNER owner');
$node->safe_psql('app', 'CREATE EXTENSION propstreet', extra_params => [ '-U', 'owner' ]);

sub sql
{
	my ($sql, $role) = @_;

	return $node->safe_psql('app', "SET propstreet.tenant_id = '1';\n$sql", extra_params => [ '-U', $role // 'postgres' ]);
}

sub fails
{
	my ($name, $sql, $expected) = @_;
	my $stderr;

	$node->psql('app', "\\set VERBOSITY verbose\nSET propstreet.tenant_id = '1';\n$sql", stderr => \$stderr, on_error_stop => 0);
	like($stderr, $expected, $name);
}

$node->psql('app', 'ALTER SCHEMA propstreet OWNER TO owner');
sql('SELECT propstreet.install(); CREATE TABLE public.after ()');
is(sql(q{SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace IN ('propstreet'::regnamespace, 'propstreet_api'::regnamespace) AND relkind <> 'c'}),
	'owner', "install() by a superuser creates for the schema's owner");
is(sql(q{SELECT relowner::regrole FROM pg_class WHERE relname = 'after'}), 'postgres', 'and the superuser is a superuser again');

# ---- relations of others ----

my $create = q{SELECT propstreet.project_create('{"name": "a"}') IS NOT NULL};

is(sql($create), 't', 'an operation by a superuser');
for my $table (qw(event project_external_ref webhook project))
{
	sql("ALTER TABLE propstreet.$table OWNER TO postgres");
	fails("$table is another's",
		q{SELECT propstreet.project_create('{"name": "b", "externalRefs": [{"namespace": "a", "id": "1"}]}')},
		qr/ERROR:  42501: the relations of propstreet belong to different owners.*DETAIL:/s);
	sql("ALTER TABLE propstreet.$table OWNER TO owner");
}
is(sql($create), 't', 'all are of one owner again');

# A view in a table's place: planning it would run its immutable function with the rights of whom is acted as, a superuser
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE DATABASE older OWNER owner');
$node->safe_psql('older', "CREATE EXTENSION propstreet; SELECT propstreet.install(); SELECT propstreet.grant_to('app')", extra_params => [ '-U', 'owner' ]);
$node->safe_psql('older', q{
	ALTER DATABASE older SET propstreet.tenant_id = '1';
	DO $$
	DECLARE relation regclass;
	BEGIN
		FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = 'propstreet'::regnamespace AND relkind IN ('r', 'v') LOOP
			EXECUTE format('ALTER TABLE %s OWNER TO postgres', relation);
		END LOOP;
	END $$});
$node->safe_psql('older', q{
	DROP TABLE propstreet.project_external_ref CASCADE;
	CREATE FUNCTION public.truth() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RAISE WARNING 'code of the owner runs as %', current_user; RETURN true; END$$;
	CREATE VIEW propstreet.project_external_ref AS SELECT 1::bigint AS tenant_id, 1::bigint AS project_id, 'a:b'::propstreet.external_ref AS external_ref WHERE public.truth();
	GRANT ALL ON propstreet.project_external_ref TO postgres, app}, extra_params => [ '-U', 'owner' ]);
for my $role ('app', 'postgres')
{
	my $stderr;

	for my $again (1, 2)
	{
		$node->psql('older', "\\set VERBOSITY verbose\nSELECT propstreet.project_find('a', 'b');\nSELECT propstreet.project_find('a', 'b');", stderr => \$stderr, on_error_stop => 0, extra_params => [ '-U', $role ]);
		unlike($stderr, qr/code of the owner runs/, "nothing of a view's is run for $role");
		like($stderr, qr/ERROR:  42501/, "but refused ($role)");
	}
}

# A relation that only the planner finds, in a function that it puts in its call's place
fails("another's relation in a function", q{
	SELECT propstreet.project_create('{"name": "c"}') ->> 'id' AS id \gset
	BEGIN;
	CREATE TABLE public.others AS SELECT * FROM propstreet.property;
	GRANT SELECT ON public.others TO owner;
	ALTER TABLE public.others OWNER TO app;
	CREATE FUNCTION public.others() RETURNS SETOF public.others LANGUAGE sql STABLE AS 'SELECT * FROM public.others';
	ALTER TABLE propstreet.property RENAME TO property_before;
	CREATE VIEW propstreet.property AS SELECT * FROM public.others();
	ALTER VIEW propstreet.property OWNER TO owner;
	SELECT propstreet.project_properties(:id);
	ROLLBACK}, qr/ERROR:  42501: the relations of propstreet belong to different owners.*DETAIL:  Relation "public.others" belongs to role "app"/s);

# A partition that rows are stored in: its owner's trigger would run with the rights of the tables' owner
$node->safe_psql('postgres', 'CREATE ROLE other; CREATE DATABASE divided OWNER owner');
$node->safe_psql('divided', q{
	CREATE EXTENSION propstreet;
	SELECT propstreet.install();
	CREATE FUNCTION public.stored() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE WARNING 'stored as %', current_user; RETURN NEW; END$$}, extra_params => [ '-U', 'owner' ]);
my $references = q{SELECT propstreet.project_create(json_build_object('name', 'a', 'externalRefs', json_build_array(json_build_object('namespace', 'a', 'id', clock_timestamp())))) IS NOT NULL};
for my $table ('event', 'project_external_ref')
{
	$node->safe_psql('divided', qq{
		ALTER TABLE propstreet.$table RENAME TO ${table}_before;
		CREATE TABLE propstreet.$table (LIKE propstreet.${table}_before INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING INDEXES) PARTITION BY LIST (tenant_id);
		CREATE TABLE propstreet.${table}_parts PARTITION OF propstreet.$table DEFAULT PARTITION BY LIST (tenant_id);
		CREATE TABLE propstreet.${table}_part PARTITION OF propstreet.${table}_parts FOR VALUES IN (1);
		CREATE TRIGGER stored BEFORE INSERT ON propstreet.${table}_part FOR EACH ROW EXECUTE FUNCTION public.stored()}, extra_params => [ '-U', 'owner' ]);
	$node->psql('divided', qq{
		SET propstreet.tenant_id = '1';
		$references;
		ALTER TABLE propstreet.${table}_part OWNER TO other;
		\\echo changed
		\\warn changed
		$references;
		$references;
		ALTER TABLE propstreet.${table}_part OWNER TO owner;
		$references}, stdout => \my $created, stderr => \my $refused, on_error_stop => 0);
	is($created, "t\nchanged\nt", "an operation works as long as partitions are the owner's: $table");
	like($refused, qr/stored as owner.*changed.*"propstreet\.${table}_part" belongs to role "other".*"propstreet\.${table}_part" belongs to role "other".*stored as owner/s,
		'and is refused in the same session, where one is of another');
	unlike($refused =~ s/^.*changed(.*belongs to role "other").*$/$1/sr, qr/stored as/, "whose trigger isn't run");
	$node->safe_psql('divided', "DROP TRIGGER stored ON propstreet.${table}_part", extra_params => [ '-U', 'owner' ]);
}

# The table of events as a partition itself, with its identity from its parent (17) or of its own: its bounds hold
$node->psql('divided', q{
	DROP TABLE propstreet.event;
	CREATE TABLE propstreet.event_parent (LIKE propstreet.event_before INCLUDING DEFAULTS INCLUDING IDENTITY) PARTITION BY LIST (tenant_id);
	CREATE TABLE propstreet.event PARTITION OF propstreet.event_parent FOR VALUES IN (2);
	ALTER TABLE propstreet.event ALTER id ADD GENERATED BY DEFAULT AS IDENTITY}, on_error_stop => 0, extra_params => [ '-U', 'owner' ]);
$node->psql('divided', "SET propstreet.tenant_id = '1'; $create", stderr => \my $bounds);
like($bounds, qr/new row for relation "event" violates partition constraint/, 'no event is stored in a partition that it is not for');

# check() reads what is in the tables' place, with the rights of their owner: here an implicit cast of the owner's
$node->safe_psql('postgres', 'CREATE DATABASE cast_in_place OWNER owner');
$node->safe_psql('cast_in_place', q{
	CREATE EXTENSION propstreet;
	SELECT propstreet.install();
	CREATE TYPE public.key AS (number bigint);
	CREATE FUNCTION public.number(public.key) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RAISE WARNING 'code of the owner runs as %', current_user; RETURN ($1).number; END$$;
	CREATE CAST (public.key AS bigint) WITH FUNCTION public.number(public.key) AS IMPLICIT}, extra_params => [ '-U', 'owner' ]);
$node->safe_psql('cast_in_place', q{
	SELECT propstreet.set_tenant(1);
	INSERT INTO propstreet.company (tenant_id, name, tags) VALUES (1, 'x', '{a}');
	INSERT INTO propstreet.project (tenant_id, name) VALUES (1, 'k');
	INSERT INTO propstreet.prospect (tenant_id, project_id, company_id) VALUES (1, 1, 1);
	ALTER TABLE propstreet.company RENAME TO company_before;
	CREATE TABLE propstreet.company (tenant_id public.key, id public.key, tags text[]);
	INSERT INTO propstreet.company VALUES (ROW(1), ROW(1), '{}')}, extra_params => [ '-U', 'owner' ]);
my $checked;
$node->psql('cast_in_place', 'SELECT * FROM propstreet.check(); SELECT * FROM propstreet.check_rows()', stderr => \$checked, on_error_stop => 0);
like($checked, qr/code of the owner runs as owner/, "check() by a superuser runs the owner's code as the owner");
unlike($checked, qr/code of the owner runs as postgres/, 'and not as the superuser');
like($checked, qr/check_rows\(\) cannot be called by a superuser on tables/, 'nor does check_rows()');

# ---- what is deferred to the end of a superuser's transaction ----

sql(q{
	CREATE TABLE public.ran (as_role text);
	GRANT ALL ON public.ran TO PUBLIC;
	CREATE FUNCTION propstreet.later() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS
		'BEGIN INSERT INTO public.ran VALUES (current_user); RETURN NULL; END';
	ALTER FUNCTION propstreet.later() OWNER TO owner;
	SET ROLE owner;
	CREATE CONSTRAINT TRIGGER later AFTER INSERT OR DELETE ON propstreet.event DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION propstreet.later();
});
fails('no deferred trigger for a superuser', $create, qr/cannot fire deferred trigger within security-restricted operation/);
fails('nor in the role of an application', "BEGIN; SELECT propstreet.grant_to('app'); SET LOCAL ROLE app; $create; RESET ROLE; COMMIT;", qr/cannot fire deferred trigger within security-restricted operation/);
fails('nor in its plain SQL', "BEGIN; SELECT propstreet.grant_to('app'); SET LOCAL SESSION AUTHORIZATION app; INSERT INTO propstreet.project (name) VALUES ('plain'); RESET SESSION AUTHORIZATION; COMMIT;", qr/cannot fire deferred trigger within security-restricted operation/);
sql(q{UPDATE propstreet.event SET created_utc = now() - '90 days'::interval});
fails('nor by purge()', 'SELECT propstreet.purge()', qr/cannot fire deferred trigger within security-restricted operation/);
is(sql("SELECT count(*) FROM public.ran"), '0', 'nothing has run as superuser');
sql('DROP TRIGGER later ON propstreet.event');

# ---- a queue that is too full ----

my $listener = $node->background_psql('app');
$listener->query_safe('LISTEN other');
$listener->query_safe('BEGIN');
sql(q{SELECT pg_notify('other', n || repeat('x', 7900)) FROM generate_series(1, 5) AS n});
my $stderr;
$node->psql('app', "SET propstreet.tenant_id = '1'; SET propstreet.notify_queue_limit = 0; $create; $create; SELECT propstreet.notifications_left_out()",
	stdout => \my $stdout, stderr => \$stderr);
like($stdout, qr/t\nt\n2$/, 'writes go on, and what is left out is counted');
is(() = $stderr =~ /WARNING/g, 1, 'one warning a session');
$listener->query_safe('COMMIT');
$listener->quit;

# ---- purge ----

sql(q{
	DELETE FROM propstreet.event;
	INSERT INTO propstreet.event (tenant_id, event, resource_id, created_utc, payload)
	SELECT t, 'project.updated', 1, now() - CASE WHEN t = 1 THEN '90 days' ELSE '0 days' END::interval, '{}'
	FROM generate_series(1, 3) AS t, generate_series(1, 20000);
	ANALYZE propstreet.event;
});
my $before = sql(q{SELECT coalesce(idx_tup_read, 0) FROM (SELECT sum(idx_tup_read) AS idx_tup_read FROM pg_stat_all_indexes WHERE relname = 'event') AS s});
my $start = time;
is(sql('SELECT propstreet.purge()', 'owner'), '20000', 'purge() by the owner');
cmp_ok(time - $start, '<', 10, 'and not in quadratic time');
sleep 1;
my $after = sql(q{SELECT sum(idx_tup_read) FROM pg_stat_all_indexes WHERE relname = 'event'});
cmp_ok($after - $before, '<', 200000, 'each row is read a few times');

is(sql(q{SELECT count(*) FROM pg_proc WHERE pronamespace = 'propstreet'::regnamespace AND proleakproof}), '0', 'no function is leakproof');

$node->stop;
done_testing();
