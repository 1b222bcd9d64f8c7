use strict;
use warnings;
sub endpoint { }
1;
