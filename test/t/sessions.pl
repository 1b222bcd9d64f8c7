
# Sessions that stay while other sessions create the extension and the tables anew, or
# change them; restarts of the server.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('sessions');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 2');
$node->start;

my $install = q{
	CREATE EXTENSION propstreet;
	SELECT propstreet.install();
	INSERT INTO propstreet.company (tenant_id, id, name, tags) VALUES (1, 1, 'Acme', '{fund}');
	INSERT INTO propstreet.contact (tenant_id, id, company_id, name, tags) VALUES (1, 1, 1, 'Ada', '{tier-1}');
	INSERT INTO propstreet.investment_strategy (tenant_id, company_id) VALUES (1, 1);
	INSERT INTO propstreet.property (tenant_id, id) VALUES (1, 1);
};
$node->safe_psql('postgres', $install);

# Every kept plan: all operations, triggers and views.  Leaves no live project, so that it can be repeated.
my $work = q{
	DO $$
	DECLARE
		project bigint := propstreet.project_create('{"name": "One", "price": {"value": 1, "currency": "SEK"}, "externalRefs": [{"namespace": "crm", "id": "one"}]}')->>'id';
		contact bigint := propstreet.prospect_add(project, '{"contactId": "1", "externalRefs": [{"namespace": "crm", "id": "ada"}]}')->>'id';
		company bigint;
		answer json;
	BEGIN
		INSERT INTO propstreet.project_property (tenant_id, project_id, property_id) VALUES (1, project, 1);
		PERFORM propstreet.project_get(project), propstreet.project_find('crm', 'one'), propstreet.project_properties(project);
		PERFORM propstreet.project_update(project, '{"name": "Two", "externalRefs": [{"namespace": "crm", "id": "two"}]}', '*');
		PERFORM propstreet.project_upsert('crm', 'two', '{"mandate": "other"}'), propstreet.project_upsert('crm', 'three', '{"name": "Three"}');
		PERFORM propstreet.prospect_get(project, contact), propstreet.prospect_find(project, 'crm', 'ada');
		PERFORM propstreet.prospect_update(project, contact, '{"classification": "bidder", "externalRefs": []}', '*');
		PERFORM propstreet.prospect_upsert(project, 'crm', 'ada', '{"contactId": "1"}');
		PERFORM propstreet.teaser_advance(project, 'published'), propstreet.teaser_communicate(project, '2100-01-01');
		SELECT id INTO STRICT company FROM propstreet.prospect WHERE contact_id IS NULL AND project_id = project;
		PERFORM propstreet.teaser_accept(project, company);
		UPDATE propstreet.contact SET tags = tags || '{more}';
		UPDATE propstreet.company SET tags = tags || '{more}';
		answer := propstreet.prospect_get(project, company);
		ASSERT answer->'tags'->>0 = 'fund' AND answer->'capabilities'->>0 = 'chat', answer;
		PERFORM propstreet.contact_projects(1), propstreet.company_projects(1);
		PERFORM propstreet.project_close(project), propstreet.project_reopen(project);
		PERFORM resource FROM propstreet.project_delta;
		PERFORM resource FROM propstreet.prospect_delta;
		PERFORM propstreet.prospect_remove(project, contact);
		PERFORM propstreet.project_delete(id) FROM propstreet.project WHERE deleted_utc IS NULL;
	END
	$$;
	SELECT 'projects ' || count(*) || ', live references ' || (SELECT count(*) FROM propstreet.project_external_ref) FROM propstreet.project;
};

my $session = $node->background_psql('postgres', on_error_stop => 0);
$session->query_safe(q{SET client_min_messages = warning; SET propstreet.tenant_id = '1'});
my $idle = $node->background_psql('postgres', on_error_stop => 0);
$idle->query_safe(q{SET client_min_messages = warning; SET propstreet.tenant_id = '1'; SELECT propstreet.current_tenant()});

# How the session gets on
sub works
{
	my ($name, $projects) = @_;

	$session->{stderr} = '';
	is($session->query($work), "projects $projects, live references 0", $name) or diag($session->{stderr});
	is($session->{stderr}, '', "$name: no error");
	$session->{stderr} = '';
}

works('at first', 2);
works('again', 4);

# The tables change
$node->safe_psql('postgres', 'ALTER TABLE propstreet.project ADD COLUMN note text DEFAULT $$x$$; ALTER TABLE propstreet.prospect ADD COLUMN note text');
works('with a user\'s column', 6);
$node->safe_psql('postgres', 'ALTER TABLE propstreet.project DROP COLUMN note; CREATE INDEX ON propstreet.prospect (note)');
works('without it', 8);
$node->safe_psql('postgres', 'VACUUM FULL propstreet.project; ANALYZE propstreet.project');
works('with a rewritten table', 10);


# Tables of another version
$node->safe_psql('postgres', 'ALTER TABLE propstreet.project RENAME COLUMN mandate TO mandated');
$session->query($work);
like($session->{stderr}, qr/column "mandate" of relation "project" does not exist.*HINT:.*SELECT propstreet\.install\(\)/s, 'without a column');
$session->{stderr} = '';
$session->query('SELECT resource FROM propstreet.project_delta');
like($session->{stderr}, qr/row has no column "mandate".*HINT:.*SELECT propstreet\.install\(\)/s, 'without a column, in a view');
$node->safe_psql('postgres', 'ALTER TABLE propstreet.project RENAME COLUMN mandated TO mandate');
works('with it again', 12);

# The extension and the tables are created anew
$node->safe_psql('postgres', 'DROP SCHEMA propstreet, propstreet_api CASCADE');
$session->query($work);
like($session->{stderr}, qr/schema "propstreet" does not exist/, 'without the schema');
$node->safe_psql('postgres', 'CREATE EXTENSION propstreet');
$session->{stderr} = '';
$session->query($work);
like($session->{stderr}, qr/the tables of propstreet are not installed/, 'without the tables');
$node->safe_psql('postgres', 'DROP EXTENSION propstreet');
$node->safe_psql('postgres', $install);
works('with all of it anew', 2);
works('with all of it anew, again', 4);
$session->query_safe('SELECT propstreet.check()');

# The tables without the extension: not to be taken for whole
$node->safe_psql('postgres', 'DROP EXTENSION propstreet CASCADE');
$session->query($work);
like($session->{stderr}, qr/function propstreet\.\w+\(.*\) does not exist/, 'without the extension');
$node->safe_psql('postgres', 'CREATE EXTENSION propstreet');
my $stderr;
isnt($node->psql('postgres', 'SELECT propstreet.install()', stderr => \$stderr), 0, 'install() over what DROP EXTENSION CASCADE has left');
like($stderr, qr/tables in schema propstreet are incomplete.*HINT:.*DROP SCHEMA propstreet, propstreet_api CASCADE/s, 'says what to do');
$node->safe_psql('postgres', "DROP SCHEMA propstreet, propstreet_api CASCADE;\n$install");
works('with all of it anew, once more', 2);

# In the middle of a transaction, which keeps what it has locked
$session->query_safe(q{BEGIN; SELECT propstreet.project_create('{"name": "Locked"}')});
my $dropper = $node->background_psql('postgres', on_error_stop => 0);
$dropper->query_until(qr/dropping/, "\\echo dropping\nSET client_min_messages = warning; DROP SCHEMA propstreet, propstreet_api CASCADE;\n");
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_locks WHERE NOT granted}) or die 'nobody waits';
$session->query_safe(q{SELECT propstreet.project_create('{"name": "Locked too"}'); COMMIT});
$dropper->query_safe('SELECT 1');
$dropper->quit;
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_namespace WHERE nspname = 'propstreet'}), '0', 'dropped in the end');
$node->safe_psql('postgres', $install);
works('after a drop that waited', 2);

# Another session that had only loaded the library
$idle->{stderr} = '';
is($idle->query($work), 'projects 4, live references 0', 'a session that was idle');
is($idle->{stderr}, '', 'a session that was idle: no error');
$idle->quit;
$session->quit;

# Restarts
my $before = $node->safe_psql('postgres', 'SELECT etag, resource FROM propstreet.project_delta ORDER BY id');
$node->restart;
is($node->safe_psql('postgres', 'SELECT etag, resource FROM propstreet.project_delta ORDER BY id'), $before, 'the same after a restart');
$node->append_conf('postgresql.conf', q{shared_preload_libraries = 'propstreet'});
$node->safe_psql('postgres', q{SET propstreet.tenant_id = '1'; SET propstreet.notify = off; BEGIN;
	SELECT propstreet.project_create('{"name": "Prepared", "externalRefs": [{"namespace": "crm", "id": "prepared"}]}');
	PREPARE TRANSACTION 'prepared'});
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', 'SELECT etag, resource FROM propstreet.project_delta ORDER BY id'), $before, 'the same after a crash, preloaded');
$node->safe_psql('postgres', q{COMMIT PREPARED 'prepared'});
is($node->safe_psql('postgres', q{SET propstreet.tenant_id = '1'; SELECT propstreet.project_find('crm', 'prepared')->>'name'}), 'Prepared',
	'a transaction that was prepared before');
is($node->safe_psql('postgres', 'SELECT * FROM propstreet.check()'), '', 'nothing contradicts');
is($node->safe_psql('postgres', 'SELECT propstreet.install()'), '1', 'install() has nothing to do');

$node->stop;
done_testing();
