# Workers of others' own, which take deliveries with webhook_claim() and record them: several at once, while writers go on and
# some die with what they had taken. And a long backlog, which makes no claim a long one.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('external');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', "propstreet.webhook_retry = '0,0,0,0,0,0,0,0'");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION propstreet;
	SELECT propstreet.install();
	ALTER DATABASE postgres SET propstreet.tenant_id = '1';
});
$node->safe_psql('postgres', q{
	INSERT INTO propstreet.project (name, asset_type) SELECT 'Project ' || g, 'portfolio' FROM generate_series(1, 20) AS g;
	SELECT propstreet.webhook_create('{"url": "https://example.com/1", "events": ["project.updated"]}');
	SELECT propstreet.webhook_create('{"url": "https://example.com/2", "events": ["project.updated"]}');

	-- what the endpoints have got
	CREATE TABLE sent (id bigint GENERATED ALWAYS AS IDENTITY, worker text, webhook_id bigint, event_id bigint, resource_id bigint, version integer);
	CREATE TABLE done (written boolean);

	-- Takes and sends until the writers are done and nothing is left. Now and then it dies before it records, and is another one.
	CREATE PROCEDURE work(worker text) LANGUAGE plpgsql AS $$
	DECLARE
		took integer;
		outcomes json;
	BEGIN
		LOOP
			CREATE TEMP TABLE IF NOT EXISTS taken AS SELECT * FROM propstreet.webhook_claim(1) WHERE false;
			TRUNCATE taken;
			INSERT INTO taken SELECT * FROM propstreet.webhook_claim(10, '1 second', 8);
			GET DIAGNOSTICS took = ROW_COUNT;
			COMMIT;
			INSERT INTO sent (worker, webhook_id, event_id, resource_id, version)
			SELECT work.worker, t.webhook_id, substr(t.headers->>'webhook-id', 5)::bigint, (t.body::json->'data'->>'id')::bigint,
				(t.body::json->'data'->'asset'->>'propertyCount')::integer FROM taken AS t;
			COMMIT;
			IF took > 0 AND random() < 0.02 THEN
				CONTINUE;
			END IF;
			SELECT json_agg(json_build_object('tenantId', t.tenant_id, 'webhookId', t.webhook_id, 'deliveryId', t.delivery_id, 'attempt', t.attempt,
				'responseStatus', CASE WHEN random() < 0.1 THEN 500 ELSE 200 END)) INTO outcomes FROM taken AS t;
			IF took > 0 THEN
				PERFORM propstreet.webhook_record(outcomes);
			ELSE
				EXIT WHEN EXISTS (SELECT FROM done) AND NOT EXISTS (SELECT FROM propstreet.webhook_delivery WHERE status = 'pending');
				PERFORM pg_sleep(0.01);
			END IF;
			COMMIT;
		END LOOP;
	END
	$$;
});

# ---- two workers and two writers ----

my @workers = map { IPC::Run::start([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', "CALL work('$_')" ],
	'<', \undef, '>', \my $output, '2>', \my $errors) } ('a', 'b');
$node->pgbench('--no-vacuum --client=2 --transactions=300', 0, [qr{processed: 600/600}], [qr{^$}], 'writers',
	{ 'external_update' => q{
		\set id random(1, 20)
		UPDATE propstreet.project SET property_count = COALESCE(property_count, 0) + 1 WHERE tenant_id = 1 AND id = :id;
	} });
$node->safe_psql('postgres', 'INSERT INTO done VALUES (true)');
ok($_->finish, 'a worker of our own goes on to the end') foreach @workers;

is($node->safe_psql('postgres', q{SELECT count(*) FROM propstreet.event WHERE event = 'project.updated'}), '600', 'each change made an event');
is($node->safe_psql('postgres', q{SELECT DISTINCT status FROM propstreet.webhook_delivery}), 'delivered', 'all are delivered');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM propstreet.event AS e CROSS JOIN propstreet.webhook AS w
	WHERE e.event = 'project.updated' AND NOT EXISTS (SELECT FROM sent AS s WHERE s.webhook_id = w.id AND s.event_id = e.id AND s.resource_id = e.resource_id)
}), '0', 'each event was sent to each webhook');
is($node->safe_psql('postgres', q{SELECT count(*) FROM sent AS s WHERE NOT EXISTS (SELECT FROM propstreet.event AS e WHERE e.id = s.event_id)}), '0', 'and nothing else was');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM (
		SELECT s.version, lag(s.version, 1, 0) OVER (PARTITION BY s.webhook_id, s.resource_id ORDER BY s.first) AS before
		FROM (SELECT webhook_id, resource_id, version, min(id) AS first FROM sent GROUP BY 1, 2, 3) AS s) AS s
	WHERE s.version <> s.before + 1
}), '0', 'in order per resource, one after the other');
is($node->safe_psql('postgres', 'SELECT count(DISTINCT worker) FROM sent'), '2', 'both workers had some');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM sent'), '>', 1200, 'some were sent again, as an attempt failed or a worker died');

# ---- a late answer ----

$node->safe_psql('postgres', q{UPDATE propstreet.project SET name = 'Late' WHERE tenant_id = 1 AND id = 1});
my $take = q{SELECT json_agg(json_build_object('tenantId', tenant_id, 'webhookId', webhook_id, 'deliveryId', delivery_id, 'attempt', attempt, 'responseStatus', };
my $late = $node->safe_psql('postgres', "$take 500)) FROM propstreet.webhook_claim(10, '1 millisecond')");
my $again;
$node->poll_query_until('postgres', q{SELECT propstreet.webhook_next_due() <= clock_timestamp()}) or die 'the lease did not end';
$again = $node->safe_psql('postgres', "$take 200)) FROM propstreet.webhook_claim(10, '1 hour')");
is($node->safe_psql('postgres', "SELECT propstreet.webhook_record('$late')"), '0', 'an outcome that comes after the lease, when another worker has the delivery, counts for nothing');
is($node->safe_psql('postgres', "SELECT propstreet.webhook_record('$again')"), '2', 'but that worker\'s does');

# ---- a transaction that is left open ----

$node->safe_psql('postgres', q{
	SET propstreet.tenant_id = '2';
	SELECT propstreet.webhook_create('{"url": "https://example.com/", "events": ["project.created"]}');
	INSERT INTO propstreet.project (name) VALUES ('of another tenant');
});
$node->safe_psql('postgres', 'UPDATE propstreet.project SET name = $$Next$$ WHERE tenant_id = 1 AND id = 1');
my $open = $node->background_psql('postgres');
$open->query_safe(q{SET propstreet.tenant_id = '2'; BEGIN; SELECT propstreet.webhook_update(id, '{"name": "open"}') FROM propstreet.webhook WHERE tenant_id = 2});
my $taken = q{SELECT string_agg(DISTINCT tenant_id::text, ',') FROM propstreet.webhook_delivery WHERE leased};
$again = $node->safe_psql('postgres', "SET statement_timeout = '60s'; $take 200)) FROM propstreet.webhook_claim(10, '1 hour')");
is($node->safe_psql('postgres', $taken), '1', 'deliveries of other tenants go on while one is changing a webhook');
is($node->safe_psql('postgres', "SET statement_timeout = '60s'; SELECT propstreet.webhook_record('$again')"), '2', 'and are recorded');
$node->safe_psql('postgres', q{SET statement_timeout = '60s'; SELECT propstreet.purge()});
$open->query_safe('COMMIT');
$open->quit;
$node->safe_psql('postgres', q{SELECT propstreet.webhook_claim(10, '1 hour')});
is($node->safe_psql('postgres', $taken), '2', 'its own go on when it is done');

# ---- a long backlog ----

# 100,000 events of one resource for one webhook, as many for one that is disabled, and 500 webhooks with one each
$node->safe_psql('postgres', q{
	DELETE FROM propstreet.webhook_delivery;
	UPDATE propstreet.webhook SET enabled = false WHERE id = 2;
	INSERT INTO propstreet.webhook (id, url, events, created_utc, updated_utc, last_success_utc)
	SELECT 1000 + g, 'https://example.com/', '{project.updated}', now(), now(), now() FROM generate_series(1, 500) AS g;
	INSERT INTO propstreet.webhook_secret (webhook_id, secret)
	SELECT 1000 + g, s.secret FROM propstreet.webhook_secret AS s, generate_series(1, 500) AS g WHERE s.webhook_id = 1;
	INSERT INTO propstreet.event (id, event, resource_id, created_utc, payload)
	SELECT 1000000 + g, 'project.updated', 1, now(), '{}' FROM generate_series(1, 100000) AS g;
	INSERT INTO propstreet.webhook_delivery (webhook_id, event_id, event, resource_id, created_utc, next_attempt_utc)
	SELECT w, id, event, resource_id, created_utc, created_utc FROM propstreet.event, generate_series(1, 2) AS w WHERE id > 1000000;
	INSERT INTO propstreet.webhook_delivery (webhook_id, event_id, event, resource_id, created_utc, next_attempt_utc)
	SELECT 1000 + g, 1000001, 'project.updated', 1, now(), now() FROM generate_series(1, 500) AS g;
	ANALYZE propstreet.event, propstreet.webhook_delivery, propstreet.webhook;
});

# What a claim takes, and how many rows of the queue it read and wrote for it
sub claim
{
	my ($count) = @_;

	return split(/\|/, $node->safe_psql('postgres', qq{
		SET client_min_messages = error;
		BEGIN;
		CREATE TEMP TABLE result ON COMMIT DROP AS SELECT count(*) AS n, count(DISTINCT webhook_id) AS webhooks FROM propstreet.webhook_claim($count, '1 hour');
		SELECT r.n, r.webhooks, pg_stat_get_xact_tuples_fetched(t) + pg_stat_get_xact_tuples_returned(t), pg_stat_get_xact_tuples_updated(t)
		FROM result AS r, CAST('propstreet.webhook_delivery'::regclass AS oid) AS t;
		COMMIT;
	}));
}

my ($n, $webhooks, $read, $written) = claim(600);
is("$n $webhooks", '501 501', 'of a long backlog about one resource only the first goes, and other webhooks have theirs');
cmp_ok($written, '<', 5000, 'a claim parks a bounded number of rows');
cmp_ok($read, '<', 50000, 'and reads no more than that');
my $claims = 1;
$claims++ while $claims < 1000 && (claim(600))[3] > 0;
is($node->safe_psql('postgres', 'SELECT count(*) FROM propstreet.webhook_delivery WHERE next_attempt_utc <= clock_timestamp()'), '0', 'after some claims nothing is left to be looked at');
cmp_ok($claims, '<', 1000, "that is $claims claims");
($n, $webhooks, $read, $written) = claim(600);
is("$n $written", '0 0', 'then a claim finds nothing');
cmp_ok($read, '<', 5000, 'and hardly reads');

# The first is delivered: the one that waits for it is found among 100,000 without reading them
$node->safe_psql('postgres', q{SELECT propstreet.webhook_record(json_build_array(json_build_object('tenantId', tenant_id, 'webhookId', webhook_id,
	'deliveryId', id, 'attempt', attempts, 'responseStatus', 200))) FROM propstreet.webhook_delivery WHERE webhook_id = 1 AND leased});
($n, $webhooks, $read, $written) = claim(600);
is("$n $written", '1 1', 'the next one goes when the first is delivered');
cmp_ok($read, '<', 5000, 'and the others are not read for it');

done_testing();
