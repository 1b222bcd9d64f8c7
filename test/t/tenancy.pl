
# Whose tenant a session speaks for: a pinned role stays pinned or fails, whatever it
# tries; claims count only where the role is told to read them; set_tenant() needs its
# execute right.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('tenancy');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;

$node->safe_psql('postgres', q{
	CREATE ROLE dbowner LOGIN;
	CREATE DATABASE app OWNER dbowner;
});
$node->safe_psql('app', 'CREATE EXTENSION propstreet; SELECT propstreet.install()', extra_params => [ '-U', 'dbowner' ]);
$node->safe_psql('app', q{
	INSERT INTO propstreet.project (tenant_id, name) VALUES (1, 'one'), (2, 'two');

	CREATE ROLE plain LOGIN;
	CREATE ROLE pinned LOGIN;
	CREATE ROLE pinned_claim LOGIN;
	CREATE ROLE pinned_wrong LOGIN;
	CREATE ROLE second LOGIN;
	CREATE ROLE api LOGIN;
	CREATE ROLE pool LOGIN;
	CREATE ROLE setter LOGIN;
	SELECT propstreet.grant_to(role::name)
	FROM unnest('{plain, pinned, pinned_claim, pinned_wrong, second, api, pool, setter}'::text[]) AS role;
	GRANT second TO pinned, pinned_claim;
	GRANT CREATE ON SCHEMA public TO pinned, pinned_claim, dbowner;
	GRANT EXECUTE ON FUNCTION propstreet.set_tenant(bigint, boolean) TO pool;
	GRANT SET ON PARAMETER propstreet.tenant_id TO setter;

	ALTER ROLE pinned SET propstreet.tenant_id = '1';
	ALTER ROLE pinned_claim SET propstreet.tenant_id = '1';
	ALTER ROLE pinned_claim SET propstreet.tenant_claim = 'tenant';
	ALTER ROLE second SET propstreet.tenant_id = '2';
	ALTER ROLE api SET propstreet.tenant_claim = 'tenant';
});
# Not checked, where the library is not loaded
$node->safe_psql('app', q{
	ALTER ROLE pinned_wrong SET propstreet.tenant_id = 'one';
	ALTER ROLE pinned_wrong SET propstreet.tenant_claim = 'tenant';
});

# What a role gets to see: its standard output, and the SQLSTATEs of its errors
sub run_as
{
	my ($role, $sql, $options) = @_;
	my ($stdout, $stderr) = ('', '');

	local $ENV{PGOPTIONS} = $options // '';
	my $connected = eval {
		$node->psql('app', "\\set VERBOSITY sqlstate\n$sql",
			stdout => \$stdout, stderr => \$stderr, on_error_die => 0, on_error_stop => 0,
			extra_params => [ '-U', $role ]);
		1;
	};
	$stderr .= $@ unless $connected;
	return ($stdout, $stderr);
}

# The tenant that a role has after some statements, or the SQLSTATE that it gets for one
sub tenant_after
{
	my ($role, $sql, $options) = @_;
	my ($stdout, $stderr) = run_as($role, "$sql;\nSELECT 'tenant ' || propstreet.current_tenant();", $options);

	return $1 if $stdout =~ /tenant (\d+)\s*$/;
	return $1 if $stderr =~ /ERROR:  (\w+)\s*$/;
	return $stderr;
}

my $look = q{
	SELECT 'tenant ' || propstreet.current_tenant();
	SELECT 'tenant ' || tenant_id FROM propstreet.project;
	SELECT 'tenant ' || CASE p->>'name' WHEN 'one' THEN 1 ELSE 2 END FROM propstreet.project_get(2) AS p;
};

# Tries something as a pinned role: it may fail, but never see another tenant; must_work: it sees its own.
sub stays_pinned
{
	my ($name, $role, $sql, $options, $must_work) = @_;
	my ($stdout, $stderr) = run_as($role, "$sql;\n$look", $options);
	# a connection that is refused may be gone before the statements are written to it
	my $refused = $stderr =~ /PT401|42501|25P02|FATAL|Broken pipe/;
	my $good = $stdout !~ /^tenant [^1]/m && ($stdout =~ /^tenant 1$/m || (!$must_work && $refused));

	ok($good, $name) or diag($stdout, $stderr);
}

my $claims = q{SET request.jwt.claims = '{"tenant": "2"}'};

# Statements of a pinned role; each is tried before and after the library is loaded
my %attacks = (
	'SET' => q{SET propstreet.tenant_id = '2'},
	'SET SESSION' => q{SET SESSION propstreet.tenant_id TO 2},
	'SET TO DEFAULT' => qq{SET propstreet.tenant_id TO DEFAULT; $claims},
	'SET to nothing' => qq{SET propstreet.tenant_id = ''; $claims},
	'SET to none' => qq{SET propstreet.tenant_id = '0'; $claims},
	'SET to nonsense' => qq{SET propstreet.tenant_id = 'x'; $claims},
	'SET in capitals' => q{SET "PROPSTREET.TENANT_ID" = '2'},
	'SET LOCAL' => q{BEGIN; SET LOCAL propstreet.tenant_id = '2'},
	'SET LOCAL, rolled back' => qq{BEGIN; SET LOCAL propstreet.tenant_id = '2'; ROLLBACK; $claims},
	'SET in a transaction' => q{BEGIN; SET propstreet.tenant_id = '2'; COMMIT},
	'SET in a subtransaction' => q{BEGIN; SAVEPOINT s; SET propstreet.tenant_id = '2'; RELEASE s; SET LOCAL propstreet.tenant_id = '2'},
	'RESET' => qq{RESET propstreet.tenant_id; $claims},
	'RESET ALL' => qq{RESET ALL; $claims},
	'SET and RESET ALL' => qq{SET propstreet.tenant_id = '2'; RESET ALL; $claims},
	'DISCARD ALL' => qq{DISCARD ALL; $claims},
	'set_config' => q{SELECT set_config('propstreet.tenant_id', '2', false)},
	'set_config, local' => q{BEGIN; SELECT set_config('propstreet.tenant_id', '2', true)},
	'UPDATE pg_settings' => q{UPDATE pg_settings SET setting = '2' WHERE name = 'propstreet.tenant_id'},
	'claims' => $claims,
	'claims as numbers' => q{SET request.jwt.claims = '{"tenant": 2}'},
	'claims, named' => qq{SET propstreet.tenant_claim = 'tenant'; $claims},
	'claims, named and without id' => qq{SET propstreet.tenant_id = ''; SET propstreet.tenant_claim = 'tenant'; $claims},
	'set_tenant()' => q{SELECT propstreet.set_tenant(2)},
	'set_tenant(), local' => q{BEGIN; SELECT propstreet.set_tenant(2, true)},
	'SET ROLE' => q{SET ROLE second},
	'SET ROLE and RESET ALL' => qq{SET ROLE second; RESET ALL; $claims},
	'a function with SET' => q{
		CREATE OR REPLACE FUNCTION public.other() RETURNS SETOF text LANGUAGE sql SET propstreet.tenant_id = '2'
			AS 'SELECT ''tenant '' || tenant_id FROM propstreet.project';
		SELECT public.other()},
	'ALTER FUNCTION with SET' => q{
		CREATE OR REPLACE FUNCTION public.another() RETURNS SETOF text LANGUAGE sql
			AS 'SELECT ''tenant '' || tenant_id FROM propstreet.project';
		ALTER FUNCTION public.another() SET propstreet.tenant_id = '2';
		SELECT public.another()},
	'DO' => q{DO 'BEGIN PERFORM set_config(''propstreet.tenant_id'', ''2'', false); END'},
	'LOAD' => q{LOAD 'propstreet'; SET propstreet.tenant_id = '2'},
	'parallel worker' => qq{SET propstreet.tenant_id = '2'; $claims;
		SET force_parallel_mode = on; SET debug_parallel_query = on; SET parallel_leader_participation = off;
		SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0},
);

# Options of a connection
my %options = (
	'PGOPTIONS' => '-c propstreet.tenant_id=2',
	'PGOPTIONS, empty' => '-c propstreet.tenant_id=',
	'PGOPTIONS, none' => '-c propstreet.tenant_id=0',
	'PGOPTIONS, nonsense' => '-c propstreet.tenant_id=x',
	'PGOPTIONS, twice' => '-c propstreet.tenant_id=1 -c propstreet.tenant_id=2',
	'PGOPTIONS, long' => '--propstreet.tenant-id=2',
	'PGOPTIONS, claim' => '-c propstreet.tenant_claim=tenant',
	'PGOPTIONS, claim and claims' => '-c propstreet.tenant_claim=tenant -c request.jwt.claims={"tenant":"2"}',
	'PGOPTIONS, all' => '-c propstreet.tenant_id= -c propstreet.tenant_claim=tenant -c request.jwt.claims={"tenant":"2"}',
	'PGOPTIONS, role' => '-c role=second',
);

# What a role changes in the catalog, for the sessions to come
my %alterations = (
	'ALTER ROLE' => q{ALTER ROLE CURRENT_USER SET propstreet.tenant_id = '2'},
	'ALTER ROLE RESET' => q{ALTER ROLE CURRENT_USER RESET propstreet.tenant_id},
	'ALTER ROLE RESET ALL' => q{ALTER ROLE CURRENT_USER RESET ALL},
	'ALTER ROLE IN DATABASE' => q{ALTER ROLE CURRENT_USER IN DATABASE app SET propstreet.tenant_id = '2'},
	'ALTER ROLE IN DATABASE, claim' => q{ALTER ROLE CURRENT_USER IN DATABASE app SET propstreet.tenant_claim = 'tenant'},
	'ALTER ROLE FROM CURRENT' => q{SET propstreet.tenant_id = '2'; ALTER ROLE CURRENT_USER SET propstreet.tenant_id FROM CURRENT},
);

sub test_pinned
{
	my ($mode, $role) = @_;

	foreach my $attack (sort keys %attacks)
	{
		stays_pinned("$mode: $role: $attack", $role, $attacks{$attack});
		stays_pinned("$mode: $role: $attack, loaded", $role, "SELECT propstreet.current_tenant(); $attacks{$attack}");
	}
	foreach my $option (sort keys %options)
	{
		stays_pinned("$mode: $role: $option", $role, 'SELECT 1', $options{$option});
		stays_pinned("$mode: $role: $option, claims", $role, "$claims;\n$look\nRESET ALL;\n$claims", $options{$option});
		stays_pinned("$mode: $role: $option, parallel worker", $role, $attacks{'parallel worker'}, $options{$option});
	}
	foreach my $alteration (sort keys %alterations)
	{
		stays_pinned("$mode: $role: $alteration", $role, $alterations{$alteration});
		stays_pinned("$mode: $role: $alteration, loaded", $role, "SELECT propstreet.current_tenant(); $alterations{$alteration}");
		stays_pinned("$mode: $role: $alteration, later", $role, $claims, '', 'must work');
	}
}

# The owner of the database changes it for all sessions to come
sub test_database_owner
{
	my ($mode) = @_;

	foreach my $load ('', 'SELECT propstreet.current_tenant();')
	{
		run_as('dbowner', qq{$load
			ALTER DATABASE app SET propstreet.tenant_id = '2';
			ALTER DATABASE app SET propstreet.tenant_claim = 'tenant';
			ALTER ROLE pinned IN DATABASE app SET propstreet.tenant_id = '2'});
	}
	is($node->safe_psql('app', q{SELECT count(*) FROM pg_db_role_setting AS s, unnest(s.setconfig) AS c
			WHERE setdatabase <> 0 AND c LIKE 'propstreet.tenant%'}), '0', "$mode: the database's owner can't set the tenant");
	stays_pinned("$mode: after the database's owner", 'pinned', $claims, '', 'must work');
	is(tenant_after('plain', $claims), 'PT401', "$mode: the database's owner: others have no tenant");
}

# A role without any setting has no tenant
sub test_plain
{
	my ($mode) = @_;

	is(tenant_after('plain', 'SELECT 1'), 'PT401', "$mode: no setting: no tenant");
	is(tenant_after('plain', q{SET propstreet.tenant_id = '2'}), 'PT401', "$mode: no setting: SET");
	is(tenant_after('plain', qq{SET propstreet.tenant_claim = 'tenant'; $claims}), 'PT401', "$mode: no setting: claims");
	is(tenant_after('plain', q{SELECT propstreet.set_tenant(2)}), 'PT401', "$mode: no setting: set_tenant() without the right");
	my (undef, $error) = run_as('plain', q{SELECT propstreet.set_tenant(2)});
	like($error, qr/42501/, "$mode: set_tenant() without the right is an error");
	my ($stdout, $stderr) = run_as('plain', q{SELECT count(*) FROM propstreet.project; SELECT propstreet.project_get(1)});
	is($stdout, '', "$mode: no setting: no rows");
	like($stderr, qr/PT401.*PT401/s, "$mode: no setting: errors");
	$node->psql('app', 'SELECT propstreet.current_tenant()', extra_params => [ '-U', 'plain' ], stderr => \$stderr);
	like($stderr, qr/the tenant of this session is not known.*HINT:.*propstreet\.set_tenant/s, "$mode: no setting: a hint");
	# Set by a superuser, but to no tenant
	is(tenant_after('pinned_wrong', $claims), 'PT401', "$mode: pinned to what is no tenant: not the claimed one");
}

# JSON web tokens, where the role is told which claim holds the tenant
sub test_claims
{
	my ($mode) = @_;
	my %tenants = (
		'{"tenant": "2"}' => 2,
		'{"tenant": 2}' => 2,
		'{"role": "x", "tenant": "9223372036854775807", "exp": 1.5e9}' => '9223372036854775807',
		'{"ten\u0061nt": "2"}' => 2,
		'{"tenant": "\u0032"}' => 2,
		' {"tenant":2} ' => 2);
	my @others = (
		'', '{}', '{"role": "web_anon"}', '{"Tenant": "2"}', '{"tenants": "2"}', '{"app": {"tenant": "2"}}',
		'{"tenant": {"tenant": "2"}}', '{"tenant": ["2"]}', '{"tenant": null}', '{"tenant": true}', '{"tenant": ""}',
		'{"tenant": "0"}', '{"tenant": 0}', '{"tenant": -2}', '{"tenant": "-2"}', '{"tenant": "+2"}', '{"tenant": "02"}',
		'{"tenant": " 2"}', '{"tenant": "2 "}', '{"tenant": "2\u0000"}', '{"tenant": 2.0}', '{"tenant": 2e0}',
		'{"tenant": "2.0"}', '{"tenant": "0x2"}', '{"tenant": 9223372036854775808}', '{"tenant": "9223372036854775808"}',
		'{"tenant": 18446744073709551618}', '{"tenant": 99999999999999999999}', '{"tenant": "2", "tenant": "3"}',
		'{"tenant": "2"', '{"tenant": "2"} x', "{'tenant': '2'}", '{"tenant": NaN}', '["2"]', '"2"', '2', 'null', 'tenant=2');

	foreach my $text (sort keys %tenants)
	{
		is(tenant_after('api', qq{SET request.jwt.claims = '$text'}), $tenants{$text}, "$mode: claims $text");
	}
	# In one session: none of them is answered with the tenant of those before
	my $sql = "SET request.jwt.claims = '{\"tenant\": \"2\"}';\n";
	foreach my $text (@others)
	{
		$text =~ s/'/''/g;
		$sql .= "SELECT propstreet.current_tenant(); SET request.jwt.claims = '$text'; SELECT 'wrong ' || propstreet.current_tenant();\n"
		  . "SET request.jwt.claims = '{\"tenant\": \"2\"}';\n";
	}
	my ($stdout, $stderr) = run_as('api', $sql);
	unlike($stdout, qr/wrong/, "$mode: claims that name no tenant");
	is(() = $stderr =~ /PT401/g, scalar(@others), "$mode: claims that name no tenant are a PT401");
	is(() = $stderr =~ /ERROR/g, scalar(@others), "$mode: claims that name no tenant are no other error");

	# Other claims in one session, also for plans that are kept, and as PostgREST sets them
	($stdout, $stderr) = run_as('api', q{
		PREPARE names AS SELECT 'name ' || string_agg(name, ' ') FROM propstreet.project;
		SET plan_cache_mode = force_generic_plan;
		SET request.jwt.claims = '{"tenant": 1}'; EXECUTE names;
		SET request.jwt.claims = '{"tenant": 3}'; EXECUTE names;
		SET request.jwt.claims = '{"tenant": 2}'; EXECUTE names;
		BEGIN; SELECT set_config('request.jwt.claims', '{"tenant": 1}', true) IS NULL; EXECUTE names; COMMIT;
		EXECUTE names;
		BEGIN; SAVEPOINT s; SET LOCAL request.jwt.claims = '{"tenant": 1}'; ROLLBACK TO s; EXECUTE names; COMMIT;
		RESET request.jwt.claims;
		EXECUTE names;
	});
	is($stdout, "name one\n\nname two\nf\nname one\nname two\nname two", "$mode: changing claims");
	like($stderr, qr/PT401/, "$mode: no claims any more");

	# Another claim of the same token
	is(tenant_after('postgres', q{SET request.jwt.claims = '{"a": 3, "b": 4}'; SET propstreet.tenant_claim = 'a';
			SELECT propstreet.current_tenant(); SET propstreet.tenant_claim = 'b'}), 4, "$mode: another claim");
}

# Those who may choose the tenant
sub test_set_tenant
{
	my ($mode) = @_;

	is(tenant_after('pool', 'SELECT propstreet.set_tenant(2)'), 2, "$mode: set_tenant()");
	is(tenant_after('pool', 'SELECT propstreet.set_tenant(2), propstreet.set_tenant(3)'), 3, "$mode: set_tenant() again");
	is(tenant_after('pool', 'SELECT propstreet.set_tenant(2); BEGIN; SELECT propstreet.set_tenant(3, true)'), 3, "$mode: local set_tenant()");
	is(tenant_after('pool', 'SELECT propstreet.set_tenant(2); BEGIN; SELECT propstreet.set_tenant(3, true); COMMIT'), 2,
		"$mode: local set_tenant(), after the transaction");
	is(tenant_after('pool', 'BEGIN; SELECT propstreet.set_tenant(3); ROLLBACK'), 'PT401', "$mode: set_tenant(), rolled back");
	is(tenant_after('pool', 'SELECT propstreet.set_tenant(3); DISCARD ALL'), 'PT401', "$mode: set_tenant(), discarded");
	is(tenant_after('pool', 'SELECT propstreet.set_tenant(3); RESET ALL'), 'PT401', "$mode: set_tenant(), reset");
	is(tenant_after('pool', 'SELECT propstreet.set_tenant(9223372036854775807)'), '9223372036854775807', "$mode: set_tenant(), the greatest");
	is(tenant_after('pool', q{SELECT propstreet.set_tenant(2); SET propstreet.tenant_id = '3'}), 2, "$mode: set_tenant() gives no right to SET");
	foreach my $wrong (0, -1, '(-9223372036854775808)')
	{
		my ($stdout, $stderr) = run_as('pool', "SELECT propstreet.set_tenant(3); SELECT propstreet.set_tenant($wrong); SELECT propstreet.current_tenant()");
		like($stderr, qr/22023/, "$mode: set_tenant($wrong)");
		like($stdout, qr/3$/, "$mode: set_tenant($wrong) changes nothing");
	}
	is(tenant_after('pool', 'SELECT propstreet.set_tenant(3); SELECT propstreet.set_tenant(NULL)'), 3, "$mode: set_tenant(NULL) changes nothing");
	is(tenant_after('pool', qq{SELECT propstreet.set_tenant(3); $attacks{'parallel worker'}}), 3, "$mode: set_tenant() and a parallel worker");

	is(tenant_after('setter', q{SET propstreet.tenant_id = '2'}), 2, "$mode: SET with the right");
	is(tenant_after('setter', 'SELECT 1', '-c propstreet.tenant_id=2'), 2, "$mode: PGOPTIONS with the right");
	is(tenant_after('setter', q{SELECT propstreet.current_tenant(); SET propstreet.tenant_id = '2'}), 2, "$mode: SET with the right, loaded");
	is(tenant_after('setter', q{SET propstreet.tenant_id = '2'; RESET propstreet.tenant_id}), 'PT401', "$mode: RESET with the right");
	is(tenant_after('setter', q{SET propstreet.tenant_id = '0'}), 'PT401', "$mode: SET to none");
	foreach my $wrong ('x', '-1', '01', '1 ', '9223372036854775808')
	{
		is(tenant_after('setter', "SET propstreet.tenant_id = '$wrong'"), 'PT401', "$mode: SET to '$wrong'");
		my (undef, $stderr) = run_as('setter', "SELECT propstreet.current_tenant(); SET propstreet.tenant_id = '$wrong'");
		like($stderr, qr/22023/, "$mode: SET to '$wrong', loaded");
	}
	# A superuser may, of course
	is(tenant_after('postgres', q{SET propstreet.tenant_id = '2'}), 2, "$mode: a superuser");
	is(tenant_after('postgres', 'SELECT 1', '-c propstreet.tenant_id=2'), 2, "$mode: a superuser with PGOPTIONS");
}

foreach my $mode ('lazy', 'session', 'shared')
{
	if ($mode ne 'lazy')
	{
		$node->append_conf('postgresql.conf', "session_preload_libraries = ''\n${mode}_preload_libraries = 'propstreet'");
		$node->restart;
	}
	test_pinned($mode, 'pinned');
	test_pinned($mode, 'pinned_claim');
	test_database_owner($mode);
	test_plain($mode);
	test_claims($mode);
	test_set_tenant($mode);
}

# What superusers write is checked, once the library is there
my $stderr = '';
$node->psql('app', q{ALTER ROLE plain SET propstreet.tenant_id = '-1'}, stderr => \$stderr);
like($stderr, qr/invalid value for parameter "propstreet.tenant_id": "-1".*DETAIL:.*positive/s, 'ALTER ROLE to what is no tenant');

$node->stop;
done_testing();
