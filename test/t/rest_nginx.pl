
# The REST API through nginx, as examples/postgrest configures it, with PostgREST where POSTGREST names its program, else with the
# test bridge in its place: what a client sends arrives as it is, and so does the answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../bridge";

use Bridge;
use Digest::SHA qw(hmac_sha256);
use MIME::Base64 qw(encode_base64url);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($nginx) = grep { -x } '/usr/sbin/nginx', map { "$_/nginx" } split(/:/, $ENV{PATH});
plan skip_all => 'needs nginx' unless $nginx;

my $node = database_server('nginx');
$node->safe_psql('postgres', q{
	INSERT INTO propstreet.project (tenant_id, id, name, external_refs) VALUES (1, 1, 'Of 1', '{crm:a/b%2F}'), (2, 1, 'Of 2', '{}');
	INSERT INTO propstreet.contact (tenant_id, id, name) VALUES (1, 1, 'Contact'), (1, 2, 'Contact');
	INSERT INTO propstreet.company (tenant_id, id, name) VALUES (1, 1, 'Company');
	SELECT setval('propstreet.project_id_seq', 100), setval('propstreet.prospect_id_seq', 100);
});
my $directory = PostgreSQL::Test::Utils::tempdir();
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $bridge = start_bridge($node, '--postgrest');
my $token = token(1);

# The example, less its ports, as a whole configuration for an unprivileged user
sub start_nginx
{
	my $example = slurp_file('examples/postgrest/nginx.conf');
	my $temporary = join(' ', map { "${_}_temp_path $directory/$_;" } qw(client_body proxy fastcgi uwsgi scgi));

	is($example =~ s/server 127\.0\.0\.1:3000;/server 127.0.0.1:$bridge;/, 1, 'the port of PostgREST');
	is($example =~ s/listen 8080;/listen 127.0.0.1:$port;/, 1, 'the port of nginx');
	append_to_file("$directory/nginx.conf", qq{
		pid $directory/nginx.pid;
		error_log $directory/error.log;
		daemon off;
		worker_processes 1;
		events {}
		http {
			access_log off;
			$temporary
			$example
		}
	});
	my $run = IPC::Run::start([ $nginx, '-e', "$directory/error.log", '-p', $directory, '-c', "$directory/nginx.conf" ], '2>&1', '>', \my $out);
	foreach (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return $run if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
		die "nginx did not start: $out" unless $run->pumpable;
		select(undef, undef, undef, 0.1);
	}
	die 'nginx did not start';
}

# A request through nginx, with tenant 1's token
sub through
{
	my ($method, $target, $headers, $body) = @_;

	return request($port, $method, $target, { Authorization => "Bearer $token", %{ $headers // {} } }, $body);
}

my %json = ('Content-Type' => 'application/json');

# A token with these claims
sub signed
{
	my ($claims) = @_;
	my $text = join('.', map { encode_base64url($_) } '{"alg":"HS256","typ":"JWT"}', $claims);

	return "$text." . encode_base64url(hmac_sha256($text, $ENV{PGRST_JWT_SECRET}));
}

# A problem of a status, and no byte more
sub is_problem
{
	my ($answer, $status, $name) = @_;

	is("$answer->{status} $answer->{headers}{'content-type'} " . ($answer->{json}{status} // $answer->{body}), "$status application/problem+json $status", $name);
}

my $run = start_nginx();
my $answer;

# Every request of the guide: its regression test, with the requests over HTTP
sub guide
{
	my ($helpers) = slurp_file('test/sql/install.sql') =~ /^(CREATE SCHEMA test;.*)/ms;
	my $ask = "$FindBin::RealBin/../bridge/ask $port " . token(601);

	$node->safe_psql('postgres', $helpers . qq{
		CREATE OR REPLACE FUNCTION test.ask(request text, headers json DEFAULT '{}', body text DEFAULT NULL) RETURNS text
			LANGUAGE plpgsql SECURITY DEFINER AS \$\$
		DECLARE
			answer text;
		BEGIN
			CREATE TEMPORARY TABLE IF NOT EXISTS asked (answer text);
			TRUNCATE asked;
			EXECUTE format('COPY asked FROM PROGRAM %L', '$ask ' || encode(convert_to(json_build_array(request, headers, body)::text, 'UTF8'), 'hex'));
			SELECT convert_from(decode(a.answer, 'hex'), 'UTF8') INTO answer FROM asked AS a;
			answer := regexp_replace(regexp_replace(answer, 'W/"[0-9a-f]{16}"', 'W/"<tag>"'), 'cursor=eyJ1Ijoi[A-Za-z0-9_-]+', 'cursor=<cursor>');
			RETURN test.masked(answer);
		END
		\$\$;
	});
	IPC::Run::run([ 'psql', '-Xaq', '-d', $node->connstr('postgres') . ' options=-cclient_min_messages=warning', '-f', 'test/sql/rest_guide.sql' ],
		'>', \my $output, '2>&1');
	append_to_file("$directory/rest_guide.out", $output);
	is(`diff -u expected/rest_guide.out $directory/rest_guide.out`, '', 'every request of the guide');
}

guide();

# PostgREST's own conventions, below a path of their own
sub postgrests_own
{
	my %return = (Prefer => 'return=representation');
	my $named = sub { through('GET', "/rest/v1/projects?select=name&order=id&$_[0]")->{body} };

	$answer = through('POST', '/rest/v1/projects', { %json, %return }, '{"name": "By view", "price": {"value": 2, "currency": "EUR", "scale": "millions"}, "price_range": "100..200 millions EUR"}');
	is("$answer->{status} $answer->{json}[0]{price}{value} $answer->{json}[0]{price_range}{max}", '201 2 200', 'an INSERT');
	my $row = $answer->{json}[0]{id};
	is($named->($_), '[{"name":"By view"}]', "a filter: $_")
		foreach ('price=eq.2%20millions%20EUR', 'price=gt.1%20millions%20EUR', 'price_range=eq.100..200%20millions%20EUR', 'price_range=not.is.null');
	my $resource = through('GET', "/api/v1/projects/$row")->{headers}{etag};
	$answer = through('GET', '/rest/v1/project_delta?select=id&etag=eq.' . $resource =~ s/"/%22/gr);
	is($answer->{body}, qq([{"id":$row}]), 'a filter on etag');
	ok(!exists $answer->{headers}{'content-location'}, 'no Content-Location, which would lack the path');
	$answer = through('PATCH', "/rest/v1/projects?id=eq.$row", { %json, %return }, '{"classification": "active"}');
	is("$answer->{status} $answer->{json}[0]{classification}", '200 active', 'an UPDATE');
	is(through('DELETE', "/rest/v1/projects?id=eq.$row")->{status}, 403, 'no DELETE');
	is(through('GET', '/rest/v1/rpc/project_get?id=1')->{json}{name}, 'Of 1', 'a function by GET');
	like(through('POST', '/rest/v1/rpc/sync_barrier', \%json, '{}')->{body}, qr/^"\d{4}-/, 'sync_barrier');
	$answer = through('POST', '/rest/v1/rpc/project_get', \%json, '{"id": 99}');
	is("$answer->{status} $answer->{json}{code}", '404 PT404', 'the status of an error');
	is(through('GET', '/rest/v1/nothing')->{json}{code}, 'PGRST205', 'no such view');
	is(request($port, 'GET', '/rest/v1/projects')->{json}{code}, '42501', 'nothing without a token');
	$answer = through('GET', '/rest/v1/');
	is("$answer->{json}{host}$answer->{json}{basePath}", 'localhost:8080/rest/v1', 'the description says where');
	ok(exists $answer->{json}{paths}{$_}, "and has $_") foreach ('/projects', '/rpc/sync_barrier');
	is(() = postgrest_log() =~ /Schema cache queried/g, 1, 'the schema was read once: no answer was a 503');
}

# methods
$answer = through('POST', '/api/v1/projects', { %json, 'Idempotency-Key' => 'once' }, qq({"name": "New \xc3\xa9"}));
is($answer->{status}, 201, 'POST');
is($answer->{headers}{location}, "/api/v1/projects/$answer->{json}{id}", 'Location');
is($answer->{headers}{'content-type'}, 'application/json', 'Content-Type');
is($answer->{json}{name}, "New \xe9", 'UTF-8 arrives');
my $id = $answer->{json}{id};
my $again = through('POST', '/api/v1/projects', { %json, 'Idempotency-Key' => 'once' }, qq({"name": "New \xc3\xa9"}));
is($again->{body}, $answer->{body}, 'Idempotency-Key is passed on');
is_problem(through('POST', '/api/v1/projects', { %json, 'Idempotency-Key' => 'once' }, '{"name": "Other"}'), 422, 'Idempotency-Key of another request');

$answer = through('GET', "/api/v1/projects/$id");
is($answer->{status}, 200, 'GET');
is($answer->{headers}{etag}, $answer->{json}{etag}, 'the ETag comes back untouched');
like($answer->{headers}{etag}, qr{^W/"\w+"$}, 'one ETag');
my $etag = $answer->{headers}{etag};
ok(!exists $answer->{headers}{'content-range'}, 'no Content-Range');
$answer = through('GET', "/api/v1/projects/$id", { 'Accept-Encoding' => 'gzip', Accept => 'text/html', Prefer => 'count=exact', 'Accept-Profile' => 'public', 'Content-Profile' => 'public', Range => 'bytes=0-0' });
is("$answer->{status} $answer->{headers}{etag}", "200 $etag", 'headers that mean something to PostgREST');

$answer = through('HEAD', "/api/v1/projects/$id");
is("$answer->{status} $answer->{headers}{etag} $answer->{body}", "200 $etag ", 'HEAD');
is($answer->{headers}{'content-length'}, through('GET', "/api/v1/projects/$id")->{headers}{'content-length'}, 'with the length that GET has');
$answer = through('GET', "/api/v1/projects/$id", { 'If-None-Match' => $etag });
is("$answer->{status} $answer->{headers}{etag} $answer->{body}", "304 $etag ", 'If-None-Match');
ok(!exists $answer->{headers}{'content-type'}, '304 without Content-Type');
is_problem(through('GET', "/api/v1/projects/$id", { 'If-Match' => '"stale"' }), 412, 'If-Match of a GET');
is_problem(through('PUT', '/api/v1/projects/external/crm/a%2Fb%252F', { %json, 'If-None-Match' => '*' }, '{"name": "Changed"}'), 412, 'PUT to create only');
$answer = through('PATCH', "/api/v1/projects/$id", { 'Content-Type' => 'application/merge-patch+json', 'If-Match' => $etag }, '{"classification": "active"}');
is("$answer->{status} $answer->{json}{classification}", '200 active', 'PATCH with If-Match');
is_problem(through('PATCH', "/api/v1/projects/$id", { %json, 'If-Match' => $etag }, '{"name": "Stale"}'), 412, 'a stale If-Match');
$answer = through('PUT', '/api/v1/projects/external/crm/new%2Fone', \%json, '{"name": "By reference"}');
is("$answer->{status} $answer->{json}{externalRefs}[0]{id} $answer->{json}{result}", '201 new/one created', 'PUT, and %2F in the path');
$answer = through('GET', '/api/v1/projects/external/crm/a%2Fb%252F');
is("$answer->{status} $answer->{json}{name}", '200 Of 1', '%2F and %25 in the path');
$answer = through('OPTIONS', '/api/v1/projects/1');
is("$answer->{status} $answer->{headers}{allow} $answer->{body}", '204 GET, HEAD, PATCH, DELETE, OPTIONS ', 'OPTIONS');
$answer = through('DELETE', "/api/v1/projects/$id");
is("$answer->{status} $answer->{body}", '204 ', 'DELETE');
ok(!exists $answer->{headers}{'content-type'}, '204 without Content-Type');
$answer = through('PUT', '/api/v1/projects/1', \%json, '{}');
is_problem($answer, 405, 'a method that the path does not have');
is($answer->{headers}{allow}, 'GET, HEAD, PATCH, DELETE, OPTIONS', 'Allow');
is_problem(through('PROPFIND', '/api/v1/projects/1'), 405, 'a method of another protocol');

# targets
foreach my $batch (':batch', '%3Abatch', '%3abatch')
{
	$answer = through('POST', "/api/v1/projects/1/prospects$batch", \%json, '{"items": [{"contactId": "1"}]}');
	is($answer->{status}, 200, $batch);
}
is(scalar(@{ $answer->{json}{failed} }), 1, 'the batch is one');
$answer = through('GET', '/api/v1/projects?page_size=1&classification=draft&include_deleted=%74rue');
is("$answer->{status} " . scalar(@{ $answer->{json}{data} }), '200 1', 'the query');
is($answer->{headers}{link}, "</api/v1/projects?page_size=1&classification=draft&include_deleted=%74rue&cursor=$answer->{json}{page}{nextCursor}>; rel=\"next\"", 'Link to the next page');
$answer = through('GET', $answer->{headers}{link} =~ /<(.*?)>/);
is("$answer->{status} " . scalar(@{ $answer->{json}{data} }), '200 1', 'which is there');
is_problem(through('GET', '/api/v1/projects?page_size=1&page_size=2'), 400, 'a parameter twice');
is_problem(through('POST', '/api/v1/projects/1/prospects', \%json, '{"contactId": "1"}'), 409, 'a prospect twice');
is(through('POST', '/api/v1/projects/1/prospects', \%json, '{"contactId": "2"}')->{status}, 201, 'another prospect');
$node->safe_psql('postgres', q{UPDATE propstreet.contact SET tags = '{a}' WHERE tenant_id = 1});
$answer = through('GET', '/api/v1/projects/1/prospects?page_size=1&tags=a' . join('', map { '&tags=' . '%C3%A9' x 40 . $_ } 2 .. 50));
is("$answer->{status} " . scalar(@{ $answer->{json}{data} }), '200 1', 'a page with 50 long tags, which its Link repeats');
$answer = through('GET', $answer->{headers}{link} =~ /<(.*?)>/);
is("$answer->{status} " . scalar(@{ $answer->{json}{data} }), '200 1', 'and the next one');
is_problem(through('GET', '/api/v1/projects/'), 404, 'a trailing slash');
is_problem(through('GET', '/api/v1/../v1/projects'), 404, 'dots in the path');
is_problem(through('GET', $_), 400, "a path that nginx refuses: $_") foreach ('/api/v1/projects/%31%00', '/api/v1/projects/%zz', '/api/v1/projects/%');
is_problem(through('GET', '/api/v1/projects?x=' . 'x' x 20000), 414, 'a target above the limit');
is_problem(through('GET', '/api/v1/projects', { 'X-Long' => 'x' x 20000 }), 431, 'a header above the limit');
is_problem(through('TRACE', '/api/v1/projects'), 405, 'TRACE');
is_problem(request($port, 'GET', '/elsewhere'), 404, 'another path');
is_problem(through('GET', '/api/v1/projects/%ff'), 400, 'a path that is not UTF-8');
is_problem(through('GET', '/api/v1/nowhere'), 404, 'no route');

# headers
$answer = through('POST', '/api/v1/projects', { %json, 'Change-Origin' => 'crm' }, '{"name": "With origin"}');
is($node->safe_psql('postgres', "SELECT change_origin FROM propstreet.event WHERE tenant_id = 1 AND event LIKE 'project.%' AND resource_id = $answer->{json}{id}"), 'crm', 'Change-Origin is passed on');
my %forged = ('X-Original-Method' => 'DELETE', 'X-Original-URI' => '/api/v1/projects/1', 'X-Original-Content-Type' => 'application/json', 'x_original_method' => 'DELETE');
$answer = through('GET', '/api/v1/projects/external/crm/new%2Fone', \%forged);
is("$answer->{status} $answer->{json}{name}", '200 By reference', 'X-Original headers of the client are overwritten');
is_problem(through('POST', '/api/v1/projects', { %forged, 'Content-Type' => 'application/x-www-form-urlencoded' }, 'name=x'), 415, 'form data');
is(through('POST', '/api/v1/projects', undef, '{"name": "x"}')->{status}, 201, 'no Content-Type');
is(through('POST', '/api/v1/projects', { 'Content-Type' => 'application/json; charset=utf-8' }, '{"name": "x"}')->{status}, 201, 'a charset');

# bodies
is_problem(through('POST', '/api/v1/projects', \%json, '{"name": "' . ('x' x 1048577) . '"}'), 413, 'a body above the limit');
is_problem(through('POST', '/api/v1/projects', \%json, '{"name": "' . ('x' x 1048560) . '"}'), 400, 'a body below it');
is_problem(through('POST', '/api/v1/projects', \%json), 400, 'no body');
is_problem(through('POST', '/api/v1/projects', { %json, 'Content-Length' => 1, 'Transfer-Encoding' => 'chunked' }, 'z'), 400, 'what is no body in HTTP');
$answer = through('POST', '/api/v1/projects', \%json, '{"name": "x", ' . join(', ', map { '"' . "\xf4\x8f\xbf\xbf" x 60 . "$_\": 1" } 1 .. 200) . '}');
is_problem($answer, 400, 'many fields with long names');
is(scalar(@{ $answer->{json}{errors} }), 101, 'a hundred, and that there are more');
$answer = through('GET', '/api/v1/projects?' . join('&', map { '%01' x 50 . "$_=" } 1 .. 100));
is_problem($answer, 400, 'many parameters with long names');
is(scalar(@{ $answer->{json}{errors} }), 100, 'all that are told');
is_problem(through('GET', '/api/v1/projects?' . '%01' x 5400), 400, 'one with a very long name');
is_problem(through('POST', '/api/v1/projects', \%json, "{\"name\": \"\xff\"}"), 400, 'a body that is not UTF-8');
is_problem(through('POST', '/api/v1/projects', \%json, "{\"name\": \"\0\"}"), 400, 'a NUL in the body');

# who asks
$answer = request($port, 'GET', '/api/v1/projects/1', { Authorization => 'Bearer ' . token(2) });
is("$answer->{status} $answer->{json}{name}", '200 Of 2', 'the token decides the tenant');
is_problem(request($port, 'GET', '/api/v1/projects/external/crm/new%2Fone', { Authorization => 'Bearer ' . token(2) }), 404, "what another tenant's reference names");
$answer = request($port, 'GET', '/api/v1/projects/1');
is_problem($answer, 401, 'no token');
is($answer->{headers}{'www-authenticate'}, 'Bearer', 'WWW-Authenticate');
is_problem(request($port, 'GET', '/api/v1/projects/1', { Authorization => 'Bearer ' . token(0) }), 401, 'a claim that is no tenant');
my @turns = map { request($port, 'GET', '/api/v1/projects/1', $_) } ({ Authorization => 'Bearer ' . token(2) }, { Authorization => "Bearer $token" }, {}) x 20;
is(join(' ', map { $_->{json}{name} // $_->{status} } @turns), join(' ', ('Of 2', 'Of 1', 401) x 20), 'tenants in turn, on few connections');
# what PostgREST says by itself
$answer = request($port, 'GET', '/api/v1/projects/1', { Authorization => "Bearer ${token}x" });
is_problem($answer, 401, 'a forged token');
is($answer->{json}{detail}, 'The token is not valid, or has expired', 'which was not ours to judge');
is_problem(request($port, 'GET', '/api/v1/projects/1', { Authorization => 'Bearer ' . signed('{"role":"postgres","tenant_id":1}') }), 403, 'a role that is not granted');
is_problem(request($port, 'GET', '/api/v1/projects/1', { Authorization => 'Bearer ' . signed('{"role":"nobody","tenant_id":1}') }), 401, 'a role that does not exist');
is_problem(request($port, 'GET', '/api/v1/projects/1', { Authorization => 'Bearer ' . signed('{"role":"propstreet_user","tenant_id":1,"exp":1}') }), 401, 'an expired token');
$node->safe_psql('postgres', 'REVOKE EXECUTE ON FUNCTION propstreet_api.handle(bytea) FROM web_anon');
is_problem(request($port, 'GET', '/api/v1/projects/1'), 401, 'no right to call the API');
$node->safe_psql('postgres', 'GRANT EXECUTE ON FUNCTION propstreet_api.handle(bytea) TO web_anon');
$node->safe_psql('postgres', 'ALTER FUNCTION propstreet.handle_postgrest(bytea) RENAME TO handle_away');
is_problem(through('GET', '/api/v1/projects/1'), 503, 'no function: not 404, as if there were no such project');
$node->safe_psql('postgres', 'ALTER FUNCTION propstreet.handle_away(bytea) RENAME TO handle_postgrest');

$node->safe_psql('postgres', 'ALTER SCHEMA propstreet_api RENAME TO away');
is_problem(through('GET', '/api/v1/projects/1'), 503, 'no schema: not 400, as if the request were wrong');
$node->safe_psql('postgres', 'ALTER SCHEMA away RENAME TO propstreet_api');

# bytes that are no UTF-8, on which PostgREST would fail, and leave a transaction open: not passed on. All of UTF-8 is.
my @utf8 = map { my $text = chr; utf8::encode($text); $text } 0xe9, 0x7ff, 0x800, 0xfff, 0x1000, 0xd7ff, 0xe000, 0xfeff, 0x10000, 0x3ffff, 0x40000, 0x10ffff;
my @not_utf8 = ("\xff", "\x80", "\xc0\x80", "\xc3", "\xc3A", "\xe0\x80\x80", "\xe4\xb8", "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf0\x9f\x98", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3\xa9\xa9", "\xf0\x9f\x98\x80\x80");
foreach my $header ('If-Match', 'If-None-Match', 'Idempotency-Key', 'Change-Origin', 'Content-Type', 'Authorization')
{
	is(join(' ', map { through('GET', '/api/v1/projects/99', { $header => $_ })->{status} } @not_utf8), join(' ', (400) x @not_utf8), "bytes that are no UTF-8: $header");
}
is(join(' ', map { through('GET', "/api/v1/projects/99?x=$_")->{status} } @not_utf8), join(' ', (400) x @not_utf8), 'and the target');
is_problem(through('GET', '/api/v1/projects/99', { 'If-Match' => "\xff" }), 400, 'which is told');
is(join(' ', map { through('GET', "/api/v1/projects/external/crm/$_", { 'If-None-Match' => qq("$_") })->{status} } @utf8), join(' ', (404) x @utf8), 'what is UTF-8');
is(through('GET', '/api/v1/projects/1', { 'X-Name' => "\xff", Cookie => "a=\xff" })->{status}, 200, 'headers that mean nothing');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE usename = 'authenticator' AND state LIKE 'idle in%'}), 0, 'no transaction is left open');

# what is ours with the same status: 503 never reaches PostgREST, which would say when to retry, too
$node->safe_psql('postgres', q{ALTER ROLE authenticator SET propstreet.sync_wait = '10ms'});
my $writer = $node->background_psql('postgres');
$writer->query_safe("BEGIN; UPDATE propstreet.project SET name = 'Slow' WHERE tenant_id = 1 AND id = 1");
$answer = through('GET', '/api/v1/projects?updated_since=2026-01-01T00:00:00Z');
is_problem($answer, 503, 'no exact delta read');
is($answer->{json}{detail}, 'an exact delta read is not possible now', 'and why');
is($answer->{headers}{'retry-after'}, '1', 'Retry-After once');
$answer = request($bridge, 'POST', '/rpc/handle', { 'Content-Type' => 'application/octet-stream', Authorization => "Bearer $token", 'X-Original-Method' => 'GET', 'X-Original-URI' => '/api/v1/projects?updated_since=2026-01-01T00:00:00Z' }, '');
is($answer->{status}, 529, 'PostgREST sees 529');
$writer->query_safe('ROLLBACK');
$writer->quit;
is(through('GET', '/api/v1/projects?updated_since=2026-01-01T00:00:00Z')->{status}, 200, 'the writer has ended');

# browsers
$answer = request($port, 'OPTIONS', '/api/v1/projects/1', { Origin => 'https://example.com', 'Access-Control-Request-Method' => 'PATCH', 'Access-Control-Request-Headers' => 'authorization, if-match' });
is("$answer->{status} $answer->{headers}{'access-control-allow-origin'} $answer->{headers}{'access-control-allow-methods'} $answer->{headers}{'access-control-max-age'}",
	'204 * GET, HEAD, POST, PUT, PATCH, DELETE 3600', 'a preflight without a token');
like($answer->{headers}{'access-control-allow-headers'}, qr/\bAuthorization\b.*\bIf-Match\b.*\bIdempotency-Key\b/, 'the headers that may be sent');
foreach ([ '/api/v1/projects/1', {}, 200 ], [ '/api/v1/projects/99', {}, 404 ], [ '/api/v1/projects/1', { Authorization => 'Bearer x' }, 401 ], [ '/rest/v1/x', {}, 404 ])
{
	my ($target, $headers, $status) = @$_;

	$answer = through('GET', $target, { Origin => 'https://example.com', %$headers });
	is("$answer->{status} $answer->{headers}{'access-control-allow-origin'}", "$status *", "$target of another origin: $status");
	like($answer->{headers}{'access-control-expose-headers'}, qr/\bETag\b.*\bLink\b.*\bLocation\b.*\bRetry-After\b/, 'and what a script may read of it');
	ok(!exists $answer->{headers}{'access-control-allow-methods'}, 'which is no preflight');
}
ok(!exists through('GET', '/api/v1/projects/1')->{headers}{'access-control-allow-origin'}, 'nothing of it for the same origin');
my $written = $node->safe_psql('postgres', 'SELECT count(*) FROM propstreet.project');
is_problem(request($port, 'POST', '/api/v1/projects', \%json, '{"name": "x"}'), 401, 'writing without a token');
is($node->safe_psql('postgres', 'SELECT count(*) FROM propstreet.project'), $written, 'writes nothing');
is(request($port, 'GET', '/api/v1/openapi.json')->{json}{openapi}, '3.1.0', 'the description is for all');
is(request($bridge, 'PATCH', '/rpc/handle', \%json, '{}')->{status}, 405, 'which PostgREST would refuse');

# what the bridge does not do
SKIP:
{
	skip 'needs POSTGREST', 1 unless $ENV{POSTGREST};
	postgrests_own();
}

# without PostgREST
stop_bridges();
$answer = through('GET', '/api/v1/projects/1');
is_problem($answer, 503, 'nobody answers');
is($answer->{headers}{'retry-after'}, 1, 'Retry-After');

$run->kill_kill;
is(slurp_file("$directory/error.log") =~ s/^.*(?:Connection refused|too large body|no live upstreams|buffered to a temporary file).*\n//gmr, '', 'no other complaint of nginx');
$node->stop;
done_testing();
