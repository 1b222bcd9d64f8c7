# The attempts of what answers to webhooks: it answers the worker with what it should not believe, or never ends.

use strict;
use warnings;

use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Sink;
use Time::HiRes qw(sleep time);

my $hits = PostgreSQL::Test::Utils::tempdir() . '/hits';
my @answers;    # [kind, description, answer: a text or a function of the socket, expected]
my @urls;       # [kind, description, URL]
my $first;      # of the answers that say when to come again

# Adds an attempt: what is answered, and what the outcome of the delivery has to match
sub answer
{
	my ($kind, $description, $answer, $expected) = @_;

	push(@answers, [ $kind, $description, $answer, $expected // qr/^(failed|delivered)/ ]);
	return;
}

# Answers by the number in a request's path, each connection in a process of its own
sub answer_requests
{
	my ($listener) = @_;
	my $pid = fork();
	defined $pid or die $!;

	return $pid if $pid;
	setpgrp(0, 0);
	$SIG{CHLD} = 'IGNORE';
	$SIG{PIPE} = 'IGNORE';
	$SIG{TERM} = 'DEFAULT';
	while (1)
	{
		my $socket = $listener->accept or next;
		# a child that can't be made is a connection closed
		next if fork() // 1;
		alarm(20);
		my $request = '';
		while ($request !~ /\r\n\r\n/ && sysread($socket, $request, 65536, length $request)) { }
		my ($path) = $request =~ m{^POST /(\S*)};
		open(my $handle, '>>', $hits) or die $!;
		syswrite($handle, ($path // '?') . "\n");
		close $handle;
		my $answer = ($path // '') =~ /^(\d+)/ ? $answers[$1][2] : "HTTP/1.1 204 Fine\r\n\r\n";
		if (ref $answer) { $answer->($socket) }
		else { write_all($socket, $answer) }
		shutdown($socket, 1);
		sysread($socket, my $rest, 1 << 20) for 1 .. 3;
		POSIX::_exit(0);
	}
}

# Writes until all is written or nobody reads
sub write_all
{
	my ($socket, $text) = @_;

	for (my $at = 0; $at < length $text;)
	{
		my $written = syswrite($socket, $text, 65536, $at) or return;
		$at += $written;
	}
	return 1;
}

# Writes something again and again, for as long as it is read
sub endless
{
	my ($start, $part, $pause) = @_;

	return sub {
		my ($socket) = @_;

		write_all($socket, $start) or return;
		for (my $end = time + 15; time < $end;)
		{
			write_all($socket, $part) or return;
			sleep($pause) if $pause;
		}
	};
}

sub hit_count
{
	my ($path) = @_;

	return -e $hits ? scalar(grep { /^$path/ } split(/\n/, slurp_file($hits))) : 0;
}

# ---- what is answered ----

sub answers
{
	my $ok = "HTTP/1.1 200 OK\r\n";
	my $failed = qr/^failed/;

	answer(stop => 'headers without end', endless($ok, "X-A: " . ('a' x 1000) . "\r\n"), $failed);
	answer(stop => 'one header without end', endless($ok . 'X-A: ', 'a' x 10000), $failed);
	answer(stop => 'a status line without end', endless('HTTP/1.1 200 ', 'a' x 10000), $failed);
	answer(stop => 'a body without end', endless("$ok\r\n", 'a' x 65536));
	answer(stop => 'chunks without end', endless("${ok}Transfer-Encoding: chunked\r\n\r\n", "1000\r\n" . ('a' x 4096) . "\r\n"));
	answer(stop => 'chunk extensions without end', endless("${ok}Transfer-Encoding: chunked\r\n\r\n1;", 'a' x 10000));
	answer(stop => 'trailers without end', endless("${ok}Transfer-Encoding: chunked\r\n\r\n0\r\n", "X-T: a\r\n"));
	answer(stop => 'informational answers without end', endless('', "HTTP/1.1 100 Continue\r\n\r\n"), $failed);
	answer(stop => 'early hints without end', endless('', "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"), $failed);
	answer(stop => 'a byte each 0.3 s', endless($ok, 'X', 0.3), $failed);
	answer(stop => 'a byte of the body each 0.3 s', endless("${ok}Content-Length: 1000000\r\n\r\n", 'x', 0.3));
	answer(stop => 'nothing, and the connection stays open', sub { sleep(15) }, $failed);
	answer(stop => 'headers, and the connection stays open', sub { write_all($_[0], "${ok}X: y\r\n"); sleep(15) }, $failed);
	answer(stop => 'a length of 10 EB', "${ok}Content-Length: 9223372036854775807\r\n\r\nx");
	answer(stop => 'a body of 50 MB', sub { write_all($_[0], "${ok}Content-Length: 50000000\r\n\r\n" . ('x' x 50_000_000)) });
	answer(stop => 'a header of 90 kB', "${ok}X: " . ('x' x 90000) . "\r\n\r\n");
	answer(stop => 'a header of 5 MB', sub { write_all($_[0], "${ok}X: " . ('x' x 5_000_000) . "\r\n\r\n") });
	answer(stop => '100,000 headers', sub { write_all($_[0], $ok . ("X: y\r\n" x 100_000) . "\r\n") });
	answer(stop => '10,000 cookies', $ok . ("Set-Cookie: a=b\r\n" x 10_000) . "Content-Length: 0\r\n\r\n");
	answer(stop => "content that is encoded: $_", "${ok}Content-Encoding: $_\r\nContent-Length: 60\r\n\r\n" . pack('H*', '1f8b08000000000000ff' . ('edc10101000000c2a0f74f6d0e37a0000000' x 3))) foreach ('gzip', 'deflate', 'br', 'zstd', 'gzip, gzip, gzip, gzip, gzip, gzip', 'x' x 5000);
	answer(stop => "a transfer coding: $_", "${ok}Transfer-Encoding: $_\r\n\r\n5\r\nabcde\r\n0\r\n\r\n") foreach ('gzip', 'chunked, chunked, chunked', 'gzip, chunked', 'x' x 5000);

	answer(lie => 'no HTTP: ' . ($_ =~ s/[^ -~]/./gr =~ s/^(.{20}).*/$1/r), $_, $failed) foreach ("SSH-2.0-OpenSSH_9\r\n", "220 mail ESMTP\r\n", "\0" x 1000, "\xff\xfe" x 500, "\x16\x03\x01\x02\0\x01\0\x01\xfc", "<html>CANARY</html>", "{\"status\": 200}\n", '+OK', "200 OK\r\n\r\n", "RTSP/1.0 200 OK\r\n\r\n");
	answer(lie => "a status line of $_", "$_\r\nContent-Length: 0\r\n\r\n", $failed) foreach ('HTTP/1.1', 'HTTP/1.1 ', 'HTTP/1.1 2', 'HTTP/1.1 20', 'HTTP/1.1 000 OK', 'HTTP/1.1 999 OK', 'HTTP/1.1 -200 OK', 'HTTP/1.1 99999999999 OK', 'HTTP/9.9 200 OK', 'HTTP/1.1 OK 200', 'HTTP/1.1 100 Continue', 'HTTP/1.1 304 Not Modified', 'HTTP/1.1 600 X', 'HTTP/0.9 200 OK', 'HTTP/3 200 OK');
	answer(lie => 'an informational answer alone', "HTTP/1.1 199 X\r\n\r\n", $failed);
	answer(lie => 'switching protocols', "HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" . ('x' x 1000), $failed);
	answer(lie => 'closed after nothing', '', $failed);
	answer(lie => 'closed in the status line', 'HTTP/1.1 2', $failed);
	answer(lie => 'closed in headers', "${ok}X-A", undef);
	answer(crash => "chunks: $_", "${ok}Transfer-Encoding: chunked\r\n\r\n$_") foreach ("x\r\n", "-1\r\nabc\r\n", "ffffffffffffffffffff\r\nabc", "7fffffffffffffff\r\nabc", "5\r\nabc", "5\nabcde\n0\n\n", "0x5\r\nabcde\r\n0\r\n\r\n", "\r\n\r\n", "5;\0\0\r\nabcde\r\n0\r\n\r\n", '0' x 10000 . "\r\n\r\n");
	answer(crash => "a length: $_", "${ok}Content-Length: $_\r\n\r\nabc") foreach ('-1', 'x', '99999999999999999999999', "3\r\nContent-Length: 4", '3, 4', '', '+3', '0x3', "3\r\nTransfer-Encoding: chunked");
	answer(crash => "a header: " . ($_ =~ s/[^ -~]/./gr =~ s/^(.{30}).*/$1/r), "$ok$_\r\nContent-Length: 0\r\n\r\n") foreach ("X: a\0b", "\0\0\0: \0", ': no name', 'no colon', "X: a\r\n folded", " begins folded", "X: \xff\xfe\xc3", "X: \x1b[31mred", "X: a\nY: b", "X: a\rY: b", "X" x 20000 . ": y", "Strict-Transport-Security: max-age=99999999999999999999", "Alt-Svc: h3=\"127.0.0.1:1\"; ma=99999999",
		"WWW-Authenticate: Basic realm=\"" . ('x' x 5000) . '"', "Set-Cookie: " . ('a' x 8000) . "=b; domain=127.0.0.1", "Connection: close, close, \0", "Keep-Alive: timeout=-1", "Trailer: X");
	foreach my $status (301, 302, 303, 307, 308, 300, 305)
	{
		foreach my $location ('http://127.0.0.1:PORT/inside', 'http://169.254.169.254/latest/meta-data/', 'file:///etc/passwd', '//127.0.0.1:PORT/inside', '/inside', "/inside\r\nX: y", 'gopher://127.0.0.1:PORT/inside')
		{
			answer(read => "$status to $location" =~ s/[\r\n].*//sr, "HTTP/1.1 $status Moved\r\nLocation: $location\r\nContent-Length: 0\r\n\r\n", qr/^failed \d/);
		}
	}
	answer(read => 'a refresh', "${ok}Refresh: 0; url=/inside\r\nContent-Length: 0\r\n\r\n", undef);
	answer(read => 'authentication is asked for', "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n", $failed);
	answer(read => 'a proxy asks for it', "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n", $failed);
	answer(read => 'a body that is not to be stored', "HTTP/1.1 500 CANARY\r\nContent-Length: 6\r\n\r\nCANARY", qr/^failed 500(?!.*CANARY)/);
	return;
}

sub urls
{
	@urls = map { [ read => "a webhook to $_", $_ ] } ('http://169.254.169.254/latest/meta-data/', 'http://[::1]:PORT/inside', 'http://[::]:PORT/inside', 'http://0.0.0.0:PORT/inside', 'http://0:PORT/inside', 'http://10.0.0.1/', 'http://192.168.0.1/', 'http://172.16.0.1/', 'http://100.64.0.1/', 'http://2852039166/', 'http://0xa9fea9fe/', 'http://0251.0376.0251.0376/',
		'http://[::ffff:169.254.169.254]/', 'http://[::ffff:10.0.0.1]/', 'http://[64:ff9b::a9fe:a9fe]/', 'http://[fe80::1]/', 'http://[fc00::1]/', 'http://[fd00:ec2::254]/', 'http://224.0.0.1/', 'http://255.255.255.255/', 'http://[ff02::1]/', 'http://198.18.0.1/', 'http://192.0.0.1/', 'http://[2002:a9fe:a9fe::]/', 'http://[::7f00:1]:PORT/inside',
		'file:///etc/passwd', 'ftp://127.0.0.1/', 'gopher://127.0.0.1:PORT/inside', 'dict://127.0.0.1:PORT/inside', 'ldap://127.0.0.1/', 'smb://127.0.0.1/', 'scp://127.0.0.1/', 'unix:/tmp/x', 'javascript:alert(1)', 'http://', 'http:///', 'http://[::1', 'http://127.0.0.1:0/', 'http://127.0.0.1:65536/', 'http://127.0.0.1:-1/', 'http://a b/', 'http://a\\\\u0000b/',
		'http://127.0.0.1\\\\r\\\\nX: y/', 'http://127.0.0.1:PORT/inside\\\\r\\\\nX-Injected: y', 'http://example.com@169.254.169.254/', 'http://169.254.169.254#@example.com/', 'http://169.254.169.254\\\\\\\\@example.com/', 'http://metadata.google.internal/');
	return;
}

# ---- the attempts ----

sub endpoint
{
	my ($node) = @_;

	answers();
	urls();
	retry_answers();
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 500, ReuseAddr => 1) or die $!;
	my $port = $listener->sockport;
	$_->[2] =~ s/PORT/$port/g foreach grep { !ref $_->[2] } @answers;
	my $server = answer_requests($listener);
	my $query = sub { my ($sql) = @_; return $node->safe_psql('postgres', $sql) };
	my $worker = sub { return $node->safe_psql('template1', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'propstreet webhooks' AND datname = 'postgres'}) };
	my $memory = sub { my ($pid) = @_; return (slurp_file("/proc/$pid/status") =~ /VmHWM:\s+(\d+)/)[0] };
	my $secret = 'CANARY|whsec';
	my $escape = sub { my ($url) = @_; return $url =~ s/PORT/$port/gr =~ s/'/''/gr =~ s/\\\\/\\/gr };

	set_up($node, 'postgres');
	my $good = start_sink();
	deliver($node, "http://127.0.0.1:$good->{port}/");
	my $pid = $worker->();
	my $before = $memory->($pid);

	$query->('CREATE TABLE attempt (n integer PRIMARY KEY, tenant bigint, url text, webhook bigint, delivery bigint, error text)');
	my $n = 0;
	$query->(join(';', map { sprintf(q{INSERT INTO attempt VALUES (%1$d, 100 + %1$d / 40, '%2$s')}, $n++, $_) } map({ "http://127.0.0.1:$port/$_" } 0 .. $first - 1), map({ $escape->($_->[2]) } @urls)));
	# those that hold on as long as they can; then, below, the others
	my $calm = (grep { $answers[$_][0] ne 'stop' } 0 .. $first - 1)[0];
	start($query, "n < $calm");
	my $begun = time;
	my $delivered = deliver($node, "http://127.0.0.1:$good->{port}/");
	my $took = time - $begun;
	tried('webhook endpoint', 'stop', "another tenant's webhook waits for all of these", $delivered =~ /^delivered 204/ && $took < 20 ? undef : "$delivered after $took s");
	wait_for($query);
	# these answer at once, as soon as this machine comes to it
	configure($node, 'propstreet_webhooks.timeout' => '10s');
	deliver($node, "http://127.0.0.1:$good->{port}/");
	# a few at a time, or the server, not the worker, would be too slow
	for (my $from = $calm; $from < $first + @urls; $from += 40)
	{
		start($query, "n BETWEEN $from AND $from + 39");
		wait_for($query);
	}
	my %outcome = map { split(/\|/, $_, 2) } split(/\n/, $query->(q{SELECT a.n, replace(coalesce('refused ' || a.error, concat_ws(' ', d.status, d.response_status, d.error), 'none'), E'\n', '<line end>')
		FROM attempt AS a LEFT JOIN propstreet.webhook_delivery AS d ON d.tenant_id = a.tenant AND d.webhook_id = a.webhook AND d.id = a.delivery}));
	my $achieved = sub {
		my ($outcome, $expected) = @_;

		return "it shows $1" if $outcome =~ /($secret)/;
		return "control characters: $outcome" if $outcome =~ /[\0-\x1f\x7f]|<line end>/;
		return 'a long error of ' . length($outcome) if length $outcome > 1000;
		return "the outcome is: $outcome" if $outcome !~ $expected;
		return;
	};

	foreach my $i (0 .. $first - 1)
	{
		my ($kind, $description, undef, $expected) = @{ $answers[$i] };
		tried('webhook endpoint', $kind, $description, scalar($achieved->($outcome{$i}, $expected)), "answer $i");
	}
	foreach my $i (0 .. $#urls)
	{
		my ($kind, $description, $url) = @{ $urls[$i] };
		tried('webhook endpoint', $kind, $description =~ s/[^ -~]/./gr, scalar($achieved->($outcome{ $i + $first }, qr/^(refused (PT4|22)|failed (?!\d{3}( |$)))/)), $url);
	}
	tried('webhook endpoint', 'read', 'a request that was led elsewhere', hit_count('inside') ? 'it came' : undef);
	my $more = $worker->() eq $pid ? ($memory->($pid) - $before) / 1024 : 0;
	tried('webhook endpoint', 'crash', 'the worker after all of these', $worker->() eq $pid ? undef : 'it is another one');
	tried('webhook endpoint', 'stop', 'its memory after all of these', $more < 100 ? undef : "it has $more MB more");
	tried('webhook endpoint', 'stop', 'a delivery after all of these', deliver($node, "http://127.0.0.1:$good->{port}/") =~ /^delivered 204/ ? undef : 'it fails');

	retry_after($node, $query, $port);
	kill('TERM', -$server);
	return;
}

# Makes a webhook for each of some attempts, and sends it an event
sub start
{
	my ($query, $which) = @_;

	$query->(q{DO $$ DECLARE a record; BEGIN
		FOR a IN SELECT * FROM attempt WHERE WHICH ORDER BY n LOOP
			BEGIN
				PERFORM propstreet.set_tenant(a.tenant);
				UPDATE attempt SET webhook = (propstreet.webhook_create(('{"url": "' || a.url || '", "events": ["project.updated"]}')::json)->>'id')::bigint WHERE n = a.n;
				UPDATE attempt SET delivery = (propstreet.webhook_test(webhook)->>'deliveryId')::bigint WHERE n = a.n;
			EXCEPTION WHEN OTHERS THEN UPDATE attempt SET error = SQLSTATE || ' ' || SQLERRM WHERE n = a.n;
			END;
		END LOOP; END$$} =~ s/WHICH/$which/r);
	return;
}

# Waits until all deliveries have ended, or long enough
sub wait_for
{
	my ($query) = @_;

	for (my $end = time + 180; time < $end; sleep(0.2))
	{
		last if $query->(q{SELECT count(*) FROM attempt AS a JOIN propstreet.webhook_delivery AS d ON d.tenant_id = a.tenant AND d.webhook_id = a.webhook AND d.id = a.delivery WHERE d.status = 'pending'}) == 0;
	}
	return;
}

# ---- Retry-After ----

my @after = ('-1', '-99999999999999999999', '99999999999999999999', '2147483648', '86400000', 'x', '', '1e9', '0x10', 'Wed, 21 Oct 2015 07:28:00 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT', "1\r\nRetry-After: 99999999999", '60, 60', 'NaN');

sub retry_answers
{
	$first = @answers;
	push(@answers, map { [ 'stop', "Retry-After: $_", "HTTP/1.1 429 Wait\r\nRetry-After: $_\r\nContent-Length: 0\r\n\r\n" ] } @after);
	push(@answers, [ 'stop', 'Retry-After', "HTTP/1.1 503 Wait\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n" ]);
	return;
}

# The next attempt is within a day, whatever the answer says; and what says to wait gets no more requests until then
sub retry_after
{
	my ($node, $query, $port) = @_;
	my $held = $first + @after;

	configure($node, 'propstreet.webhook_retry' => '2,2');
	sleep(0.5);
	$query->("SELECT propstreet.set_tenant(200); SELECT propstreet.webhook_test(id) FROM (SELECT (propstreet.webhook_create(json_build_object('url', 'http://127.0.0.1:$port/' || i, 'name', i::text, 'events', '[\"project.updated\"]'::json))->>'id')::bigint AS id FROM generate_series($first, $held) AS i) AS w");
	$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM propstreet.webhook_delivery WHERE tenant_id = 200 AND attempts = 0');
	my %next = map { split(/\|/, $_) } split(/\n/, $query->('SELECT w.name, extract(epoch FROM d.next_attempt_utc - clock_timestamp())::bigint FROM propstreet.webhook_delivery AS d JOIN propstreet.webhook AS w ON w.tenant_id = d.tenant_id AND w.id = d.webhook_id WHERE d.tenant_id = 200 AND d.next_attempt_utc IS NOT NULL'));
	foreach my $i (0 .. $#after)
	{
		my $seconds = $next{ $first + $i };
		tried('webhook endpoint', 'stop', $answers[ $first + $i ][1] =~ s/[^ -~]/./gr, defined $seconds && $seconds > -5 && $seconds <= 86400 ? undef : 'the next attempt is in ' . ($seconds // '?') . ' s');
	}
	$query->("SELECT propstreet.set_tenant(200); SELECT propstreet.webhook_test(id) FROM propstreet.webhook, generate_series(1, 30) WHERE tenant_id = 200 AND name = '$held'");
	sleep(1.5);
	tried('webhook endpoint', 'stop', 'requests after Retry-After: 60', hit_count($held) <= 9 ? undef : hit_count($held) . ' requests came');
	configure($node, 'propstreet.webhook_retry' => '');
	return;
}

1;
