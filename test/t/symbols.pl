# Both libraries show the dynamic linker what PostgreSQL looks up and nothing else, and another library's functions are never
# taken for ours.

use strict;
use warnings FATAL => 'all';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $libraries = `pg_config --pkglibdir`;
chomp $libraries;

sub symbols
{
	my ($library) = @_;
	my $symbols = `nm -D --defined-only $libraries/$library.so`;
	return sort map { (split)[2] } split /\n/, $symbols;
}

my %functions = map { $_ => 1 } symbols('propstreet');
ok(delete $functions{Pg_magic_func} && delete $functions{_PG_init}, 'propstreet: what every library has');
is_deeply([ sort grep { !/^pg_finfo_/ } keys %functions ], [ sort map { /^pg_finfo_(.*)/ } keys %functions ],
	'propstreet: else functions for SQL, each with its information');
is_deeply([ symbols('propstreet_webhooks') ], [qw(Pg_magic_func _PG_init propstreet_webhooks_launcher propstreet_webhooks_worker)],
	'propstreet_webhooks: what the server calls');

unlike(`nm -D --undefined-only $libraries/propstreet.so`, qr/JSONC_|json_(object|tokener|array)_/, 'json-c is a part of it');

my $node = PostgreSQL::Test::Cluster->new('symbols');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION propstreet; SELECT propstreet.install()');

# Every function of ours is one that SQL has declared
my $declared = $node->safe_psql('postgres', "SELECT prosrc FROM pg_proc WHERE probin LIKE '%propstreet%' GROUP BY 1 ORDER BY prosrc COLLATE \"C\"");
is(join("\n", sort grep { !/^pg_finfo_/ } keys %functions), $declared, 'SQL declares them all');

# A library that comes first, and has functions of the names that ours and other JSON libraries have
my $dir = PostgreSQL::Test::Utils::tempdir();
my @names = qw(json_array json_string json_number json_object json_tree run routes act_as attempt trimmed quoted fetch has_ref id_parse
  utc_parse price_cmp price_amount etag_in cursor_encode append_member current_tenant not_found problem_raise
  json_object_get json_object_put json_object_object_get_ex json_object_array_length json_tokener_new_ex json_tokener_parse_ex);
open my $source, '>', "$dir/first.c" or die $!;
print $source "#include \"postgres.h\"\n#include \"fmgr.h\"\nPG_MODULE_MAGIC;\n#pragma GCC visibility push(default)\n",
  map { "void $_(void);\nvoid $_(void)\n{\n\telog(PANIC, \"$_() of another library\");\n}\n" } @names;
close $source;
my $headers = `pg_config --includedir-server`;
chomp $headers;
system_or_bail('gcc', '-shared', '-fPIC', "-I$headers", '-o', "$dir/first.so", "$dir/first.c");
my $loaded = "LOAD '$dir/first.so'; SET propstreet.tenant_id = '1';";
is( $node->safe_psql('postgres', "$loaded SELECT propstreet.transactions_valid('[]')"), 't', 'the check of transactions, after a library with json_array');
is( $node->safe_psql(
		'postgres',
		"$loaded SELECT propstreet.project_create('{\"name\": \"a\", \"price\": {\"value\": 1, \"currency\": \"SEK\"}, \"externalRefs\": [{\"namespace\": \"a\", \"id\": \"1\"}]}') ->> 'name';
	SELECT propstreet.project_list() -> 'data' -> 0 ->> 'name';
	SELECT propstreet.price '1 SEK' OPERATOR(propstreet.<) propstreet.price '2 SEK', propstreet.etag 'W/\"a\"';
	SELECT status FROM propstreet.handle('GET', '/api/v1/projects')"),
	"a\na\nt|W/\"a\"\n200", 'operations, types and REST');

done_testing();
