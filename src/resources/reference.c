/*
 * reference.c
 *	  The external references of a resource: at most one of each namespace.
 */
#include "postgres.h"

#include "utils/array.h"

#include "resources/resources.h"

/* References as an array. */
Datum
refs_datum(ExternalRef **refs, int count)
{
	Oid type = type_oid(T_EXTERNAL_REF);

	if (count == 0)
		return PointerGetDatum(construct_empty_array(type));
	return PointerGetDatum(construct_array((Datum *) refs, count, type, -1, false, TYPALIGN_INT));
}

/* The references of an array, without nulls. */
int
refs_deform(Datum array, ExternalRef ***refs)
{
	int count;
	Datum *elements = array_elements(array, T_EXTERNAL_REF, &count);

	*refs = palloc(sizeof(ExternalRef *) * Max(count, 1));
	for (int i = 0; i < count; i++)
		(*refs)[i] = (ExternalRef *) PG_DETOAST_DATUM_PACKED(elements[i]);
	return count;
}

/* Are two references of the same namespace? */
bool
same_namespace(const ExternalRef *a, const ExternalRef *b)
{
	int len = namespace_len(a);

	return len == namespace_len(b) && memcmp(VARDATA_ANY(a), VARDATA_ANY(b), len) == 0;
}

bool
same_ref(const ExternalRef *a, const ExternalRef *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		   memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

/* Is a reference among these? */
bool
has_ref(Datum array, const ExternalRef *ref)
{
	ExternalRef **refs;
	int count = refs_deform(array, &refs);

	for (int i = 0; i < count; i++)
		if (same_ref(refs[i], ref))
			return true;
	return false;
}

/* References with one more. */
Datum
refs_append(Datum array, ExternalRef *ref)
{
	ExternalRef **refs;
	int count = refs_deform(array, &refs);

	refs = repalloc(refs, sizeof(ExternalRef *) * (count + 1));
	refs[count] = ref;
	return refs_datum(refs, count + 1);
}

PG_FUNCTION_INFO_V1(propstreet_external_refs_valid);

/* external_refs_valid(external_ref[]) boolean */
Datum
propstreet_external_refs_valid(PG_FUNCTION_ARGS)
{
	ArrayType *array = PG_GETARG_ARRAYTYPE_P(0);
	ExternalRef **refs;
	int count;

	if (ARR_NDIM(array) > 1 || array_contains_nulls(array))
		PG_RETURN_BOOL(false);
	count = refs_deform(PointerGetDatum(array), &refs);
	if (count > EXTERNAL_REF_MAX)
		PG_RETURN_BOOL(false);
	for (int i = 0; i < count; i++)
		for (int j = 0; j < i; j++)
			if (same_namespace(refs[i], refs[j]))
				PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(true);
}

static void
append_ref_element(StringInfo out, Datum element)
{
	append_external_ref(out, (ExternalRef *) PG_DETOAST_DATUM_PACKED(element));
}

/* References as an array of objects. */
void
append_external_refs(StringInfo out, Datum array)
{
	append_array(out, array, T_EXTERNAL_REF, append_ref_element);
}
