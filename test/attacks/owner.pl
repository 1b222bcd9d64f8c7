use strict;
use warnings;
sub owner { }
1;
