
# A dump of a filled database restores row for row, with what its users have added; a
# data-only one into fresh tables, under propstreet.restore.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
my $dump = $PostgreSQL::Test::Utils::tmp_check;
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;

# Everything in the tables, and where their sequences stand
sub contents
{
	my ($database) = @_;
	my $tables = $node->safe_psql($database, q{
		SELECT oid::regclass FROM pg_class WHERE relnamespace = 'propstreet'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1::text});
	my %contents;

	foreach my $table (split /\n/, $tables)
	{
		$contents{$table} = $node->safe_psql($database, "SELECT t FROM $table AS t ORDER BY t::text");
	}
	$contents{sequences} = $node->safe_psql($database, q{
		SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'propstreet' ORDER BY 1});
	return \%contents;
}

# ETags and documents as clients see them
sub documents
{
	return $node->safe_psql($_[0], q{
		SELECT etag, resource FROM propstreet.project_delta ORDER BY tenant_id, id;
		SELECT etag, resource FROM propstreet.prospect_delta ORDER BY tenant_id, id});
}

# A whole dump as text, without what is different in each
sub text_of
{
	my ($stdout, $stderr) = run_command([ 'pg_dump', '-d', $node->connstr($_[0]) ]);

	$stdout =~ s/^\\(un)?restrict .*$//mg;
	return $stdout;
}

# ---- a filled database ----

$node->safe_psql('postgres', q{
	CREATE ROLE "db-owner" LOGIN;
	CREATE ROLE app LOGIN;
	CREATE ROLE pool LOGIN;
	ALTER ROLE app SET propstreet.tenant_id = '1';
	CREATE DATABASE source OWNER "db-owner";
});
$node->safe_psql('source', q{
	CREATE EXTENSION propstreet;
	SELECT propstreet.install();
	SELECT propstreet.grant_to('app'), propstreet.grant_to('pool');
	GRANT EXECUTE ON FUNCTION propstreet.set_tenant(bigint, boolean) TO pool;

	-- what a user has added
	SET search_path = public, propstreet;
	ALTER TABLE propstreet.project ADD COLUMN note text, ADD COLUMN length integer GENERATED ALWAYS AS (char_length(name)) STORED;
	ALTER TABLE propstreet.prospect ADD COLUMN rating integer DEFAULT 3;
	CREATE INDEX project_note ON propstreet.project (tenant_id, note);
	CREATE VIEW public.expensive AS SELECT id, name FROM propstreet.project WHERE price > '1 millions SEK';
	CREATE FUNCTION public.annotate() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
		AS $$BEGIN NEW.note := 'annotated'; RETURN NEW; END$$;
	CREATE TRIGGER annotate BEFORE INSERT ON propstreet.project FOR EACH ROW EXECUTE FUNCTION public.annotate();
	CREATE TABLE public.offer (id bigint PRIMARY KEY, bid propstreet.price CHECK (bid > '0 SEK'), project_tenant bigint, project_id bigint,
		FOREIGN KEY (project_tenant, project_id) REFERENCES propstreet.project);
	CREATE INDEX offer_bid ON public.offer (bid);
	GRANT UPDATE (rating) ON propstreet.prospect TO pool;
	INSERT INTO propstreet.webhook (tenant_id, id, url, events, created_utc, updated_utc)
		VALUES (1, 1000, 'https://example.com/', '{project.created}', now(), now());
	INSERT INTO propstreet.webhook_secret (tenant_id, webhook_id, secret) VALUES (1, 1000, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
});
my $fill = q{
	INSERT INTO propstreet.company (name, tags, blocked) VALUES ('Acme', '{fund, "two words"}', false), ('Blocked', '{}', true);
	INSERT INTO propstreet.contact (company_id, name, email, tags) SELECT min(id), E'Ada "\\ \n\t', 'ada@example.com', '{tier-1}' FROM propstreet.company;
	INSERT INTO propstreet.contact (name, tags) VALUES ('Bo', '{}'), ('Cy', '{c}');
	INSERT INTO propstreet.investment_strategy (contact_id, asset_types, budget)
		SELECT id, '{single}', '1..9 millions SEK' FROM propstreet.contact WHERE name = 'Cy';
	INSERT INTO propstreet.property (profile) VALUES ('{"city": "Malm\u00f6", "area": 1.50}');
	SELECT propstreet.project_create('{"name": "Full \u00e5", "asset": {"type": "portfolio", "propertyCount": 5}, "mandate": "exclusive",
		"classification": "active", "price": {"value": 150.5, "currency": "SEK", "scale": "millions"},
		"priceRange": {"min": 0.15, "currency": "EUR", "scale": "billions"},
		"externalRefs": [{"namespace": "hubspot", "id": "Deal:1"}, {"namespace": "crm", "id": "a b"}]}', 'key-1');
	SELECT propstreet.project_create('{"name": "Communicated", "price": {"value": 2, "currency": "SEK", "scale": "millions"}}');
	SELECT propstreet.project_create('{"name": "Deleted", "externalRefs": [{"namespace": "crm", "id": "gone"}]}');
	SELECT propstreet.project_create('{"name": "Closed"}');
	INSERT INTO propstreet.project_property (project_id, property_id)
		SELECT p.id, q.id FROM propstreet.project AS p, propstreet.property AS q WHERE p.name = 'Closed';
	SELECT propstreet.project_close(id, '[{"b": 1.10,  "a": "x"}]') FROM propstreet.project WHERE name = 'Closed';
	SELECT propstreet.prospect_add(p.id, json_build_object('contactId', c.id::text, 'externalRefs', '[{"namespace": "crm", "id": "r"}]'::json))
		FROM propstreet.project AS p, propstreet.contact AS c WHERE c.name = 'Bo';
	SELECT propstreet.prospect_add(p.id, json_build_object('companyId', c.id::text))
		FROM propstreet.project AS p, propstreet.company AS c WHERE p.name = 'Communicated' AND c.name = 'Acme';
	SELECT propstreet.teaser_advance(id, 'published') FROM propstreet.project WHERE name = 'Communicated';
	SELECT propstreet.teaser_communicate(id, '2100-01-01') FROM propstreet.project WHERE name = 'Communicated';
	SELECT propstreet.teaser_accept(project_id, id) FROM propstreet.prospect WHERE deadline_utc IS NOT NULL;
	SELECT propstreet.prospect_remove(project_id, id) FROM propstreet.prospect WHERE contact_id IS NULL;
	SELECT propstreet.project_delete(id) FROM propstreet.project WHERE name = 'Deleted';
	UPDATE propstreet.project SET name = 'Renamed' WHERE name = 'Communicated';
	UPDATE propstreet.prospect SET rating = 5 WHERE accepted_utc IS NOT NULL;
	UPDATE propstreet.contact SET tags = '{changed}' WHERE name = 'Bo';
};
$node->safe_psql('source', "SELECT propstreet.set_tenant($_);\n$fill", extra_params => [ '-U', 'pool' ]) foreach (1, 2);
$node->safe_psql('source', q{
	-- stored when the currency was still one
	SET propstreet.restore = on;
	INSERT INTO propstreet.project (tenant_id, name, price, price_range, created_utc, updated_utc, revision)
		VALUES (1, 'Old', '5 thousands DEM', '1..2 DEM', '1999-01-01Z', '2000-02-03 04:05:06.789012Z', 7);
	RESET propstreet.restore;
	INSERT INTO public.offer VALUES (1, '3 millions SEK', 1, 1), (2, '0.1 billions SEK', 2, NULL);
});
is($node->safe_psql('source', 'SELECT * FROM propstreet.check()'), '', 'nothing contradicts in the source');
is($node->safe_psql('source', 'SELECT count(*) FILTER (WHERE accepted_utc IS NOT NULL), count(deleted_utc) FROM propstreet.prospect'), '2|2',
	'accepted and removed prospects');

my $contents = contents('source');
my $documents = documents('source');
my $text = text_of('source');
foreach my $table (sort keys %$contents)
{
	isnt($contents->{$table}, '', "$table is not empty");
}

# ---- what holds after every way of restoring ----

sub test_restored
{
	my ($database, $whole) = @_;
	my $restored = contents($database);

	foreach my $table (sort keys %$contents)
	{
		is($restored->{$table}, $contents->{$table}, "$database: $table");
	}
	is(documents($database), $documents, "$database: ETags and documents");
	is($node->safe_psql($database, 'SELECT * FROM propstreet.check()'), '', "$database: nothing contradicts");
	is($node->safe_psql($database, 'SELECT propstreet.install(), propstreet.table_version()'), '1|1', "$database: install() has nothing to do");
	is_deeply(contents($database), $restored, "$database: install() has no effect");
	if ($whole)
	{
		is(text_of($database), $text, "$database: dumps the same again");
		is($node->safe_psql($database, q{SELECT count(*) FROM pg_indexes WHERE indexname IN ('project_note', 'offer_bid')}), '2', "$database: a user's indexes");
		is($node->safe_psql($database, q{SELECT propstreet.set_tenant(1); SELECT propstreet.project_create('{"name": "New"}') IS NULL;
				SELECT note, length FROM propstreet.project WHERE name = 'New'}), "\nf\nannotated|3", "$database: a user's trigger and columns");
	}
	# Identities go on
	is($node->safe_psql($database, q{SELECT propstreet.set_tenant(2);
			INSERT INTO propstreet.company (name) VALUES ('New') RETURNING id = (SELECT max(id) + 1 FROM propstreet.company)}), "\nt", "$database: identities");
	# Triggers
	is($node->safe_psql($database, q{SELECT propstreet.set_tenant(1);
			UPDATE propstreet.project SET name = 'Newer' WHERE name = 'Old' AND tenant_id = 1 RETURNING revision, updated_utc > now() - interval '1 day', price;
			UPDATE propstreet.contact SET tags = '{again}' WHERE name = 'Bo' AND tenant_id = 1;
			SELECT DISTINCT r.tags FROM propstreet.prospect AS r, propstreet.contact AS c WHERE c.name = 'Bo' AND r.contact_id = c.id AND r.tenant_id = 1 AND r.deleted_utc IS NULL;
			SELECT propstreet.project_find('crm', 'a b')->>'name'}), "\n8|t|5 thousands DEM\n{again}\nFull \xc3\xa5", "$database: triggers");
	my ($stdout, $stderr);
	$node->psql($database, q{SET propstreet.tenant_id = '1'; SELECT propstreet.project_create('{"name": "x", "externalRefs": [{"namespace": "crm", "id": "a b"}]}')},
		stderr => \$stderr);
	like($stderr, qr/External reference crm:a b is already used/, "$database: references are taken");
	$node->psql($database, q{UPDATE propstreet.project SET price = '6 DEM' WHERE name = 'Newer'}, stderr => \$stderr);
	like($stderr, qr/DEM.*not an active currency/, "$database: a withdrawn currency is nothing to write");
	is($node->safe_psql($database, 'SELECT * FROM propstreet.check()'), '', "$database: nothing contradicts in the end");

	# An application role can go on
	if ($whole)
	{
		is($node->safe_psql($database, q{SELECT propstreet.project_update(id, '{"mandate": "other"}')->>'mandate' FROM propstreet.project WHERE name = 'Renamed'},
			extra_params => [ '-U', 'app' ]), 'other', "$database: an application role's rights");
		is($node->safe_psql($database, 'SELECT propstreet.set_tenant(2); SELECT DISTINCT tenant_id FROM propstreet.project',
			extra_params => [ '-U', 'pool' ]), "\n2", "$database: a pool's rights");
	}
	return;
}

sub create_database
{
	my ($name, $owner) = @_;

	$node->safe_psql('postgres', qq{CREATE DATABASE $name OWNER "} . ($owner // 'postgres') . '"');
}

# ---- whole dumps ----

command_ok([ 'pg_dump', '-Fc', '-f', "$dump/custom", '-d', $node->connstr('source') ], 'pg_dump, custom');
create_database('custom');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('custom'), "$dump/custom" ], 'pg_restore');
test_restored('custom', 'whole');

create_database('jobs');
command_ok([ 'pg_restore', '--exit-on-error', '-j', '2', '-d', $node->connstr('jobs'), "$dump/custom" ], 'pg_restore with two jobs');
test_restored('jobs', 'whole');

command_ok([ 'pg_dump', '-f', "$dump/plain", '-d', $node->connstr('source') ], 'pg_dump, plain');
create_database('plain');
command_ok([ 'psql', '-X', '-q', '-o', "$dump/out", '-v', 'ON_ERROR_STOP=1', '-f', "$dump/plain", '-d', $node->connstr('plain') ], 'psql');
test_restored('plain', 'whole');

# ---- data only, into fresh tables ----

command_ok([ 'pg_dump', '-Fc', '--data-only', '-f', "$dump/data", '-d', $node->connstr('source') ], 'pg_dump, data only');
command_ok([ 'pg_dump', '--data-only', '--column-inserts', '-n', 'propstreet', '-f', "$dump/inserts", '-d', $node->connstr('source') ], 'pg_dump, INSERTs');

sub create_fresh
{
	my ($name) = @_;

	create_database($name);
	$node->safe_psql($name, q{
		CREATE EXTENSION propstreet;
		SELECT propstreet.install();
		ALTER TABLE propstreet.project ADD COLUMN note text, ADD COLUMN length integer GENERATED ALWAYS AS (char_length(name)) STORED;
		ALTER TABLE propstreet.prospect ADD COLUMN rating integer DEFAULT 3;
		CREATE TABLE public.offer (id bigint PRIMARY KEY, bid propstreet.price, project_tenant bigint, project_id bigint);
	});
}

{
	local $ENV{PGOPTIONS} = '-c propstreet.restore=on';

	create_fresh('data');
	command_ok([ 'pg_restore', '--exit-on-error', '--data-only', '-d', $node->connstr('data'), "$dump/data" ], 'pg_restore, data only');
	create_fresh('inserts');
	command_ok([ 'psql', '-X', '-q', '-o', "$dump/out", '-v', 'ON_ERROR_STOP=1', '-f', "$dump/inserts", '-d', $node->connstr('inserts') ], 'psql, INSERTs');
}
test_restored('data');
test_restored('inserts');

# ---- an owner who is no superuser ----

create_database('owned', 'db-owner');
$node->safe_psql('owned', q{CREATE EXTENSION propstreet; SELECT propstreet.install(); SELECT propstreet.grant_to('app');
	GRANT EXECUTE ON FUNCTION propstreet.set_tenant(bigint, boolean) TO pool;
	SELECT propstreet.grant_to('pool');
	SELECT propstreet.set_tenant(1); SELECT propstreet.project_create('{"name": "Owned"}');
	CREATE TABLE public.copy AS SELECT 1 AS x}, extra_params => [ '-U', 'db-owner' ]);

my @as_owner = ('-U', 'db-owner');
command_ok([ 'pg_dump', '-Fc', '-f', "$dump/owned", '-d', $node->connstr('owned'), @as_owner ], 'pg_dump by an owner');
create_database('owned_again', 'db-owner');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('owned_again'), @as_owner, "$dump/owned" ], 'pg_restore by an owner');
create_database('owned_by_superuser');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('owned_by_superuser'), "$dump/owned" ], 'pg_restore by a superuser');
foreach my $database ('owned_again', 'owned_by_superuser')
{
	is($node->safe_psql($database, q{SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'propstreet'::regnamespace AND relkind <> 'c'}),
		'"db-owner"', "$database: owner");
	is($node->safe_psql($database, q{SELECT propstreet.project_update(id, '{"mandate": "other"}')->>'mandate' FROM propstreet.project},
		extra_params => [ '-U', 'app' ]), 'other', "$database: an application role's rights");
	is($node->safe_psql($database, 'SELECT propstreet.set_tenant(1); SELECT count(*) FROM propstreet.project',
		extra_params => [ '-U', 'pool' ]), "\n1", "$database: a pool's rights");
	is($node->safe_psql($database, q{SELECT propstreet.install(); SELECT propstreet.grant_to('app'); SELECT * FROM propstreet.check()}, extra_params => \@as_owner), "1\n",
		"$database: the owner's rights");
}

# ---- the data outlive the extension's end ----

my $stderr;
isnt($node->psql('source', 'DROP EXTENSION propstreet', stderr => \$stderr), 0, 'DROP EXTENSION refuses');
like($stderr, qr/cannot drop extension propstreet because other objects depend on it.*table propstreet\.project depends on/s, 'it says why');
is_deeply(contents('source'), $contents, 'nothing is lost');

# ---- an index of references that says more than the rows ----

$node->safe_psql('data', q{
	SET propstreet.tenant_id = '1';
	INSERT INTO propstreet.project (name) VALUES ('Stale');
	INSERT INTO propstreet.project_external_ref (tenant_id, project_id, external_ref) SELECT 1, id, 'crm:stale' FROM propstreet.project WHERE name = 'Stale';
});
like($node->safe_psql('data', 'SELECT problem FROM propstreet.check()'), qr/crm:stale is only in project_external_ref/, 'check() finds it');
is($node->safe_psql('data', q{SET statement_timeout = '10s'; UPDATE propstreet.project SET external_refs = '{crm:stale}' WHERE name = 'Stale' RETURNING external_refs}),
	'{crm:stale}', 'a reference that is there already is no conflict');
is($node->safe_psql('data', 'SELECT problem FROM propstreet.check()'), '', 'nothing contradicts any more');

$node->stop;
done_testing();
