# NOTIFY with the whole payload, where the DBA has asked for it; its times differ from run to run
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

done_testing();
