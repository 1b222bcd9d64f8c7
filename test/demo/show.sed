# How `make demo` shows what psql prints: errors without the script's name, long JSON on several lines, and room after it.

s/^psql:[^ ]*: //

/^(DETAIL:  )?[[{]/ {
	:fold
	s/([^\n]{1,96}),(["{][^\n]*)$/\1,\n \2/
	/[^\n]{100}$/ t fold
	/^DETAIL/! s/$/\n/
}
