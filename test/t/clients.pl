# The programs in doc/clients.md run, in JavaScript and Python, with the drivers of others and the data of the quick start.

use strict;
use warnings;

use File::Copy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use lib 'test/docs';
use Pages;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->psql('app', join "\n", map { $_->{text} } grep { $_->{language} eq 'sql' } blocks('README.md'));
is($node->safe_psql('app', 'SELECT count(*) FROM propstreet.prospect'), '5', 'the quick start has run');

my $directory = PostgreSQL::Test::Utils::tempdir;
copy('test/docs/package.json', $directory) or die $!;
command_ok(['npm', '--prefix', $directory, '--cache', "$directory/cache", 'install', '--no-audit', '--no-fund', '--silent'],
	'the drivers are there');

$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGUSER} = 'agency';
$ENV{PGDATABASE} = 'app';

foreach my $block (grep { $_->{language} =~ /^(js|python)$/ && $_->{comment} !~ /not run/ } map { blocks($_) } pages())
{
	my $program = "$directory/program" . ($block->{language} eq 'python' ? '.py' : $block->{text} =~ /^import /m ? '.mjs' : '.js');

	append_to_file($program, $block->{text});
	command_ok([ $block->{language} eq 'python' ? '/usr/bin/python3' : 'node', $program ], "$block->{page}: $block->{section}");
	unlink $program;
}

done_testing();
