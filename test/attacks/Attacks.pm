# Runs the attempts of the attackers in test/attacks, and tells which were not refused.
#
# An attempt is a line: kind, description, script, and what more than the following counts as refused. Its script goes to psql,
# as the attacker. It has succeeded if the server or a backend crashed; if it showed a row or a secret of another tenant's; if an
# error was an internal one; if it went on for much longer than statement_timeout; if anything of the other tenant's has changed,
# or a role's rights, or code of the attacker's has run as a superuser; if another tenant could not work meanwhile (`victim`).

package Attacks;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(attempt attack report succeeded tried is_up);

my @attempts;
my %count;      # attacker -> kind -> [tried, refused]
my @succeeded;
my $file = PostgreSQL::Test::Utils::tempdir() . '/script';
my @kinds = qw(read write escalate crash stop lie);

# The statement_timeout of an attempt, and how long it may take, in seconds
use constant { TIMEOUT => 2, ENOUGH => 30 };

# Adds an attempt; expected: a pattern that standard output and error have to match together
sub attempt
{
	my ($kind, $description, $script, $expected) = @_;

	die "no script: $description" if $script eq '';
	push(@attempts, { kind => $kind, description => $description, script => $script, expected => $expected });
	return;
}

# Counts an attempt, by what it has achieved, if anything
sub tried
{
	my ($attacker, $kind, $description, $achieved, $script) = @_;

	$count{$attacker}{$kind}[0]++;
	if (!defined $achieved)
	{
		$count{$attacker}{$kind}[1]++;
		return;
	}
	push(@succeeded, "$attacker, $kind: $description: $achieved");
	diag("$succeeded[-1]\n" . substr($script // '', 0, 2000));
	return;
}

sub succeeded { return @succeeded; }

# Waits until the server takes connections again
sub is_up
{
	my ($node) = @_;

	for (my $end = time + 60; time < $end; sleep(0.1))
	{
		return 1 if $node->psql('template1', 'SELECT 1') == 0;
	}
	die 'the server does not come up again';
}

# Runs a part of the attempts in one psql: the output of each. It may end early, after the last of which there is output.
sub run_part
{
	my ($node, $setup, @part) = @_;
	my $script = '';
	my ($stdout, $stderr) = ('', '');
	my $number = 0;
	my @results;

	foreach my $attempt (@part)
	{
		$script .= "\\echo =$number\n\\warn =$number\n\\o\n\\set AUTOCOMMIT on\n\\set ON_ERROR_ROLLBACK off\n"
		  . ($attempt->{moved} // 1 ? qq{\\connect "$setup->{connect}"\n} : '')
		  . "SET statement_timeout = '" . TIMEOUT . "s';\n"
		  . 'SELECT pg_catalog.clock_timestamp() AS begun' . "\\gset\n"
		  . "$attempt->{script}\n;\n\\echo\nROLLBACK;\nRESET ROLE;\nRESET SESSION AUTHORIZATION;\nRESET statement_timeout;\nDISCARD ALL;\n"
		  . "SELECT '=took ' OPERATOR(pg_catalog.||) pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) :'begun'::pg_catalog.timestamptz)::pg_catalog.text;\n";
		$number++;
	}
	open(my $handle, '>', $file) or die "$file: $!";
	print $handle $script;
	close $handle;
	IPC::Run::run([ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-v', 'ON_ERROR_STOP=0', '-d', $setup->{connect}, '-f', $file ],
		'<', \undef, '>', \$stdout, '2>', \$stderr, IPC::Run::timeout(300));
	foreach my $text ($stdout, $stderr)
	{
		my @pieces = split(/^=(\d+)\n/m, $text);
		shift @pieces;
		while (my ($i, $output) = splice(@pieces, 0, 2))
		{
			$results[$i] .= $output // '';
		}
	}
	return @results;
}

# What an attempt has achieved by its output, or undef
sub achieved
{
	my ($setup, $attempt, $output) = @_;
	my $secrets = $setup->{secrets};
	my ($took) = $output =~ /^=took ([\d.]+)$/m;

	return 'the server crashed' if $output =~ /server closed the connection unexpectedly|connection to server was lost|terminat\w+ (abnormally|connection because of crash)/;
	return "it shows $1" if $output =~ /($secrets)/;
	return "an internal error: $1" if $output =~ /((ERROR|FATAL|PANIC):  XX\d\d\d.*)/;
	return "it took $took s" if defined $took && $took > ENOUGH;
	return "no answer as expected but: " . substr($output, 0, 400) if $attempt->{expected} && $output !~ $attempt->{expected};
	return;
}

# Makes all attempts that were added, in parts, and looks after each part whether anything has changed
sub attack
{
	my ($attacker, $node, $setup) = @_;
	my @left = map { { %$_, moved => scalar($_->{script} =~ /\\connect/) } } @attempts;
	my $size = $setup->{part} // 100;

	@attempts = ();
	# a new session for the first of a part, and after one that has left its own
	while (@left)
	{
		my @part = splice(@left, 0, $size);
		my $moved = 1;
		foreach my $attempt (@part)
		{
			($moved, $attempt->{moved}) = ($attempt->{moved}, $moved);
		}
		make($attacker, $node, $setup, @part);
	}
	return;
}

sub make
{
	my ($attacker, $node, $setup, @part) = @_;
	my $before = $setup->{state}->();

	while (@part)
	{
		my @results = run_part($node, $setup, @part);
		my @made = splice(@part, 0, scalar(@results) || 1);
		my @outcomes = map { scalar(achieved($setup, $made[$_], $results[$_] // 'the server was lost: server closed the connection unexpectedly')) } 0 .. $#made;

		if (@part)
		{
			# psql ends where a connection is refused
			$outcomes[-1] //= 'the session was lost' if $results[$#made] !~ /^psql.* FATAL:  /m;
			$part[0]->{moved} = 1;
		}
		is_up($node) if @part || grep { ($_ // '') =~ /crashed/ } @outcomes;
		my $after = $setup->{state}->();
		if ($after ne $before)
		{
			my $what = "something has changed: $before -> $after";

			if (@made > 1)
			{
				# one by one, to see which it was
				$setup->{restore}->() if $setup->{restore};
				foreach my $attempt (@made)
				{
					make($attacker, $node, $setup, { %$attempt, moved => 1 });
				}
				$before = $setup->{state}->();
				next;
			}
			$outcomes[0] //= $what;
			$setup->{restore}->() if $setup->{restore};
			$before = $setup->{state}->();
		}
		tried($attacker, $made[$_]->{kind}, $made[$_]->{description}, $outcomes[$_], $made[$_]->{script}) foreach 0 .. $#made;
	}
	return;
}

# A table of what was tried and refused
sub report
{
	my @lines = sprintf("%-18s" . "%18s" x @kinds, 'tried/refused', @kinds);

	foreach my $attacker (sort keys %count)
	{
		push(@lines, sprintf("%-18s" . "%18s" x @kinds, $attacker,
				map { $count{$attacker}{$_} ? sprintf('%d/%d', $count{$attacker}{$_}[0], $count{$attacker}{$_}[1] // 0) : '-' } @kinds));
	}
	# on the screen of make check, too
	diag(join("\n", @lines));
	return;
}

1;
