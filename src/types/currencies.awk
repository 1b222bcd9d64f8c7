# currencies.awk: src/types/currencies.h, the table of currencies, from the sorted lines of iso-4217.csv:
#	LC_ALL=C sort src/types/iso-4217.csv | awk -f src/types/currencies.awk
# To refresh: put the active codes and the withdrawn ones with their month of withdrawal (ISO 4217, tables A.1 and A.3)
# into iso-4217.csv, and their date below. Never remove a code: stored rows may carry it. One that is in both lists is active.

BEGIN {
	FS = ","
	as_of = "2026-02"
	print "/* Made from iso-4217.csv by currencies.awk: the codes of ISO 4217 as of " as_of ", sorted. */"
	print "#define CURRENCIES_AS_OF \"" as_of "\"\n"
	print "static const Currency currencies[] = {"
}

function put() {
	if (code != "")
		printf "\t{\"%s\", %s},\n", code, withdrawn == "" ? "NULL" : "\"" withdrawn "\""
}

/^[A-Z][A-Z][A-Z],/ {
	if ($1 != code) {
		put()
		code = $1
		withdrawn = $NF
	} else if ($NF == "")
		withdrawn = ""
}

END {
	put()
	print "};"
}
