# The owner of the tables is not trusted by the webhook worker, which is a superuser: triggers run as the owner, and can neither
# become anybody else nor hold the worker up for good.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../sink";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Sink;
use Test::More;

my $node = webhook_server('rights');
$node->append_conf('postgresql.conf', <<'END');
propstreet_webhooks.databases = 'owned'
propstreet_webhooks.fallback_interval = '100ms'
END
$node->start;
my $sink = start_sink();
my $url = "http://127.0.0.1:$sink->{port}/";

$node->safe_psql('postgres', 'CREATE ROLE owner LOGIN; CREATE DATABASE owned OWNER owner');

sub as_owner
{
	my ($sql) = @_;

	return $node->safe_psql('owned', $sql, extra_params => [ '-U', 'owner' ]);
}

as_owner(<<'SQL');
CREATE EXTENSION propstreet;
SELECT propstreet.install();
CREATE TABLE public.tried (who name, what text, error text);
CREATE FUNCTION public.try() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	what text;
BEGIN
	-- by the worker, not by an operation of this test
	IF session_user <> 'owner' AND current_setting('application_name') !~ '[.]pl$' THEN
		FOREACH what IN ARRAY ARRAY[format('SET ROLE %I', session_user), 'RESET ROLE', format('SET SESSION AUTHORIZATION %I', session_user), 'RESET SESSION AUTHORIZATION',
			format('SELECT set_config(''role'', %L, true)', session_user), 'ALTER ROLE owner SUPERUSER', $s$COPY public.tried TO PROGRAM 'true'$s$, 'CREATE TEMP TABLE t ()']
		LOOP
			BEGIN
				EXECUTE what;
				INSERT INTO public.tried VALUES (current_user, what, 'no error');
			EXCEPTION WHEN OTHERS THEN
				INSERT INTO public.tried VALUES (current_user, what, SQLERRM);
			END;
		END LOOP;
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER try AFTER UPDATE ON propstreet.webhook_delivery FOR EACH STATEMENT EXECUTE FUNCTION public.try();
CREATE TRIGGER try AFTER UPDATE ON propstreet.webhook FOR EACH STATEMENT EXECUTE FUNCTION public.try();
SQL

$node->safe_psql('owned', q{ALTER DATABASE owned SET propstreet.tenant_id = '1'});

# ---- rights ----

is(deliver($node, $url, 'owned'), 'delivered 204', 'it delivers');
is(as_owner(q{SELECT string_agg(DISTINCT who, ' ') FROM public.tried}), 'owner', 'triggers run as the owner');
is(as_owner('SELECT count(DISTINCT what) FROM public.tried'), '8', 'and try everything');
is(as_owner(q{SELECT DISTINCT what || ': ' || error FROM public.tried WHERE error !~ '^(cannot set parameter "(role|session_authorization)" within|cannot create temporary table within) security-(restricted operation|definer function)$|^must be superuser|permission denied'}),
	'', 'which is refused');
is(as_owner(q{SELECT rolsuper FROM pg_roles WHERE rolname = 'owner'}), 'f', 'the owner is no superuser');
as_owner('DROP FUNCTION public.try() CASCADE');

# ---- time ----

my $holder = $node->background_psql('owned');
my $from = -s $node->logfile;
$holder->query_safe('BEGIN; LOCK TABLE propstreet.webhook_delivery');
ok($node->wait_for_log(qr/ERROR:  canceling statement due to lock timeout/, $from), 'a lock is not awaited for ever');
$holder->quit;
is(deliver($node, $url, 'owned'), 'delivered 204', 'it goes on when it can be had');

as_owner(<<'END');
CREATE FUNCTION public.sleep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(100000); END $$;
CREATE TRIGGER sleep BEFORE UPDATE ON propstreet.webhook_delivery FOR EACH ROW EXECUTE FUNCTION public.sleep();
END
my $delivery = test_event($node, subscribe($node, $url, undef, 'owned'), 'owned');
ok($node->wait_for_log(qr/ERROR:  canceling statement due to statement timeout/, $from), 'nor is a statement');
as_owner('DROP FUNCTION public.sleep() CASCADE');
is(outcome($node, $delivery, 'owned'), 'delivered 204', 'it goes on when they end');

$node->stop;
done_testing();
