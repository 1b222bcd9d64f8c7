# NOTIFY with the whole payload, where the DBA has asked for it; its times differ from run to run. And with a queue that is too full.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
my $heard = $node->safe_psql('postgres', <<'END');
CREATE EXTENSION propstreet;
SELECT propstreet.install();
SET propstreet.tenant_id = '1';
SET propstreet.notify = full;
LISTEN propstreet;
INSERT INTO propstreet.project (name) VALUES ('Büro');
INSERT INTO propstreet.project (name, status, transactions)
VALUES ('closed', 'closed', json_build_array(json_build_object('x', repeat('x', 7600))));
END
my $written = $node->safe_psql('postgres', 'SELECT payload FROM propstreet.event WHERE id = 1');
like($heard, qr/with payload "\Q$written\E" received/, 'the payload that webhooks get');
my @payloads = $heard =~ /with payload "(.*)" received/g;
is(scalar(@payloads), 2, 'one for each event');
ok((grep { length($_) < 8000 } @payloads) == 2, 'under 8,000 bytes');
is($node->safe_psql('postgres', "SELECT count(*) FROM (VALUES " . join(', ', map { "(\$p\$$_\$p\$::json)" } @payloads) . ') AS v'), 2, 'valid JSON');

# A session that listens and idles in a transaction keeps the queue from being emptied: changes go on without being notified
my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN propstreet');
$listener->query_safe('BEGIN');
$listener->query_safe('SELECT 1');
$node->safe_psql('postgres', "SELECT count(pg_notify('other', repeat(i::text, 1000))) FROM generate_series(1, 100) AS i");
cmp_ok($node->safe_psql('postgres', 'SELECT pg_notification_queue_usage()'), '>', 0, 'the queue fills');
my ($out, $err);
$node->psql('postgres', <<'END', stdout => \$out, stderr => \$err);
SET propstreet.tenant_id = '1';
SET propstreet.notify_queue_limit = 0;
INSERT INTO propstreet.project (name) VALUES ('unheard'), ('unheard');
UPDATE propstreet.project SET name = 'still' WHERE name = 'unheard';
INSERT INTO propstreet.project (name) SELECT 'one summary' FROM generate_series(1, 101);
SELECT propstreet.notifications_left_out();
SELECT count(*) FROM propstreet.event WHERE payload->'data'->>'name' IN ('unheard', 'still');
RESET propstreet.notify_queue_limit;
INSERT INTO propstreet.project (name) VALUES ('heard');
SELECT propstreet.notifications_left_out();
END
is($out, "5\n4\n5", 'left out and counted, and recorded all the same');
is(scalar(() = $err =~ /WARNING:  no notifications are sent/g), 1, 'with one warning');
is(scalar(() = join('', map { $listener->query_safe($_) } 'COMMIT', 'SELECT 1', 'SELECT 1') =~ /notification "propstreet"/g), 1, 'the listener hears of what was notified');
$listener->quit;

done_testing();
