
# The extension and the tables belong to the owner of the database, who is no superuser:
# everything works, and nobody gets the owner's rights by it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('owner');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;

# The owner's name is one that needs quotes
$node->safe_psql('postgres', q{
	CREATE ROLE "50% owner" LOGIN;
	CREATE ROLE app LOGIN;
	CREATE ROLE pool LOGIN;
	CREATE ROLE stranger LOGIN;
	CREATE ROLE evil LOGIN;
	CREATE DATABASE app OWNER "50% owner";
	CREATE DATABASE squatted OWNER "50% owner";
});

sub as
{
	my ($role, $sql, $database) = @_;
	my ($stdout, $stderr);

	$node->psql($database // 'app', "\\set VERBOSITY verbose\n$sql",
		stdout => \$stdout, stderr => \$stderr, on_error_stop => 0, extra_params => [ '-U', $role ]);
	return ($stdout, $stderr);
}

# What a role gets
sub gives
{
	my ($name, $role, $sql, $expected) = @_;
	my ($stdout, $stderr) = as($role, $sql);

	is($stdout, $expected, $name) or diag($stderr);
	is($stderr, '', "$name: no error");
}

# How it fails
sub fails
{
	my ($name, $role, $sql, $expected, $database) = @_;
	my (undef, $stderr) = as($role, $sql, $database);

	like($stderr, $expected, $name);
}

# ---- before there is anything ----

fails('no extension without rights', 'stranger', 'CREATE EXTENSION propstreet', qr/ERROR:  42501/);
as('50% owner', 'CREATE EXTENSION propstreet');
fails('operations before install() say what to do', '50% owner',
	q{SELECT propstreet.set_tenant(1); SELECT propstreet.project_create('{"name": "early"}')},
	qr/55000.*not installed in this database.*HINT:  Run SELECT propstreet.install\(\)/s);
fails('so do triggers on other tables', '50% owner', q{
		CREATE TABLE public.early (id bigint);
		CREATE TRIGGER t BEFORE INSERT ON public.early FOR EACH ROW EXECUTE FUNCTION propstreet.project_stamp();
		INSERT INTO public.early VALUES (1)}, qr/ERROR:  (39P01|55000)/);
as('50% owner', 'DROP TABLE public.early; GRANT USAGE ON SCHEMA propstreet TO stranger');
fails('install() needs its right', 'stranger', 'SELECT propstreet.install()', qr/42501.*permission denied for function install/);
as('50% owner', 'GRANT EXECUTE ON FUNCTION propstreet.install() TO stranger');
fails('install() needs the right to create', 'stranger', 'SELECT propstreet.install()', qr/42501: schema propstreet belongs to role/);
as('50% owner', 'REVOKE EXECUTE ON FUNCTION propstreet.install() FROM stranger; REVOKE USAGE ON SCHEMA propstreet FROM stranger');
gives('install()', '50% owner', 'SELECT propstreet.install()', '1');
gives('install() again', '50% owner', 'SELECT propstreet.install()', '1');
gives('install() by a superuser', 'postgres', 'SELECT propstreet.install()', '1');

# ---- whose is what ----

is($node->safe_psql('app', q{SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'propstreet'::regnamespace AND relkind <> 'c'}),
	'"50% owner"', 'tables, indexes, sequences and views are the installer\'s');
is($node->safe_psql('app', q{SELECT nspowner::regrole FROM pg_namespace WHERE nspname = 'propstreet'}), '"50% owner"', 'so is the schema');
is($node->safe_psql('app', q{SELECT extowner::regrole FROM pg_extension WHERE extname = 'propstreet'}), '"50% owner"', 'and the extension');
is($node->safe_psql('app', q{SELECT string_agg(oid::regprocedure::text, ' ') FROM pg_proc WHERE pronamespace = 'propstreet'::regnamespace AND proowner = '"50% owner"'::regrole}),
	'propstreet.table_version()', 'of functions, only the version of the tables');
is($node->safe_psql('app', q{SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e' AND classid = 'pg_class'::regclass}),
	'0', 'no table is a member of the extension');
is($node->safe_psql('app', q{
		SELECT string_agg(DISTINCT p.proname, ' ' ORDER BY p.proname)
		FROM pg_proc AS p, aclexplode(p.proacl) AS a
		WHERE p.pronamespace = 'propstreet'::regnamespace AND a.grantee = 0 AND p.prorettype = 'trigger'::regtype}), '',
	'no trigger function is for everybody');
is($node->safe_psql('app', q{
		SELECT string_agg(p.proname, ' ')
		FROM pg_proc AS p
		WHERE p.pronamespace = 'propstreet'::regnamespace AND has_function_privilege('stranger', p.oid, 'EXECUTE')
			AND (p.provolatile = 'v' OR p.prosecdef)}), '', 'nothing that writes is for everybody');

# ---- the typical workflow ----

as('50% owner', q{
	SELECT propstreet.grant_to('app'), propstreet.grant_to('evil');
	GRANT EXECUTE ON FUNCTION propstreet.set_tenant(bigint, boolean) TO pool;
	SELECT propstreet.grant_to('pool');
});
$node->safe_psql('postgres', q{ALTER ROLE app SET propstreet.tenant_id = '1'; ALTER ROLE evil SET propstreet.tenant_id = '3'});

my $workflow = q{
	\pset null null
	INSERT INTO propstreet.company (name, tags) VALUES ('Acme', '{fund}') RETURNING 'company ' || name;
	INSERT INTO propstreet.contact (company_id, name, tags) SELECT id, 'Ada', '{tier-1}' FROM propstreet.company RETURNING 'contact ' || name;
	INSERT INTO propstreet.contact (name) VALUES ('Bo');
	INSERT INTO propstreet.investment_strategy (contact_id, asset_types, budget)
		SELECT id, '{portfolio}', '100..200 millions SEK' FROM propstreet.contact WHERE name = 'Ada';
	INSERT INTO propstreet.property (profile) VALUES ('{"city": "Stockholm"}');
	SELECT p->>'name' AS name, p->>'id' AS project FROM propstreet.project_create('{"name": "Stockholm Office Portfolio",
		"asset": {"type": "portfolio", "propertyCount": 5}, "price": {"value": 150, "currency": "SEK", "scale": "millions"},
		"externalRefs": [{"namespace": "HubSpot", "id": "deal-1"}]}') AS p \gset
	SELECT :'name';
	INSERT INTO propstreet.project_property (project_id, property_id) SELECT :project, id FROM propstreet.property;
	SELECT propstreet.project_properties(:project)#>>'{data,0,city}';
	SELECT propstreet.project_find('hubspot', 'deal-1')->>'id' = :'project';
	SELECT propstreet.project_upsert('hubspot', 'deal-1', '{"mandate": "exclusive"}')->>'result';
	SELECT propstreet.project_update(:project, '{"name": "Renamed"}', '*')->>'name';
	SELECT propstreet.prospect_add(:project, json_build_object('contactId', id::text))->>'id' AS bo FROM propstreet.contact WHERE name = 'Bo' \gset
	SELECT propstreet.prospect_update(:project, :bo, '{"classification": "interested"}')->>'classification';
	SELECT propstreet.prospect_upsert(:project, 'crm', 'bo', json_build_object('contactId', contact_id::text))->>'result' FROM propstreet.prospect;
	SELECT propstreet.prospect_find(:project, 'crm', 'bo')->>'id' = :'bo';
	SELECT propstreet.teaser_advance(:project, 'verified')->'teaser'->>'stage';
	SELECT propstreet.teaser_communicate(:project, now() + interval '1 day')->'teaser'->>'stage';
	SELECT id AS ada FROM propstreet.prospect WHERE deadline_utc IS NOT NULL \gset
	SELECT propstreet.teaser_accept(:project, :ada)->'capabilities';
	UPDATE propstreet.contact SET tags = '{tier-2}' WHERE name = 'Ada';
	SELECT propstreet.prospect_get(:project, :ada)->'tags';
	SELECT propstreet.contact_projects(contact_id)#>>'{data,0,prospectCount}' FROM propstreet.prospect WHERE id = :ada;
	SELECT propstreet.company_projects(company_id)#>>'{data,0,name}' FROM propstreet.prospect WHERE id = :ada;
	UPDATE propstreet.project SET name = ' By SQL ';
	SELECT name, revision > 3 FROM propstreet.project;
	SELECT resource->>'name' FROM propstreet.project_delta;
	SELECT count(*) FROM propstreet.prospect_delta;
	SELECT propstreet.project_close(:project, '[{"buyer": "Acme"}]')->>'status';
	SELECT propstreet.project_reopen(:project)->>'status';
	SELECT propstreet.prospect_remove(:project, :bo);
	SELECT propstreet.project_delete(:project);
	SELECT count(*) FROM propstreet.project WHERE deleted_utc IS NULL;
};
my $answers = 'company Acme
contact Ada
Stockholm Office Portfolio
Stockholm
t
updated
Renamed
interested
updated
t
verified
communicated
["chat"]
["tier-2"]
2
Renamed
By SQL|t
By SQL
2
closed
open


0';
gives('the workflow, as a role that got grant_to()', 'app', $workflow, $answers);
gives('the workflow, as a pool with set_tenant()', 'pool', "SELECT propstreet.set_tenant(2);\n$workflow", "\n$answers");
gives('what they see', 'app', 'SELECT DISTINCT tenant_id FROM propstreet.prospect', '1');
gives('nothing contradicts', '50% owner', 'SELECT * FROM propstreet.check()', '');
gives('the owner sees all tenants', '50% owner', 'SELECT count(DISTINCT tenant_id) FROM propstreet.prospect', '2');
as('50% owner', 'TRUNCATE propstreet.project, propstreet.company, propstreet.contact, propstreet.property CASCADE');
gives('the workflow, as the owner', '50% owner', "SELECT propstreet.set_tenant(1);\n$workflow", "\n$answers");
as('50% owner', 'TRUNCATE propstreet.project, propstreet.company, propstreet.contact, propstreet.property CASCADE');
gives('the workflow, as a superuser', 'postgres', "SET propstreet.tenant_id = '1';\n$workflow", $answers);

# ---- what an application role must not ----

my %forbidden = (
	'DELETE' => 'DELETE FROM propstreet.project',
	'DELETE of prospects' => 'DELETE FROM propstreet.prospect',
	'TRUNCATE' => 'TRUNCATE propstreet.project CASCADE',
	'another tenant' => q{INSERT INTO propstreet.project (tenant_id, name) VALUES (2, 'x')},
	'an id' => q{INSERT INTO propstreet.project (id, name) VALUES (7, 'x')},
	'stamps' => 'UPDATE propstreet.project SET updated_utc = now()',
	'revision' => 'UPDATE propstreet.project SET revision = 1',
	'status' => q{UPDATE propstreet.project SET status = 'open'},
	'deletion' => 'UPDATE propstreet.project SET deleted_utc = NULL',
	'stages' => q{UPDATE propstreet.project SET teaser_stage = 'published'},
	'transactions' => q{UPDATE propstreet.project SET transactions = '[]'},
	'copies' => q{UPDATE propstreet.prospect SET tags = '{x}'},
	'acceptance' => 'UPDATE propstreet.prospect SET accepted_utc = now()',
	'keys' => 'UPDATE propstreet.prospect SET project_id = 1',
	'references' => 'SELECT * FROM propstreet.project_external_ref',
	'references of prospects' => 'DELETE FROM propstreet.prospect_external_ref',
	'a trigger' => 'CREATE TRIGGER t BEFORE INSERT ON propstreet.project FOR EACH ROW EXECUTE FUNCTION propstreet.project_stamp()',
	'no trigger' => 'ALTER TABLE propstreet.project DISABLE TRIGGER ALL',
	'no row-level security' => 'ALTER TABLE propstreet.project DISABLE ROW LEVEL SECURITY',
	'set_tenant()' => 'SELECT propstreet.set_tenant(2)',
	'install()' => 'SELECT propstreet.install()',
	'purge()' => 'SELECT propstreet.purge()',
	'grant_to()' => q{SELECT propstreet.grant_to('stranger')},
	'check()' => 'SELECT * FROM propstreet.check()',
	'restore' => 'SELECT propstreet.current_tenant(); SET propstreet.restore = on',
	'replication' => 'SET session_replication_role = replica',
	'another operation' => 'CREATE FUNCTION propstreet.project_get(text) RETURNS json LANGUAGE sql AS $$SELECT NULL::json$$',
);
foreach my $name (sort keys %forbidden)
{
	fails("an application role must not: $name", 'app', $forbidden{$name}, qr/ERROR:  42501/);
}
# Before the library is loaded nothing refuses a setting, but then it has no effect
gives('stamps are made', 'app', q{
		SET client_min_messages = error; SET propstreet.restore = on;
		INSERT INTO propstreet.project (name) VALUES ('x') RETURNING revision;
		UPDATE propstreet.project SET name = 'y' WHERE name = 'x' RETURNING revision}, "1\n2");
foreach my $function ('project_create(\'{"name": "x"}\')', 'project_get(1)', 'prospect_add(1, \'{}\')', 'contact_projects(1)', 'project_close(1)')
{
	fails("a stranger must not call $function", 'stranger', "SELECT propstreet.$function", qr/ERROR:  42501/);
}
fails('a stranger sees no table', 'stranger', 'SELECT * FROM propstreet.project', qr/ERROR:  42501/);

# ---- trigger functions act as the owner: only on the installed tables ----

as('50% owner', 'GRANT USAGE ON SCHEMA propstreet TO stranger; CREATE SCHEMA other; GRANT CREATE, USAGE ON SCHEMA other TO stranger, evil');
my @triggers = (
	[ 'project_stamp', 'BEFORE INSERT OR UPDATE', 'FOR EACH ROW' ],
	[ 'prospect_stamp', 'BEFORE INSERT OR UPDATE', 'FOR EACH ROW' ],
	[ 'project_changed', 'AFTER INSERT', 'REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT' ],
	[ 'prospect_changed', 'AFTER INSERT', 'REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT' ],
	[ 'contact_changed', 'AFTER UPDATE', 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT' ],
	[ 'company_changed', 'AFTER UPDATE', 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT' ]);
foreach my $trigger (@triggers)
{
	my ($function, $event, $how) = @$trigger;
	my $attach = "CREATE TRIGGER t $event ON other.%s $how EXECUTE FUNCTION propstreet.$function()";

	as('stranger', 'CREATE TABLE other.bait AS SELECT 1::bigint AS tenant_id, 1::bigint AS id');
	fails("a stranger can't attach $function()", 'stranger', sprintf($attach, 'bait'), qr/42501.*permission denied for function propstreet.$function/);
	# The owner may, but it refuses to work there, also on a table that looks the same
	as('50% owner', q{CREATE TABLE other.project (LIKE propstreet.project INCLUDING ALL); CREATE TABLE other.contact (LIKE propstreet.contact)});
	foreach my $table ('project', 'contact')
	{
		fails("nobody else's table fires $function(): $table", '50% owner', sprintf($attach, $table) . q{;
				INSERT INTO other.project (tenant_id, id, name, created_utc, updated_utc, revision) VALUES (1, 1, 'x', now(), now(), 1);
				INSERT INTO other.contact (tenant_id, id, name) VALUES (1, 1, 'x');
				UPDATE other.} . $table . q{ SET name = 'y'},
			qr/ERROR:  39P01:.*$function.*can only be used on the tables of propstreet/);
	}
	as('50% owner', 'DROP TABLE other.project, other.contact');
	as('stranger', 'DROP TABLE other.bait');
	fails("$function() is no function to call", '50% owner', "SELECT propstreet.$function()", qr/ERROR:  (39P01|0A000)/);
}
# A trigger function that is fired by a trigger of another kind
fails('stamping only before', '50% owner', q{BEGIN;
		CREATE TRIGGER zz AFTER INSERT ON propstreet.project FOR EACH ROW EXECUTE FUNCTION propstreet.project_stamp();
		INSERT INTO propstreet.project (tenant_id, name) VALUES (1, 'x'); ROLLBACK}, qr/ERROR:  39P01/);

# ---- hostile names: operations run as the owner, under the caller's search_path ----

# They do what their namesakes do, so that the work goes on, and leave a note of who ran them.
my $hostile = '';
my $note = 'INSERT INTO other.caught SELECT current_user';
my $functions = 0;

sub hostile_function
{
	my ($signature, $result) = @_;

	$hostile .= "CREATE FUNCTION other.$signature LANGUAGE plpgsql AS \$\$BEGIN $note; $result; END\$\$;\n";
}

sub hostile_operator
{
	my ($operator, $left, $right, $returns, $schema) = @_;
	my $name = 'hostile_' . ++$functions;

	hostile_function("$name($left, $right) RETURNS $returns", "RETURN \$1 OPERATOR($schema.$operator) \$2");
	$hostile .= "CREATE OPERATOR other.$operator (LEFTARG = $left, RIGHTARG = $right, FUNCTION = other.$name);\n";
}

foreach my $type ('bigint', 'integer', 'text', 'name', 'oid', 'boolean', 'timestamptz', 'bigint[]', 'text[]', 'anyenum', 'anyarray',
	'propstreet.external_ref', 'propstreet.price', 'propstreet.price_range', 'propstreet.asset_type', 'propstreet.project_status',
	'propstreet.external_ref[]', 'anyelement')
{
	my $schema = $type =~ /^propstreet\.(external_ref|price|price_range)$/ ? 'propstreet' : 'pg_catalog';

	hostile_operator($_, $type, $type, 'boolean', $schema) foreach ('=', '<>', '<', '>', '<=', '>=');
	next if $type =~ /^any|\[/;
	hostile_function("unnest($type\[]) RETURNS SETOF $type", 'RETURN QUERY SELECT * FROM pg_catalog.unnest($1)');
	hostile_function("array_position($type\[], $type) RETURNS integer", 'RETURN pg_catalog.array_position($1, $2)');
	hostile_function("max($type) RETURNS $type", 'RETURN $1');
	hostile_function("count($type) RETURNS bigint", 'RETURN 1');
}
hostile_operator('&&', 'propstreet.price_range', 'propstreet.price_range', 'boolean', 'propstreet');
hostile_operator('@>', 'propstreet.price_range', 'propstreet.price', 'boolean', 'propstreet');
hostile_operator('&&', 'text[]', 'text[]', 'boolean', 'pg_catalog');
hostile_operator('||', 'text', 'text', 'text', 'pg_catalog');
hostile_operator('~~', 'name', 'text', 'boolean', 'pg_catalog');
hostile_operator('->>', 'json', 'text', 'text', 'pg_catalog');
hostile_operator('-', 'jsonb', 'text', 'jsonb', 'pg_catalog');
hostile_operator('+', 'timestamptz', 'interval', 'timestamptz', 'pg_catalog');
hostile_function('current_tenant() RETURNS bigint', 'RETURN 1');
hostile_function('now() RETURNS timestamptz', 'RETURN pg_catalog.now()');
hostile_function('clock_timestamp() RETURNS timestamptz', 'RETURN pg_catalog.clock_timestamp()');
hostile_function('nextval(regclass) RETURNS bigint', 'RETURN pg_catalog.nextval($1)');
hostile_function('project_json(propstreet.project) RETURNS json', 'RETURN NULL');
hostile_function('prospect_json(propstreet.prospect) RETURNS json', 'RETURN NULL');
hostile_function('tags_valid(text[]) RETURNS boolean', 'RETURN true');
hostile_function('external_refs_valid(propstreet.external_ref[]) RETURNS boolean', 'RETURN true');
hostile_function('transactions_valid(json) RETURNS boolean', 'RETURN true');
hostile_function('etag(text, bigint, bigint, bigint, timestamptz) RETURNS propstreet.etag', 'RETURN NULL');
hostile_function('char_length(text) RETURNS integer', 'RETURN 1');
hostile_function('isfinite(timestamptz) RETURNS boolean', 'RETURN true');
hostile_function('format(text, text) RETURNS text', q{RETURN 'SELECT'});
hostile_function('format(text, name) RETURNS text', q{RETURN 'SELECT'});
hostile_function('to_regprocedure(text) RETURNS regprocedure', 'RETURN pg_catalog.to_regprocedure($1)');
hostile_function('operations() RETURNS SETOF regprocedure', 'RETURN');
hostile_function('table_version() RETURNS integer', 'RETURN 0');
$hostile .= "CREATE TABLE other.$_ (tenant_id bigint, id bigint, name text);\n"
  foreach ('project', 'prospect', 'contact', 'company', 'project_external_ref', 'prospect_external_ref', 'pg_class', 'pg_proc', 'pg_enum', 'pg_trigger');
$hostile .= "CREATE DOMAIN other.$_;\n" foreach ('int8 AS text', 'price AS text', 'external_ref AS text');

as('50% owner', 'GRANT USAGE ON SCHEMA other TO PUBLIC');
my (undef, $errors) = as('evil', "CREATE TABLE other.caught (role name); GRANT INSERT ON other.caught TO PUBLIC;\nSET search_path = pg_catalog;\n$hostile");
is($errors, '', 'hostile objects can be made');
as('evil', 'SET search_path = other, pg_catalog; SELECT 1::bigint = 1, unnest(ARRAY[1::bigint]), current_tenant()');
is($node->safe_psql('app', 'SELECT role, count(*) FROM other.caught GROUP BY 1'), 'evil|3', 'hostile objects do something');

foreach my $path ('other, pg_catalog', 'other, propstreet, pg_catalog', 'pg_temp, other, pg_catalog')
{
	# psql's own statements, and the workflow's, may meet the hostile names as well: with the rights of who calls them
	$node->safe_psql('app', 'TRUNCATE propstreet.project, propstreet.company, propstreet.contact, propstreet.property CASCADE; TRUNCATE other.caught');
	gives("the workflow amid hostile names: $path", 'evil', "SET search_path = $path;\n$workflow", $answers);
	as('evil', qq{
		SET search_path = $path;
		INSERT INTO propstreet.contact (name, tags) VALUES ('Cy', ARRAY['a']);
		SELECT propstreet.project_create('{"name": "Trap", "externalRefs": [{"namespace": "a", "id": "b"}]}');
		UPDATE propstreet.project SET external_refs = '{a:c}', price = '1 EUR';
		UPDATE propstreet.contact SET tags = ARRAY['b'];
		SELECT propstreet.project_find('a', 'c'), propstreet.project_list(), propstreet.prospect_list_all();
	});
	is($node->safe_psql('app', q{SELECT string_agg(DISTINCT role::text, ' ') FROM other.caught WHERE role <> 'evil'}), '',
		"nothing hostile runs with the owner's rights: $path");
	cmp_ok($node->safe_psql('app', q{SELECT count(*) FROM propstreet.project WHERE tenant_id = 3}), '>', 0, "it works nonetheless: $path");
	is($node->safe_psql('app', 'SELECT * FROM propstreet.check()'), '', "it works as it should: $path");

	# The owner and a superuser who were made to have such a path
	foreach my $role ('50% owner', 'postgres')
	{
		$node->safe_psql('app', 'TRUNCATE other.caught');
		as($role, qq{
			SET search_path = $path;
			SELECT propstreet.set_tenant(3);
			SELECT propstreet.install();
			SELECT propstreet.grant_to('app');
			SELECT propstreet.check();
			SELECT propstreet.project_create('{"name": "Trap", "externalRefs": [{"namespace": "a", "id": "d"}]}');
			SELECT propstreet.project_find('a', 'd'), propstreet.project_list();
			SELECT propstreet.project_delete(1);
		});
		is($node->safe_psql('app', 'SELECT count(*) FROM other.caught'), '0', "nothing hostile runs for $role: $path");
	}
}

# Triggers that the owner has added run as the owner where operations fire them: under a safe search_path, also if they set none
as('50% owner', q{
	CREATE FUNCTION other.of_project() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM lower('X'); RETURN NEW; END$$;
	CREATE FUNCTION other.of_prospect() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM relname FROM pg_class LIMIT 1; RETURN NEW; END$$;
	CREATE TRIGGER owners_own BEFORE INSERT OR UPDATE ON propstreet.project FOR EACH ROW EXECUTE FUNCTION other.of_project();
	CREATE TRIGGER owners_own BEFORE INSERT OR UPDATE ON propstreet.prospect FOR EACH ROW EXECUTE FUNCTION other.of_prospect();
});
$node->safe_psql('app', 'TRUNCATE propstreet.project, propstreet.company, propstreet.contact, propstreet.property CASCADE; TRUNCATE other.caught');
as('evil', q{
	CREATE FUNCTION other.lower(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN INSERT INTO other.caught SELECT current_user; RETURN $1; END$$;
	CREATE TEMP VIEW pg_class AS SELECT other.lower('y') AS relname;
	GRANT SELECT ON pg_temp.pg_class TO PUBLIC;
	SET search_path = pg_temp, other, pg_catalog;
	SELECT propstreet.project_create('{"name": "Trap"}');
	INSERT INTO propstreet.contact (name) VALUES ('Di');
	SELECT propstreet.prospect_add(p.id, json_build_object('contactId', c.id::text)) FROM propstreet.project AS p, propstreet.contact AS c;
	UPDATE propstreet.contact SET tags = ARRAY['c'];
	INSERT INTO propstreet.project (name) VALUES ('As evil');
});
is($node->safe_psql('app', q{SELECT string_agg(DISTINCT role::text, ' ' ORDER BY role::text) FROM other.caught}), 'evil',
	'a trigger that the owner has added');
is($node->safe_psql('app', 'SELECT count(*), min(tags) FROM propstreet.prospect'), '1|{c}', 'a trigger that the owner has added has been there');
as('50% owner', 'DROP FUNCTION other.of_project(), other.of_prospect() CASCADE');

# ---- a schema that was there before ----

$node->safe_psql('squatted', 'GRANT CREATE ON DATABASE squatted TO stranger');
as('stranger', 'CREATE SCHEMA propstreet', 'squatted');
foreach my $role ('50% owner', 'postgres')
{
	fails("a stranger's schema is refused: $role", $role, 'CREATE EXTENSION propstreet', qr/42501.*schema propstreet belongs to another role/, 'squatted');
}
$node->safe_psql('squatted', 'DROP SCHEMA propstreet');
as('50% owner', 'CREATE SCHEMA propstreet', 'squatted');
my (undef, $error) = as('postgres', 'CREATE EXTENSION propstreet', 'squatted');
is($error, '', q{the schema of the database's owner is taken});
# What its owner puts there is not run by a superuser
as('50% owner', q{CREATE FUNCTION propstreet.table_version() RETURNS integer LANGUAGE plpgsql AS $$BEGIN RAISE 'run by %', current_user; END$$}, 'squatted');
(undef, $error) = as('postgres', 'SELECT propstreet.install()', 'squatted');
unlike($error, qr/run by/, 'install() calls nothing that is not its own');

$node->stop;
done_testing();
