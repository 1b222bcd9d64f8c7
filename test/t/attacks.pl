# Three attackers (test/attacks) try to read, change, stop or crash what is not theirs: an application role, the owner of a
# database, and what answers to webhooks. Every attempt is refused.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../sink", "$FindBin::RealBin/../attacks";

use Attacks;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sink;
use Test::More;

my $directory = "$FindBin::RealBin/../attacks";
require "$directory/$_.pl" foreach ('application', 'owner', 'endpoint');

my $node = webhook_server('attacks');
$node->append_conf('postgresql.conf', <<'END_OF_SETTINGS');
restart_after_crash = on
log_statement = none
log_min_messages = warning
autovacuum = off
jit = off
max_prepared_transactions = 5
propstreet_webhooks.databases = 'postgres, worked'
propstreet_webhooks.fallback_interval = '200ms'
propstreet_webhooks.timeout = '2s'
END_OF_SETTINGS
$node->start;

# ---- what there is to attack ----

my $postgres = $node->safe_psql('postgres', 'SELECT current_user');
$node->safe_psql('postgres', q{
	CREATE ROLE owner LOGIN;
	CREATE ROLE app LOGIN;
	CREATE ROLE victim LOGIN;
	CREATE ROLE pool LOGIN;
	CREATE ROLE other LOGIN;
	CREATE DATABASE app OWNER owner;
	ALTER ROLE app SET propstreet.tenant_id = '1';
	ALTER ROLE other SET propstreet.tenant_id = '2';
	ALTER ROLE victim SET propstreet.tenant_id = '3';
});

# The rows of a tenant, named by a word
sub fill
{
	my ($database, $tenant, $word, $price, $rows) = @_;

	$node->safe_psql($database, qq{
		SET propstreet.tenant_id = $tenant;
		INSERT INTO propstreet.company (name, tags) VALUES ('$word company', '{"$word"}');
		INSERT INTO propstreet.contact (company_id, name, email, phone, tags) SELECT id, '$word contact', '$word\@example.com', '$word', '{"$word"}' FROM propstreet.company WHERE tenant_id = $tenant;
		INSERT INTO propstreet.contact (name) VALUES ('$word spare');
		INSERT INTO propstreet.investment_strategy (contact_id, budget) SELECT id, '1..$price SEK' FROM propstreet.contact WHERE tenant_id = $tenant AND company_id IS NOT NULL;
		INSERT INTO propstreet.property (profile) VALUES ('{"city": "$word"}');
		SELECT propstreet.webhook_create('{"url": "https://hooks.invalid/$word", "name": "$word", "events": ["project.created", "project.updated", "prospect.created"]}');
		SELECT propstreet.webhook_rotate_secret(id) FROM propstreet.webhook WHERE tenant_id = $tenant;
		SELECT p->>'id' AS project FROM propstreet.project_create('{"name": "$word office", "price": {"value": $price, "currency": "SEK"},
			"externalRefs": [{"namespace": "hubspot", "id": "$word-1"}]}', '$word key') AS p \\gset
		INSERT INTO propstreet.project_property (project_id, property_id) SELECT :project, id FROM propstreet.property WHERE tenant_id = $tenant;
		SELECT propstreet.prospect_add(:project, json_build_object('contactId', id::text, 'externalRefs', json_build_array(json_build_object('namespace', 'crm', 'id', '$word-2'))))
			FROM propstreet.contact WHERE tenant_id = $tenant AND company_id IS NOT NULL;
		INSERT INTO propstreet.project (name, price, price_range) SELECT '$word ' || i, (${price}::bigint + i || ' SEK')::propstreet.price, (${price}::bigint + i || '.. SEK')::propstreet.price_range FROM generate_series(1, $rows) AS i;
		SELECT propstreet.project_delete(max(id)) FROM propstreet.project WHERE tenant_id = $tenant;
	});
	return;
}

sub install
{
	my ($database, $rows) = @_;
	my $errors;

	$node->psql($database, q{
		CREATE EXTENSION propstreet;
		SELECT propstreet.install();
		SELECT propstreet.grant_to('app'), propstreet.grant_to('victim'), propstreet.grant_to('other'), propstreet.grant_to('pool');
		GRANT EXECUTE ON FUNCTION propstreet.set_tenant(bigint, boolean) TO pool;
		CREATE SCHEMA mine; GRANT ALL ON SCHEMA mine TO PUBLIC;
	}, stderr => \$errors, extra_params => [ '-U', 'owner' ]);
	fill($database, 1, 'own', 1, $rows);
	fill($database, 2, 'CANARY', 9876543000, $rows);
	fill($database, 3, 'victims', 1, $rows);
	$node->safe_psql($database, 'ANALYZE');
	return;
}

install('app', 200);

# What must stay as it is, whoever attacks: the rows of tenant 2, roles and rights
sub state_of
{
	my ($database) = @_;

	return $node->safe_psql($database, q{
		SELECT md5(string_agg(query_to_xml(format('SELECT md5(string_agg(t::text, '' '' ORDER BY t::text)) FROM %s AS t WHERE tenant_id = 2', c.oid::regclass), false, false, '')::text, ' ' ORDER BY c.relname))
		FROM pg_class AS c WHERE c.relnamespace = 'propstreet'::regnamespace AND c.relkind = 'r';
		SELECT md5(string_agg(c::text, ' ' ORDER BY oid)) FROM (SELECT oid, relname, relowner, relacl, relrowsecurity FROM pg_class WHERE relnamespace::regnamespace::text ~ '^propstreet') AS c;
		SELECT md5(string_agg(p::text, ' ' ORDER BY oid)) FROM (SELECT oid, proname, proowner, proacl FROM pg_proc WHERE pronamespace::regnamespace::text ~ '^propstreet') AS p}) . "\n" . rights_of();
}

# Roles and settings
sub rights_of
{
	return $node->safe_psql('postgres', q{
		SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_authid WHERE rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication;
		SELECT md5(coalesce(string_agg(m::text, ' ' ORDER BY m::text), '')) FROM pg_auth_members AS m;
		SELECT md5(string_agg(s::text, ' ' ORDER BY s::text)) FROM pg_db_role_setting AS s}) . (-e marker() ? ' a program has run' : '');
}

# A file that no attacker should be able to make
sub marker { return $node->basedir . '/pwned'; }

# A tenant's secrets, wherever they are kept
sub secrets_of
{
	my ($database) = @_;

	return join('|', map { quotemeta } split(/\n/, $node->safe_psql($database, q{
		SELECT query_to_xml(format('SELECT t::text FROM %s AS t', oid::regclass), false, false, '')::text FROM pg_class
		WHERE relnamespace = 'propstreet'::regnamespace AND relkind = 'r' AND relname ~ 'webhook'}) =~ s/.*?(whsec_[\w+\/=]+)?/defined $1 ? "$1\n" : ''/gesr));
}

my %set;
foreach my $tenant (1, 2)
{
	foreach my $table ('project', 'prospect', 'contact', 'company', 'property', 'webhook')
	{
		$set{"$table$tenant"} = $node->safe_psql('app', "SELECT min(id) FROM propstreet.$table WHERE tenant_id = $tenant");
	}
}

sub connection
{
	my ($role, $database) = @_;

	return sprintf('host=%s port=%s user=%s dbname=%s', $node->host, $node->port, $role, $database);
}

$set{$_} = connection($_, 'app') foreach ('app', 'pool');
my $secrets = secrets_of('app');
like($secrets, qr/whsec_/, 'there are secrets to be found');

# What another tenant does while an attacker holds what it can
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
my $victim = PostgreSQL::Test::Utils::tempdir() . '/victim';
open(my $handle, '>', $victim) or die $!;
print $handle sprintf(q{#!/bin/sh
exec psql -XAtq -v ON_ERROR_STOP=1 -d '%s' <<'EOF' 2>&1
SET statement_timeout = '3s';
SELECT FROM propstreet.project_list(updated_since => 'epoch');
BEGIN;
SELECT FROM propstreet.project_create('{"name": "victim", "externalRefs": [{"namespace": "crm", "id": "victim"}]}', 'victim');
UPDATE propstreet.contact SET tags = '{c}';
SELECT FROM propstreet.webhook_test((SELECT min(id) FROM propstreet.webhook));
ROLLBACK;
SELECT 'VICTIM WORKS';
EOF
}, connection('victim', 'app'));
close $handle;
chmod(0755, $victim);
$ENV{VICTIM} = $victim;

# ---- attacks ----

application($node, 'app', \%set, PostgreSQL::Test::Utils::tempdir());
attack('application role', $node, { connect => connection('app', 'app'), secrets => "CANARY|LEAK|9876543\\d\\d\\d|$secrets", state => sub { state_of('app') } });
owner($node, { directory => $directory, postgres => $postgres, marker => marker(), connection => \&connection, install => \&install, state => \&rights_of, secrets_of => \&secrets_of });
endpoint($node);

report();
is(join("\n", succeeded()), '', 'every attempt was refused');
ok(!$node->log_contains(qr/terminated by signal/), 'the server has not crashed');
$node->stop;
done_testing();
