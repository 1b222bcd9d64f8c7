# The pages of the documentation: their headings, links and code blocks.

package Pages;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(pages lines anchor headings links blocks);

sub pages
{
	return ('README.md', 'CONTRIBUTING.md', sort glob('doc/*.md'));
}

sub lines
{
	my ($page) = @_;

	open my $file, '<:encoding(UTF-8)', $page or die "$page: $!";
	chomp(my @lines = <$file>);
	return @lines;
}

# Calls back with each line and its number; in_code is the language of the code block that it is in, and undefined elsewhere
sub walk
{
	my ($page, $visit) = @_;
	my ($number, $language) = (0);

	foreach my $line (lines($page))
	{
		$number++;
		if ($line =~ /^```(.*)/)
		{
			$language = defined $language ? undef : $1;
			$visit->($line, $number, $language, 1);
		}
		else
		{
			$visit->($line, $number, $language, 0);
		}
	}
}

# The anchor of a heading, as GitHub makes it
sub anchor
{
	my $anchor = lc $_[0];

	$anchor =~ s/[^\w -]//g;
	$anchor =~ tr/ /-/;
	return $anchor;
}

# The anchors of a page
sub headings
{
	my ($page) = @_;
	my %anchors;

	walk($page, sub {
		my ($line, undef, $language) = @_;

		$anchors{ anchor($1) } = 1 if !defined $language && $line =~ /^#+ +(.*)/;
	});
	return %anchors;
}

# Where links and pictures point to: [target, line number]
sub links
{
	my ($page) = @_;
	my @links;

	walk($page, sub {
		my ($line, $number, $language) = @_;

		return if defined $language;
		push @links, [ $1, $number ] while $line =~ /\]\(([^)\s]+)\)/g;
	});
	return @links;
}

# The code blocks of a page: page, line, section, language, text, and what the HTML comment before it says
sub blocks
{
	my ($page) = @_;
	my ($section, $comment, @blocks) = ('', '');

	walk($page, sub {
		my ($line, $number, $language, $fence) = @_;

		if ($fence && defined $language)
		{
			push @blocks, { page => $page, line => $number, section => $section, language => $language, comment => $comment, text => '' };
		}
		elsif (defined $language)
		{
			$blocks[-1]{text} .= "$line\n";
		}
		else
		{
			$section = $1 if $line =~ /^##+ +(.*)/;
			$comment = $line =~ /^<!-- (.*) -->$/ ? $1 : '' if $line ne '';
		}
	});
	return @blocks;
}

1;
