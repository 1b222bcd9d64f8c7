# The attempts of a database's owner, who is no superuser, to become one when a superuser or the worker does maintenance, or to
# crash the server by tables that are not as they should be.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep);

# The owner's code, which takes what rights it can get, and tells when it runs as a superuser; errors don't stop the work
sub code
{
	my ($marker) = @_;

	return qq{
		SET client_min_messages = error;
		DROP SCHEMA IF EXISTS evil CASCADE;
		CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;
		CREATE FUNCTION evil.take() RETURNS void LANGUAGE plpgsql AS \$take\$
		BEGIN
			IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN RAISE WARNING 'LE%', 'AK: runs as ' || current_user; END IF;
			IF pg_catalog.current_setting('evil.tried', true) = current_user THEN RETURN; END IF;
			PERFORM pg_catalog.set_config('evil.tried', current_user, false);
			BEGIN ALTER ROLE owner SUPERUSER; EXCEPTION WHEN OTHERS THEN NULL; END;
			BEGIN COPY (SELECT 1) TO PROGRAM 'touch $marker'; EXCEPTION WHEN OTHERS THEN NULL; END;
			BEGIN PERFORM pg_catalog.pg_read_file('PG_VERSION'); RAISE WARNING 'LE%', 'AK: a file'; EXCEPTION WHEN OTHERS THEN NULL; END;
			BEGIN SET LOCAL ROLE NONE; ALTER ROLE owner SUPERUSER; EXCEPTION WHEN OTHERS THEN NULL; END;
			BEGIN SET SESSION AUTHORIZATION DEFAULT; ALTER ROLE owner SUPERUSER; EXCEPTION WHEN OTHERS THEN NULL; END;
			BEGIN EXECUTE 'CREATE OR REPLACE FUNCTION pg_temp.lower(text) RETURNS text LANGUAGE plpgsql AS ''BEGIN PERFORM evil.take(); RETURN \$1; END'''; EXCEPTION WHEN OTHERS THEN NULL; END;
			BEGIN PERFORM pg_catalog.set_config('search_path', 'evil, pg_catalog', false); EXCEPTION WHEN OTHERS THEN NULL; END;
			BEGIN PERFORM pg_catalog.set_config('propstreet.tenant_id', '2', false); EXCEPTION WHEN OTHERS THEN NULL; END;
			IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN RAISE WARNING 'LE%', 'AK: became ' || current_user; END IF;
		END\$take\$;
		CREATE FUNCTION evil.changed() RETURNS trigger LANGUAGE plpgsql AS \$\$BEGIN PERFORM evil.take(); IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END\$\$;
		CREATE FUNCTION evil.truth() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS \$\$BEGIN PERFORM evil.take(); RETURN true; END\$\$;
		CREATE FUNCTION evil.truth(bigint) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS \$\$BEGIN PERFORM evil.take(); RETURN true; END\$\$;
		CREATE FUNCTION evil.text() RETURNS text LANGUAGE plpgsql AS \$\$BEGIN PERFORM evil.take(); RETURN NULL; END\$\$;
		CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE plpgsql AS \$\$BEGIN PERFORM evil.take(); RETURN pg_catalog.lower(\$1); END\$\$;
		RESET client_min_messages;
	};
}

# A function that does what a session of any role may do with the operations, each of which may fail; created in the schema mine
my $working = q{
	CREATE FUNCTION mine.work() RETURNS void LANGUAGE plpgsql AS $work$
	DECLARE
		statement text;
		project text := '1';
		webhook text := '1';
		id text;
	BEGIN
		FOREACH statement IN ARRAY ARRAY[
			$$SELECT 'p' || (propstreet.project_create('{"name": "work", "externalRefs": [{"namespace": "a", "id": "work"}]}', 'work')->>'id')$$,
			$$SELECT propstreet.project_update(PROJECT, '{"name": "worked", "price": {"value": 5, "currency": "SEK"}, "externalRefs": [{"namespace": "a", "id": "worked"}]}')$$,
			$$SELECT propstreet.project_get(PROJECT)$$, $$SELECT propstreet.project_get(1)$$, $$SELECT propstreet.project_find('a', 'worked')$$, $$SELECT propstreet.project_upsert('a', 'worked', '{"name": "upserted"}')$$,
			$$SELECT propstreet.project_list()$$, $$SELECT propstreet.prospect_list_all()$$, $$SELECT count(*) FROM propstreet.project_changes('epoch')$$, $$SELECT count(*) FROM propstreet.prospect_changes('epoch')$$,
			$$SELECT propstreet.prospect_list(1)$$, $$SELECT propstreet.prospect_get(1, 1)$$, $$SELECT propstreet.project_properties(1)$$, $$SELECT propstreet.prospect_update(1, 1, '{"classification": "bidder"}')$$,
			$$SELECT propstreet.prospect_add(PROJECT, '{"contactId": "1"}')$$, $$SELECT propstreet.prospect_add_batch(PROJECT, '{"data": [{"contactId": "1"}, {"companyId": "1"}]}')$$,
			$$SELECT propstreet.contact_projects(1)$$, $$SELECT propstreet.company_projects(1)$$, $$SELECT propstreet.teaser_communicate(PROJECT, now() + interval '1 day')$$,
			$$SELECT 'w' || (propstreet.webhook_create('{"url": "https://hooks.invalid/work", "events": ["project.created"]}')->>'id')$$,
			$$SELECT propstreet.webhook_list()$$, $$SELECT propstreet.webhook_get(WEBHOOK)$$, $$SELECT propstreet.webhook_update(WEBHOOK, '{"name": "w"}')$$, $$SELECT propstreet.webhook_test(WEBHOOK)$$, $$SELECT propstreet.webhook_test(1)$$,
			$$SELECT propstreet.webhook_replay(WEBHOOK, 'epoch')$$, $$SELECT propstreet.webhook_deliveries(WEBHOOK)$$, $$SELECT propstreet.webhook_deliveries(1)$$, $$SELECT 1 FROM propstreet.webhook_rotate_secret(WEBHOOK)$$,
			$$SELECT h.status FROM propstreet.handle('GET', '/api/v1/projects') AS h$$,
			$$SELECT h.status FROM propstreet.handle('POST', '/api/v1/projects', '{"Content-Type": "application/json", "Idempotency-Key": "own key"}', '{"name": "own office"}') AS h$$,
			$$SELECT propstreet.project_create('{"name": "own office"}', 'own key')$$, $$SELECT propstreet.project_create('{"name": "own office"}', NULL)$$,
			$$SELECT propstreet.project_close(PROJECT, '[{"buyer": "x"}]')$$, $$SELECT propstreet.project_reopen(PROJECT)$$,
			$$SELECT count(*) FROM propstreet.webhook_claim()$$, $$SELECT propstreet.webhook_record('[{"tenantId": "1", "webhookId": "1", "deliveryId": "1", "attempt": 1, "status": 500}]')$$, $$SELECT propstreet.webhook_next_due()$$,
			$$SELECT propstreet.project_delete(PROJECT)$$, $$SELECT propstreet.webhook_delete(WEBHOOK)$$]
		LOOP
			BEGIN
				EXECUTE replace(replace(statement, 'PROJECT', project), 'WEBHOOK', webhook) INTO id;
				IF id ~ '^p\d+$' THEN project := substr(id, 2); ELSIF id ~ '^w\d+$' THEN webhook := substr(id, 2); END IF;
			EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'ERROR:  %: % in %', SQLSTATE, SQLERRM, statement;
			END;
		END LOOP;
	END$work$;
	GRANT EXECUTE ON FUNCTION mine.work() TO PUBLIC;
};
my $work = 'SELECT mine.work();';
# and by plain SQL, which fires whatever there is as who gives it
my $plain = q{SELECT max(p::text) FROM propstreet.project_delta AS p; SELECT max(p::text) FROM propstreet.prospect_delta AS p; SELECT max(p::text) FROM propstreet.webhook_status AS p;
	UPDATE propstreet.contact SET tags = '{worked}' WHERE tenant_id = 1; UPDATE propstreet.company SET tags = '{worked}' WHERE tenant_id = 1; UPDATE propstreet.project SET name = 'plain' WHERE id = 1; UPDATE propstreet.prospect SET classification = 'contacted' WHERE id = 1;};

# A superuser's maintenance, each in a transaction of its own
my $maintenance = q{
	SET propstreet.tenant_id = 1;
	SELECT propstreet.purge();
	SELECT * FROM propstreet.check();
	SELECT propstreet.install();
	SELECT propstreet.grant_to('app');
};

my @tables;

sub columns_of
{
	my ($node, $table, $not_null) = @_;
	my $only = $not_null ? 'AND attnotnull' : '';

	return split(/\n/, $node->safe_psql('owned', "SELECT attname FROM pg_attribute WHERE attrelid = 'propstreet.$table'::regclass AND attnum > 0 AND NOT attisdropped $only ORDER BY attnum"));
}

# ---- own code that a superuser's calls could run ----

sub own_code
{
	my ($node, $how) = @_;
	my $superuser = $how->{connection}->($how->{postgres}, 'owned');
	my $owner = $how->{connection}->('owner', 'owned');
	my $old = qq{UPDATE propstreet.idempotency_key SET created_utc = now() - interval '9 days'; UPDATE propstreet.event SET created_utc = now() - interval '99 days'; UPDATE propstreet.webhook_delivery SET created_utc = now() - interval '99 days';};
	my %kinds = (
		'triggers' => 'CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON propstreet.%1$s FOR EACH ROW EXECUTE FUNCTION evil.changed(); CREATE TRIGGER s AFTER INSERT OR UPDATE OR DELETE ON propstreet.%1$s FOR EACH STATEMENT EXECUTE FUNCTION evil.changed()',
		'a deferred trigger' => 'CREATE CONSTRAINT TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON propstreet.%s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil.changed()',
		'a constraint, an index and a default' => 'ALTER TABLE propstreet.%1$s ADD CONSTRAINT evil CHECK (evil.truth()); CREATE INDEX evil ON propstreet.%1$s ((evil.truth(tenant_id))); ALTER TABLE propstreet.%1$s ADD COLUMN evil text DEFAULT evil.text()',
		'a policy' => 'ALTER TABLE propstreet.%1$s FORCE ROW LEVEL SECURITY; CREATE POLICY evil ON propstreet.%1$s USING (evil.truth())',
		'a rule' => 'CREATE RULE evil AS ON UPDATE TO propstreet.%1$s DO ALSO SELECT evil.take(); CREATE RULE evil_delete AS ON DELETE TO propstreet.%1$s DO ALSO SELECT evil.take(); CREATE RULE evil_insert AS ON INSERT TO propstreet.%1$s DO ALSO SELECT evil.take()');

	my @written = grep { !/property|strategy/ } @tables;

	foreach my $kind (sort keys %kinds)
	{
		foreach my $table (grep { $kind ne 'a rule' || /^event|^webhook/ } @written)
		{
			my $make = sprintf($kinds{$kind}, $table);
			attempt(escalate => "$kind on $table",
				$old . code($how->{marker}) . "$make;\n\\connect \"$superuser\"\n$maintenance$work\n\\connect \"$owner\"\nSET client_min_messages = error; ALTER TABLE propstreet.$table NO FORCE ROW LEVEL SECURITY; ALTER TABLE propstreet.$table DROP COLUMN IF EXISTS evil; DROP SCHEMA evil CASCADE");
		}
	}
	foreach my $table (@written)
	{
		attempt(escalate => "a view in the place of $table",
			code($how->{marker}) . "ALTER TABLE propstreet.$table RENAME TO real_table; CREATE VIEW propstreet.$table AS SELECT * FROM propstreet.real_table WHERE evil.truth();
			\n\\connect \"$superuser\"\n$maintenance$work\n\\connect \"$owner\"\nDROP VIEW propstreet.$table CASCADE; ALTER TABLE propstreet.real_table RENAME TO $table; DROP SCHEMA evil CASCADE");
		attempt(escalate => "a table that inherits from $table",
			code($how->{marker}) . "CREATE TABLE evil.child () INHERITS (propstreet.$table); CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON evil.child FOR EACH ROW EXECUTE FUNCTION evil.changed(); ALTER TABLE evil.child ADD CHECK (evil.truth()) NOT VALID;
			INSERT INTO evil.child SELECT * FROM ONLY propstreet.$table LIMIT 1;
			\n\\connect \"$superuser\"\n$maintenance$work\n\\connect \"$owner\"\nSET client_min_messages = error; DROP SCHEMA evil CASCADE");
	}
	my %functions = (
		'an operator = in the schema' => 'CREATE FUNCTION propstreet.o(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM evil.take(); RETURN true; END$$; CREATE OPERATOR propstreet.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = propstreet.o)',
		'an operator <> in the schema' => 'CREATE FUNCTION propstreet.o(text[], text[]) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM evil.take(); RETURN true; END$$; CREATE OPERATOR propstreet.<> (LEFTARG = text[], RIGHTARG = text[], FUNCTION = propstreet.o)',
		'table_version() that runs' => 'CREATE OR REPLACE FUNCTION propstreet.table_version() RETURNS integer LANGUAGE plpgsql AS $$BEGIN PERFORM evil.take(); RETURN 0; END$$',
		'another operation' => 'CREATE FUNCTION propstreet.project_create(name) RETURNS json LANGUAGE plpgsql AS $$BEGIN PERFORM evil.take(); RETURN NULL; END$$',
		'operations()' => 'CREATE FUNCTION propstreet.operations(integer DEFAULT 1) RETURNS SETOF regprocedure LANGUAGE plpgsql AS $$BEGIN PERFORM evil.take(); END$$',
		'install_1()' => 'CREATE OR REPLACE FUNCTION propstreet.install_1() RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM evil.take(); RETURN NULL; END$$',
		'a member less' => 'ALTER EXTENSION propstreet DROP FUNCTION propstreet.purge()', 'a function of the extension' => 'ALTER FUNCTION propstreet.purge() SECURITY INVOKER SET search_path = evil', 'dropped function' => 'DROP FUNCTION propstreet.purge() CASCADE',
		'a function in the api' => 'CREATE OR REPLACE FUNCTION propstreet_api.handle(bytea) RETURNS propstreet_api."*/*" LANGUAGE plpgsql AS $$BEGIN PERFORM evil.take(); RETURN NULL; END$$',
		'an index operator class' => 'CREATE FUNCTION propstreet.c(bigint, bigint) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM evil.take(); RETURN pg_catalog.btint8cmp($1, $2); END$$; CREATE OPERATOR CLASS propstreet.c FOR TYPE bigint USING btree AS FUNCTION 1 propstreet.c(bigint, bigint)',
		'a cast' => 'CREATE FUNCTION propstreet.c(propstreet.external_ref) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN PERFORM evil.take(); RETURN 1; END$$; CREATE CAST (propstreet.external_ref AS bigint) WITH FUNCTION propstreet.c(propstreet.external_ref) AS IMPLICIT',
		'a search_path of the database' => "ALTER DATABASE owned SET search_path = evil, pg_catalog", 'a search_path of the role' => 'ALTER ROLE owner SET search_path = evil, pg_catalog',
		'the schema renamed' => 'ALTER SCHEMA propstreet RENAME TO p; CREATE SCHEMA propstreet; CREATE TABLE propstreet.event (tenant_id bigint, x text DEFAULT evil.text())');
	foreach my $name (sort keys %functions)
	{
		attempt(escalate => $name, code($how->{marker}) . "$functions{$name};\n\\connect \"$superuser\"\n$maintenance$work\n\\connect \"$owner\"\nSET client_min_messages = error; ALTER DATABASE owned RESET ALL; ALTER ROLE owner RESET ALL; DO \$\$BEGIN IF to_regnamespace('p') IS NOT NULL THEN DROP SCHEMA propstreet CASCADE; ALTER SCHEMA p RENAME TO propstreet; END IF; END\$\$; DROP SCHEMA evil CASCADE;
			DROP FUNCTION IF EXISTS propstreet.o(bigint, bigint), propstreet.o(text[], text[]), propstreet.project_create(name), propstreet.operations(integer), propstreet.c(propstreet.external_ref), propstreet.c(bigint, bigint) CASCADE");
	}
	return;
}

# ---- tables that are not as they should be ----

sub bad_tables
{
	my ($node, $how) = @_;
	my $begin = "\\set ON_ERROR_ROLLBACK on\nBEGIN;\nSELECT propstreet.set_tenant(1);\n";

	foreach my $table (@tables)
	{
		my @columns = columns_of($node, $table);
		my $empty = "ALTER TABLE propstreet.$table DISABLE TRIGGER USER;\nUPDATE propstreet.$table SET %s = NULL;\nALTER TABLE propstreet.$table ENABLE TRIGGER USER;\n";

		foreach my $column (columns_of($node, $table, 1))
		{
			my $nullable = "ALTER TABLE propstreet.$table ALTER $column DROP IDENTITY IF EXISTS;\nALTER TABLE propstreet.$table ALTER $column DROP NOT NULL;\n";

			attempt(crash => "nulls in $table.$column", $begin . $nullable . sprintf($empty, $column) . "$work\n$plain\nSELECT * FROM propstreet.check(); SELECT propstreet.purge();");
			attempt(crash => "nulls in $table.$column, without constraints",
				qq{${begin}SELECT format('ALTER TABLE propstreet.$table DROP CONSTRAINT %I CASCADE', conname) FROM pg_constraint WHERE conrelid = 'propstreet.$table'::regclass AND contype IN ('p', 'u', 'c') ORDER BY contype \\gexec\n}
				. $nullable . sprintf($empty, $column) . "$work\n$plain\nSELECT * FROM propstreet.check(); SELECT propstreet.purge();");
			attempt(crash => "a view in the place of $table with null $column", "${begin}ALTER TABLE propstreet.$table RENAME TO real_table; CREATE VIEW propstreet.$table AS SELECT "
				. join(', ', map { $_ eq $column ? "nullif($_, $_) AS $_" : $_ } @columns) . " FROM propstreet.real_table;\n$work\nSELECT propstreet.purge();");
		}
		foreach my $column (@columns)
		{
			attempt(crash => "$table.$column of another type", "${begin}ALTER TABLE propstreet.$table DISABLE TRIGGER USER; ALTER TABLE propstreet.$table DROP COLUMN $column CASCADE; ALTER TABLE propstreet.$table ADD COLUMN $column bigint DEFAULT 99; ALTER TABLE propstreet.$table ENABLE TRIGGER USER;\n$work\n$plain");
		}
	}
	foreach my $type ('price', 'price_range', 'external_ref', 'etag', 'project_status', 'project_classification', 'teaser_stage', 'mandate', 'asset_type', 'prospect_classification', 'response')
	{
		my %forms = ('a domain of bigint' => 'CREATE DOMAIN propstreet.%s AS bigint', 'a domain of text' => 'CREATE DOMAIN propstreet.%s AS text', 'a domain of uuid' => 'CREATE DOMAIN propstreet.%s AS uuid', 'an enum' => q{CREATE TYPE propstreet.%s AS ENUM ('x')}, 'a composite type' => 'CREATE TYPE propstreet.%s AS (x bigint)', 'a shell' => 'CREATE TYPE propstreet.%s', 'a domain of the real one' => 'CREATE DOMAIN propstreet.%1$s AS p.%1$s');
		foreach my $form (sort keys %forms)
		{
			my @others = map { "CREATE DOMAIN propstreet.$_ AS p.$_" } grep { $_ ne $type } ('price', 'price_range', 'external_ref', 'etag', 'asset_type', 'mandate', 'teaser_stage', 'project_status', 'project_classification', 'prospect_classification');
			my $start = "ALTER SCHEMA propstreet RENAME TO p; CREATE SCHEMA propstreet; " . sprintf($forms{$form}, $type) . "; " . join('; ', @others) . ";\n";
			my $use = q{CREATE TABLE propstreet.project AS SELECT * FROM p.project LIMIT 1; ALTER TABLE propstreet.project DROP COLUMN } . ($type =~ /^project_(.*)/ ? $1 : $type =~ /external_ref/ ? 'external_refs' : $type) . qq{;
				ALTER TABLE propstreet.project ADD COLUMN } . ($type =~ /^project_(.*)/ ? $1 : $type =~ /external_ref/ ? 'external_refs' : $type) . " propstreet.$type" . ($type =~ /external_ref/ ? '[]' : '') . ";\n"
				. q{UPDATE propstreet.project SET } . ($type =~ /^project_(.*)/ ? $1 : $type) . q{ = '99';
				SELECT p.project_json(t) FROM propstreet.project AS t; SELECT p.project_json(t) FROM p.project AS t; SELECT p.project_create('{"name": "x", "price": {"value": 1, "currency": "SEK"}}'); SELECT p.project_list(); SELECT p.handle('GET', '/api/v1/projects'); SELECT p.sum(price), p.max(price) FROM p.project;
				SELECT '1 SEK'::p.price::json; SELECT 'a:b'::p.external_ref;};
			attempt(crash => "$form named as ours: $type", "\\set ON_ERROR_ROLLBACK on\n\\connect\nBEGIN;\nSELECT propstreet.set_tenant(1);\n$start$use");
			attempt(crash => "$form named as ours after use: $type", "$begin SELECT propstreet.project_list(), propstreet.project_json(t) FROM propstreet.project AS t LIMIT 1;\n$start$use");
		}
	}
	foreach my $shown (grep { /webhook/ } @tables)
	{
		foreach my $constraint ('ADD CHECK (tenant_id <> 1) NOT VALID', 'ADD COLUMN needed text NOT NULL DEFAULT 1, ALTER needed DROP DEFAULT', 'ALTER name SET NOT NULL', 'ADD CHECK (false) NOT VALID', 'ADD COLUMN one integer DEFAULT 1 CHECK (one = 2) NOT VALID')
		{
			foreach my $call (q{propstreet.webhook_create('{"url": "https://hooks.invalid/s", "events": ["project.created"]}')}, 'propstreet.webhook_rotate_secret((SELECT min(id) FROM propstreet.webhook WHERE tenant_id = 1))',
				q{propstreet.handle('POST', '/api/v1/webhooks', '{"Content-Type": "application/json"}', '{"url": "https://hooks.invalid/s", "events": ["project.created"]}')})
			{
				attempt(read => "a secret in an error: $shown $constraint, " . substr($call, 11, 16), "$begin UPDATE propstreet.webhook SET name = NULL WHERE false; ALTER TABLE propstreet.$shown $constraint;\nSELECT 1 FROM $call AS r WHERE r::text !~ 'whsec' OR r::text ~ 'Failing';", qr/\A(?!.*whsec_)/s);
			}
		}
	}
	return;
}

# ---- tables that a superuser has installed ----

sub installed_by_superuser
{
	my ($node, $how) = @_;

	foreach my $table ('event', 'webhook_delivery', 'idempotency_key', 'project_external_ref', 'project')
	{
		my $definition = $node->safe_psql('owned', "SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)) || CASE WHEN attname = 'id' THEN ' GENERATED BY DEFAULT AS IDENTITY' ELSE '' END, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'propstreet.$table'::regclass AND attnum > 0");
		my $script = "CREATE EXTENSION propstreet;\n\\connect - $how->{postgres}\nSELECT propstreet.install(); SELECT propstreet.grant_to('app');\n\\connect - owner\n" . code($how->{marker})
		  . "DROP TABLE propstreet.$table CASCADE; CREATE TABLE propstreet.$table ($definition); GRANT ALL ON propstreet.$table TO PUBLIC; CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON propstreet.$table FOR EACH ROW EXECUTE FUNCTION evil.changed();
			CREATE SCHEMA mine; GRANT USAGE ON SCHEMA mine TO PUBLIC; $working\n\\connect - app\n$work\n\\connect - $how->{postgres}\n$maintenance\n\\connect - owner\nSELECT propstreet.set_tenant(1);\n$work\n\\c template1 $how->{postgres}\nDROP DATABASE again WITH (FORCE); CREATE DATABASE again OWNER owner;\n\\c again owner\n";

		attempt(escalate => "$table made again where a superuser has installed", $script);
	}
	return;
}

sub owner
{
	my ($node, $how) = @_;
	my $secrets;
	my $again = sub {
		unlink $how->{marker};
		$node->safe_psql('template1', 'ALTER ROLE owner NOSUPERUSER NOCREATEROLE NOCREATEDB; ALTER ROLE owner RESET ALL');
		$node->safe_psql('template1', 'DROP DATABASE IF EXISTS owned WITH (FORCE)');
		$node->safe_psql('template1', 'CREATE DATABASE owned TEMPLATE prepared OWNER owner');
	};

	$node->safe_psql('template1', 'CREATE DATABASE prepared OWNER owner');
	$node->safe_psql('template1', 'CREATE DATABASE again OWNER owner');
	$how->{install}->('prepared', 5);
	$node->safe_psql('prepared', $working);
	$again->();
	@tables = split(/\n/, $node->safe_psql('owned', q{SELECT relname FROM pg_class WHERE relnamespace = 'propstreet'::regnamespace AND relkind = 'r' ORDER BY 1}));
	own_code($node, $how);
	attack('owner', $node, { connect => $how->{connection}->('owner', 'owned'), secrets => 'LEAK', state => $how->{state}, restore => $again, part => 10 });
	bad_tables($node, $how);
	attack('owner', $node, { connect => $how->{connection}->('owner', 'owned'), secrets => 'LEAK', state => $how->{state}, restore => $again, part => 100 });
	installed_by_superuser($node, $how);
	attack('owner', $node, { connect => $how->{connection}->('owner', 'again'), secrets => 'LEAK', state => $how->{state}, restore => $again, part => 1 });
	by_worker($node, $how);
	return;
}

# ---- what the worker runs ----

sub by_worker
{
	my ($node, $how) = @_;
	my $owner = $how->{connection}->('owner', 'worked');
	my %kinds = (
		'triggers' => 'CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON propstreet.%s FOR EACH ROW EXECUTE FUNCTION evil.changed()',
		'deferred triggers' => 'CREATE CONSTRAINT TRIGGER t AFTER INSERT OR UPDATE OR DELETE ON propstreet.%s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil.changed()',
		'constraints' => 'ALTER TABLE propstreet.%s ADD CONSTRAINT evil CHECK (evil.truth())',
		'policies' => 'ALTER TABLE propstreet.%1$s FORCE ROW LEVEL SECURITY; CREATE POLICY evil ON propstreet.%1$s USING (evil.truth())',
		'indexes' => 'CREATE INDEX evil_%1$s ON propstreet.%1$s ((evil.truth(tenant_id)))',
		'views' => 'ALTER TABLE propstreet.%1$s RENAME TO real_%1$s; CREATE VIEW propstreet.%1$s AS SELECT * FROM propstreet.real_%1$s WHERE evil.truth()');

	$node->safe_psql('template1', 'CREATE DATABASE worked TEMPLATE prepared OWNER owner');
	$node->poll_query_until('template1', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'worked' AND backend_type = 'propstreet webhooks'});
	$node->safe_psql('worked', q{SET propstreet.tenant_id = 1; SELECT propstreet.webhook_create('{"url": "http://127.0.0.1:1/", "events": ["project.created"]}')});
	foreach my $kind (sort keys %kinds)
	{
		my @which = grep { $kind ne 'views' || /webhook|event/ } @tables;
		my $undo = join(' ', map { $kind eq 'views' ? "DROP VIEW propstreet.$_ CASCADE; ALTER TABLE propstreet.real_$_ RENAME TO $_;" : "ALTER TABLE propstreet.$_ NO FORCE ROW LEVEL SECURITY;" } @which);

		attempt(escalate => "the worker meets $kind", code($how->{marker}) . join(';', map { sprintf($kinds{$kind}, $_) } @which) . ";\nSELECT propstreet.set_tenant(1);\n"
			. "INSERT INTO propstreet.project (name) SELECT 'w' FROM generate_series(1, 3); SELECT propstreet.webhook_test(id) FROM propstreet.webhook WHERE tenant_id = 1;\nSELECT pg_sleep(0.5);\nSET client_min_messages = error; DROP SCHEMA evil CASCADE; $undo");
	}
	attack('owner', $node, { connect => $owner, secrets => 'LEAK', part => 1,
		state => sub { $how->{state}->() . ' own code as a superuser: ' . (() = slurp_file($node->logfile) =~ /WARNING:  LEAK/g) },
		restore => sub { unlink $how->{marker}; $node->safe_psql('template1', 'ALTER ROLE owner NOSUPERUSER') } });
	return;
}

1;
