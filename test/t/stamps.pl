# A writer reads the clock after it has become one: what it stamps is later than any read that did not wait for it. The moment
# between is too short to meet, so a module made here takes the writers' lock in a mode that holds them up in it.

use strict;
use warnings FATAL => 'all';

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

# The lock of src/tables/sync.c, as writer_lock() takes it but for the mode
my $module = PostgreSQL::Test::Utils::tempdir . '/hold';
append_to_file("$module.c", <<'END');
#include "postgres.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(hold_writers);

Datum
hold_writers(PG_FUNCTION_ARGS)
{
	int64		tenant_id = PG_GETARG_INT64(0);
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (tenant_id >> 32), (uint32) tenant_id, 0x5052);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	PG_RETURN_VOID();
}
END
chomp(my ($cc, $include) = (`pg_config --cc`, `pg_config --includedir-server`));
system_or_bail("$cc -fPIC -shared -I$include -o $module.so $module.c");

$node->safe_psql('postgres', <<"END");
CREATE EXTENSION propstreet;
SELECT propstreet.install();
ALTER DATABASE postgres SET propstreet.tenant_id = '1';
CREATE FUNCTION hold_writers(bigint) RETURNS void LANGUAGE c AS '$module';
END
$node->safe_psql('postgres', <<'END');
INSERT INTO propstreet.contact (name) VALUES ('Ada'), ('Bo');
INSERT INTO propstreet.project (name) VALUES ('pipeline');
INSERT INTO propstreet.prospect (project_id, contact_id) VALUES (1, 1);
END

my $holder = $node->background_psql('postgres');

# What a write stamps that has to wait on its way to the lock
sub stamps_after_lock
{
	my ($name, $table, $write) = @_;
	my $writer = $node->background_psql('postgres');

	$holder->query_safe('BEGIN; SELECT hold_writers(1)');
	$writer->query_until(qr/begun/, "\\echo begun\n$write;\n");
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"), "$name waits");
	my $now = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
	$holder->query_safe('COMMIT');
	$writer->quit;
	is($node->safe_psql('postgres', "SELECT count(*) FROM propstreet.$table WHERE updated_utc > '$now'"), '1', "$name is stamped later");
	return;
}

stamps_after_lock('insert of a project', 'project', "INSERT INTO propstreet.project (name) VALUES ('another')");
stamps_after_lock('update of a project', 'project', "UPDATE propstreet.project SET name = 'renamed' WHERE id = 1");
stamps_after_lock('insert of a prospect', 'prospect', 'INSERT INTO propstreet.prospect (project_id, contact_id) VALUES (1, 2)');
stamps_after_lock('update of a prospect', 'prospect', "UPDATE propstreet.prospect SET classification = 'bidder' WHERE id = 1");
stamps_after_lock('copy of new tags', 'prospect', "UPDATE propstreet.contact SET tags = '{tier-1}' WHERE id = 2");
stamps_after_lock('an operation', 'project', "SELECT propstreet.project_update(1, '{\"name\": \"once more\"}')");
$holder->quit;

done_testing();
